// From Examples on disk to a batch: copies chosen rows, applies the combiner of each field, moves ids to table rows.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "array.hpp"
#include "checks.hpp"

namespace manyhot {

enum class Combiner : uint8_t { sum = 0, mean = 1, sqrtn = 2 };

// A run of consecutive examples: offsets [rows*F+1] into ids and weights [num_pairs] (weights null: all 1), labels
// [rows*T] null where unknown (T labels an example), example_weights [rows] null where all are 1.
struct Chunk {
  const int32_t* offsets;
  const int32_t* ids;
  const float* weights;
  const float* labels;
  int64_t first_row, num_rows, num_pairs;
  bool one_pair_a_bag;
  const float* example_weights = nullptr;
};

// offsets [B*F+1] into ids and weights. weights is empty where all are 1, labels where those of any chunk are unknown,
// example_weights where no chunk has any.
struct GatheredBatch {
  Array<int32_t> ids, offsets;
  Array<float> weights, labels, example_weights;
  size_t num_pairs = 0;
};

// Past the last int32 it begins anew, as numpy's sum does; that such an id lies in no table is seen later.
inline int32_t table_row(int32_t id, int32_t base) {
  return static_cast<int32_t>(static_cast<uint32_t>(id) + static_cast<uint32_t>(base));
}

// Writes one bag with normalised weights (docs/semantics.md, section 2): mean x/sum(x), sqrtn x/sqrt(sum x^2), both
// over x > 0 only. Returns the number of pairs written; all_ones becomes false where a weight is not 1.
inline size_t combine_bag(const int32_t* ids, const float* weights, int64_t num_pairs, int32_t base, Combiner combiner,
                          int32_t* out_ids, float* out_weights, bool& all_ones) {
  if (!weights && (combiner == Combiner::sum || num_pairs == 1)) {
    for (int64_t i = 0; i < num_pairs; i++) out_ids[i] = table_row(ids[i], base), out_weights[i] = 1.0f;
    return num_pairs;
  }
  double total = 0;
  if (combiner != Combiner::sum)
    for (int64_t i = 0; i < num_pairs; i++) {
      const double x = weights ? weights[i] : 1.0;
      if (x > 0) total += combiner == Combiner::mean ? x : x * x;
    }
  const double scale = combiner == Combiner::sum ? 1.0 : combiner == Combiner::mean ? total : std::sqrt(total);
  size_t count = 0;
  for (int64_t i = 0; i < num_pairs; i++) {
    const float x = weights ? weights[i] : 1.0f;
    if (combiner != Combiner::sum && !(x > 0)) continue;
    const float normalised = static_cast<float>(x / scale);
    all_ones &= normalised == 1.0f;
    out_ids[count] = table_row(ids[i], base);
    out_weights[count++] = normalised;
  }
  return count;
}

// Where an example lies, and its pairs.
struct Place {
  const Chunk* chunk;
  int64_t row;  // in the chunk
  int32_t first = 0, last = 0;
};

// chunks in rising first_row; row must lie in one of them. Chunks are mostly of one size: the first guess mostly holds.
inline Place find(const std::vector<Chunk>& chunks, int64_t row, int64_t num_rows) {
  size_t k = static_cast<size_t>(static_cast<double>(row) / num_rows * chunks.size());
  while (chunks[k].first_row > row) k--;
  while (chunks[k].first_row + chunks[k].num_rows <= row) k++;
  return {&chunks[k], row - chunks[k].first_row};
}

// Whether offsets rise, four at a time; the answer is put off to the end, as the question comes once a row.
class OffsetsCheck {
 public:
  // offsets [num_bags+1], the first one not negative.
  void see(const int32_t* offsets, int64_t num_bags) {
    int64_t i = 0;
    for (; i + 4 <= num_bags; i += 4) {
      Four from, to;
      std::memcpy(&from, offsets + i, sizeof from), std::memcpy(&to, offsets + i + 1, sizeof to);
      signs_ |= to | (to - from);  // of two that are not negative the difference tells the greater one
    }
    for (; i < num_bags; i++)
      signs_[0] |= static_cast<uint32_t>(offsets[i + 1]) |
                   (static_cast<uint32_t>(offsets[i + 1]) - static_cast<uint32_t>(offsets[i]));
  }
  bool rising() const { return !((signs_[0] | signs_[1] | signs_[2] | signs_[3]) >> 31); }

 private:
  typedef uint32_t Four __attribute__((vector_size(16)));
  Four signs_ = {};
};

// Offsets are looked at again: they may lie in a mapped file, and somebody may have written there since they were
// checked. Raises std::invalid_argument.
inline GatheredBatch gather(const std::vector<Chunk>& chunks, const int64_t* rows, int64_t num_examples,
                            int64_t num_fields, int64_t num_labels, const int32_t* bases, const uint8_t* combiners) {
  check_counts(num_examples, num_fields, 0);
  // Rows come in random order from memory that no cache holds: each step touches what the next one needs.
  const int64_t num_rows = chunks.empty() ? 0 : chunks.back().first_row + chunks.back().num_rows;
  const bool labelled = std::all_of(chunks.begin(), chunks.end(), [](const Chunk& chunk) { return chunk.labels; });
  std::vector<Place> places(num_examples);
  for (int64_t b = 0; b < num_examples; b++) {
    places[b] = find(chunks, rows[b], num_rows);
    const Chunk& chunk = *places[b].chunk;
    for (int64_t f = 0; f <= num_fields; f += 16) __builtin_prefetch(chunk.offsets + places[b].row * num_fields + f);
    if (chunk.labels) __builtin_prefetch(chunk.labels + places[b].row * num_labels);
  }
  size_t most_pairs = 0;
  bool sound = true;
  OffsetsCheck check;
  for (auto& [chunk, row, first, last] : places) {
    const int32_t* offsets = chunk->offsets + row * num_fields;
    first = offsets[0], last = offsets[num_fields];
    sound &= first >= 0 && last <= chunk->num_pairs;
    if (chunk->one_pair_a_bag)
      sound &= last - int64_t{first} == num_fields;
    else
      check.see(offsets, num_fields);
    most_pairs += static_cast<size_t>(last) - first;
  }
  require(sound && check.rising(), "the offsets of the Examples have changed since they were added");
  require(most_pairs <= size_t{kMostPairs}, "a batch has more than 2^31 - 1 pairs; give it in smaller pieces");

  GatheredBatch out;
  out.offsets = Array<int32_t>(num_examples * num_fields + 1);
  out.ids = Array<int32_t>(most_pairs), out.weights = Array<float>(most_pairs);
  out.labels = Array<float>(labelled ? num_examples * num_labels : 0);
  out.offsets[0] = 0;
  size_t label_count = 0;
  bool all_ones = true;
  constexpr int64_t kAhead = 8;
  for (int64_t b = 0; b < num_examples; b++) {
    if (b + kAhead < num_examples) {
      const Place& ahead = places[b + kAhead];
      for (int64_t i = ahead.first; i < ahead.last; i += 16) {
        __builtin_prefetch(ahead.chunk->ids + i);
        if (ahead.chunk->weights) __builtin_prefetch(ahead.chunk->weights + i);
      }
    }
    const auto& [chunk, row, start, last] = places[b];
    if (chunk->one_pair_a_bag && !chunk->weights) {  // whatever the combiner, its weight is 1
      const int32_t* ids = chunk->ids + start;
      const size_t first = out.num_pairs;
      for (int64_t f = 0; f < num_fields; f++) {
        out.ids[first + f] = table_row(ids[f], bases[f]);
        out.weights[first + f] = 1.0f;
        out.offsets[b * num_fields + f + 1] = static_cast<int32_t>(first + f + 1);
      }
      out.num_pairs += num_fields;
    } else {
      const int32_t* offsets = chunk->offsets + row * num_fields;
      for (int64_t f = 0; f < num_fields; f++) {
        const float* weights = chunk->weights ? chunk->weights + offsets[f] : nullptr;
        out.num_pairs += combine_bag(chunk->ids + offsets[f], weights, offsets[f + 1] - offsets[f], bases[f],
                                     static_cast<Combiner>(combiners[f]), &out.ids[out.num_pairs],
                                     &out.weights[out.num_pairs], all_ones);
        out.offsets[b * num_fields + f + 1] = static_cast<int32_t>(out.num_pairs);
      }
    }
    if (labelled)
      for (int64_t t = 0; t < num_labels; t++) out.labels[label_count++] = chunk->labels[row * num_labels + t];
  }
  // A loop of its own, so that the one above does not ask each row whether there are weights.
  const auto weighted = [](const Chunk& chunk) { return chunk.example_weights != nullptr; };
  if (std::any_of(chunks.begin(), chunks.end(), weighted)) {
    out.example_weights = Array<float>(num_examples);
    for (int64_t b = 0; b < num_examples; b++)
      out.example_weights[b] = weighted(*places[b].chunk) ? places[b].chunk->example_weights[places[b].row] : 1.0f;
  }
  if (all_ones) out.weights = Array<float>();
  out.ids.size = out.num_pairs, out.weights.size = all_ones ? 0 : out.num_pairs, out.labels.size = label_count;
  return out;
}

}  // namespace manyhot
