// From Examples on disk to a batch: copies chosen rows, applies the combiner of each field, moves ids to table rows.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

namespace manyhot {

enum class Combiner : uint8_t { sum = 0, mean = 1, sqrtn = 2 };

// A run of consecutive examples: offsets [rows*F+1] into ids and weights (weights null: all 1), labels null where
// unknown.
struct Chunk {
  const int32_t* offsets;
  const int32_t* ids;
  const float* weights;
  const float* labels;
  int64_t first_row, num_rows;
};

struct GatheredBatch {
  std::vector<int32_t> ids, offsets, bags;
  std::vector<float> weights, labels;
  bool unit_weights = true;
};

// Appends one bag with normalised weights (docs/semantics.md, section 2): mean x/sum(x), sqrtn x/sqrt(sum x^2), both
// over x > 0 only.
inline void append_bag(GatheredBatch& out, const int32_t* ids, const float* weights, int64_t num_pairs, int32_t base,
                       Combiner combiner, int32_t bag) {
  double total = 0;
  if (combiner != Combiner::sum)
    for (int64_t i = 0; i < num_pairs; i++) {
      const double x = weights ? weights[i] : 1.0;
      if (x > 0) total += combiner == Combiner::mean ? x : x * x;
    }
  const double scale = combiner == Combiner::sum ? 1.0 : combiner == Combiner::mean ? total : std::sqrt(total);
  for (int64_t i = 0; i < num_pairs; i++) {
    const float x = weights ? weights[i] : 1.0f;
    if (combiner != Combiner::sum && !(x > 0)) continue;
    const float normalised = static_cast<float>(x / scale);
    out.unit_weights &= normalised == 1.0f;
    out.ids.push_back(ids[i] + base);
    out.weights.push_back(normalised);
    out.bags.push_back(bag);
  }
  out.offsets.push_back(static_cast<int32_t>(out.ids.size()));
}

// chunks in rising first_row; every row must lie in one of them.
inline GatheredBatch gather(const std::vector<Chunk>& chunks, const int64_t* rows, int64_t num_examples,
                            int64_t num_fields, const int32_t* bases, const uint8_t* combiners) {
  GatheredBatch out;
  out.offsets.reserve(num_examples * num_fields + 1);
  out.offsets.push_back(0);
  out.labels.reserve(num_examples);
  for (int64_t b = 0; b < num_examples; b++) {
    size_t low = 0, high = chunks.size() - 1;
    while (low < high) {
      const size_t middle = (low + high + 1) / 2;
      if (chunks[middle].first_row <= rows[b])
        low = middle;
      else
        high = middle - 1;
    }
    const Chunk& chunk = chunks[low];
    const int64_t row = rows[b] - chunk.first_row;
    for (int64_t f = 0; f < num_fields; f++) {
      const int32_t begin = chunk.offsets[row * num_fields + f], end = chunk.offsets[row * num_fields + f + 1];
      append_bag(out, chunk.ids + begin, chunk.weights ? chunk.weights + begin : nullptr, end - begin, bases[f],
                 static_cast<Combiner>(combiners[f]), static_cast<int32_t>(b * num_fields + f));
    }
    if (chunk.labels) out.labels.push_back(chunk.labels[row]);
  }
  return out;
}

}  // namespace manyhot
