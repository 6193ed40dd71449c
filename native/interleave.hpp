// From columns of pairs to row-major bags.
#pragma once
#include <cstdint>
#include <vector>

namespace manyhot {

// Pairs of one column, with offsets [rows+1]. Columns come field by field, and a field may have several.
struct PairColumn {
  const int32_t* ids;
  const float* weights;  // null: all 1
  const int32_t* offsets;
  int32_t field;
};

// ids [N], weights [N] (empty: all 1), offsets [rows*F+1].
struct InterleavedBags {
  std::vector<int32_t> ids, offsets;
  std::vector<float> weights;
};

inline InterleavedBags interleave(const std::vector<PairColumn>& columns, int64_t num_rows, bool with_weights) {
  int64_t num_pairs = 0, num_fields = 0;
  for (size_t c = 0; c < columns.size(); c++) {
    num_pairs += columns[c].offsets[num_rows];
    num_fields += c + 1 == columns.size() || columns[c + 1].field != columns[c].field;
  }
  InterleavedBags out;
  out.ids.resize(num_pairs);
  out.weights.resize(with_weights ? num_pairs : 0);
  out.offsets.resize(num_rows * num_fields + 1);
  int32_t* bag = out.offsets.data();
  int32_t end = 0;
  for (int64_t row = 0; row < num_rows; row++)
    for (size_t c = 0; c < columns.size(); c++) {
      const PairColumn& column = columns[c];
      for (int32_t i = column.offsets[row]; i < column.offsets[row + 1]; i++, end++) {
        out.ids[end] = column.ids[i];
        if (with_weights) out.weights[end] = column.weights ? column.weights[i] : 1.0f;
      }
      if (c + 1 == columns.size() || columns[c + 1].field != column.field) *++bag = end;
    }
  return out;
}

}  // namespace manyhot
