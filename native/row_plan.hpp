// Groups the pairs of a batch by table row: a stable radix sort of (row, position), made ahead of time by the loader.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

namespace manyhot {

// ids [N] in 0..num_table_rows-1. Fills order [N]; returns rows and starts. Scratch is reused between calls.
struct RowPlanner {
  std::vector<int32_t> keys_a, keys_b, places;

  void plan(const int32_t* ids, int64_t num_pairs, int64_t num_table_rows, int32_t* order, std::vector<int32_t>& rows,
            std::vector<int32_t>& starts) {
    constexpr int kBits = 11;
    int bits = 1;
    while (bits < 31 && (int64_t{1} << bits) < num_table_rows) bits++;
    const int passes = (bits + kBits - 1) / kBits;
    keys_a.resize(num_pairs), keys_b.resize(num_pairs), places.resize(num_pairs);
    const int32_t *from_keys = ids, *from_places = nullptr;
    for (int pass = 0; pass < passes; pass++) {
      // The last pass must land in `order`: passes alternate between the two buffers, counted from the end.
      const bool to_order = (passes - pass) % 2 == 1;
      int32_t *to_keys = to_order ? keys_a.data() : keys_b.data(), *to_places = to_order ? order : places.data();
      uint32_t heads[1 << kBits] = {};
      const int shift = pass * kBits;
      const int32_t mask = (1 << kBits) - 1;
      for (int64_t i = 0; i < num_pairs; i++) heads[(from_keys[i] >> shift) & mask]++;
      uint32_t total = 0;
      for (uint32_t& head : heads) {
        const uint32_t count = head;
        head = total;
        total += count;
      }
      for (int64_t i = 0; i < num_pairs; i++) {
        const uint32_t to = heads[(from_keys[i] >> shift) & mask]++;
        to_keys[to] = from_keys[i];
        to_places[to] = from_places ? from_places[i] : static_cast<int32_t>(i);
      }
      from_keys = to_keys, from_places = to_places;
    }
    rows.clear(), starts.clear();
    for (int64_t i = 0; i < num_pairs; i++)
      if (i == 0 || from_keys[i] != from_keys[i - 1]) {
        rows.push_back(from_keys[i]);
        starts.push_back(static_cast<int32_t>(i));
      }
    starts.push_back(static_cast<int32_t>(num_pairs));
  }
};

}  // namespace manyhot
