// Groups the pairs of a batch by table row: a stable radix sort of (row, pair), made ahead of time by the loader.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "array.hpp"

namespace manyhot {

// See RowPlan in table_kernels.hpp. weights is null where all are 1; rows and starts hold num_rows (+ 1) numbers.
struct PlannedRows {
  Array<int32_t> rows, starts, bags;
  Array<float> weights;
  size_t num_rows = 0;
};

// Keeps its scratch memory between calls.
class RowPlanner {
 public:
  // ids [N] in 0..num_table_rows-1, weights [N] or null, offsets [num_bags+1].
  PlannedRows plan(const int32_t* ids, const float* weights, const int32_t* offsets, int64_t num_bags,
                   int64_t num_table_rows) {
    const int64_t num_pairs = offsets[num_bags];
    choose_passes(num_table_rows);
    count_digits(ids, num_pairs);
    first_pass(ids, weights != nullptr, offsets, num_bags);
    for (int pass = 1; pass < num_passes_; pass++) next_pass(pass, num_pairs);
    return collect(weights, num_pairs);
  }

 private:
  static constexpr int kMaxBits = 12, kMaxPasses = 3;  // 4096 places to write to stay in the cache

  void choose_passes(int64_t num_table_rows) {
    int bits = 1;
    while (bits < 31 && (int64_t{1} << bits) < num_table_rows) bits++;
    num_passes_ = (bits + kMaxBits - 1) / kMaxBits;
    bits_ = (bits + num_passes_ - 1) / num_passes_;
  }

  uint32_t digit(uint32_t row, int pass) const { return (row >> (pass * bits_)) & ((1u << bits_) - 1); }

  // heads_[pass]: where the next pair with each digit goes.
  void count_digits(const int32_t* ids, int64_t num_pairs) {
    for (int pass = 0; pass < num_passes_; pass++) {
      std::fill_n(heads_[pass], 1 << bits_, 0u);
      for (int64_t i = 0; i < num_pairs; i++) heads_[pass][digit(ids[i], pass)]++;
      uint32_t total = 0;
      for (int d = 0; d < 1 << bits_; d++) total += std::exchange(heads_[pass][d], total);
    }
  }

  // Rows with what the plan needs of a pair: its bag or, where it has a weight too, its number.
  void first_pass(const int32_t* ids, bool weighted, const int32_t* offsets, int64_t num_bags) {
    const size_t num_pairs = offsets[num_bags];
    if (sorted_.size() < num_pairs) sorted_.resize(num_pairs);
    if (other_.size() < num_pairs) other_.resize(num_pairs);  // not so where memory ran out between the two
    if (weighted && bag_of_.size() < num_pairs) bag_of_.resize(num_pairs);
    for (int32_t bag = 0; bag < num_bags; bag++)
      for (int32_t i = offsets[bag]; i < offsets[bag + 1]; i++) {
        if (weighted) bag_of_[i] = bag;
        const uint64_t row = static_cast<uint32_t>(ids[i]);
        sorted_[heads_[0][digit(row, 0)]++] = row << 32 | static_cast<uint32_t>(weighted ? i : bag);
      }
  }

  void next_pass(int pass, int64_t num_pairs) {
    for (int64_t j = 0; j < num_pairs; j++) other_[heads_[pass][digit(sorted_[j] >> 32, pass)]++] = sorted_[j];
    std::swap(sorted_, other_);
  }

  PlannedRows collect(const float* weights, int64_t num_pairs) const {
    PlannedRows out;
    out.rows = Array<int32_t>(num_pairs), out.starts = Array<int32_t>(num_pairs + 1);
    out.bags = Array<int32_t>(num_pairs);
    if (weights) out.weights = Array<float>(num_pairs);
    out.starts[0] = 0;
    int64_t before = -1;
    for (int64_t j = 0; j < num_pairs; j++) {
      const int64_t row = sorted_[j] >> 32;
      out.num_rows += row != before;  // no branch: the end of a row is written again until it stays
      out.rows[out.num_rows - 1] = static_cast<int32_t>(row);
      out.starts[out.num_rows] = static_cast<int32_t>(j + 1);
      before = row;
      const uint32_t what = static_cast<uint32_t>(sorted_[j]);
      out.bags[j] = static_cast<int32_t>(weights ? bag_of_[what] : what);
      if (weights) out.weights[j] = weights[what];
    }
    return out;
  }

  int bits_ = 0, num_passes_ = 0;
  uint32_t heads_[kMaxPasses][1 << kMaxBits];
  std::vector<uint64_t> sorted_, other_;
  std::vector<int32_t> bag_of_;
};

}  // namespace manyhot
