// From Examples on disk to a batch: copies chosen rows, applies the combiner of each field, moves ids to table rows.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "array.hpp"

namespace manyhot {

enum class Combiner : uint8_t { sum = 0, mean = 1, sqrtn = 2 };

// A run of consecutive examples: offsets [rows*F+1] into ids and weights (weights null: all 1), labels [rows*T] null
// where unknown (T labels an example), example_weights [rows] null where all are 1.
struct Chunk {
  const int32_t* offsets;
  const int32_t* ids;
  const float* weights;
  const float* labels;
  int64_t first_row, num_rows;
  bool one_pair_a_bag;
  const float* example_weights = nullptr;
};

// offsets [B*F+1] into ids and weights. weights is empty where all are 1, labels where unknown, example_weights where
// no chunk has any.
struct GatheredBatch {
  Array<int32_t> ids, offsets;
  Array<float> weights, labels, example_weights;
  size_t num_pairs = 0;
};

// Writes one bag with normalised weights (docs/semantics.md, section 2): mean x/sum(x), sqrtn x/sqrt(sum x^2), both
// over x > 0 only. Returns the number of pairs written; all_ones becomes false where a weight is not 1.
inline size_t combine_bag(const int32_t* ids, const float* weights, int64_t num_pairs, int32_t base, Combiner combiner,
                          int32_t* out_ids, float* out_weights, bool& all_ones) {
  if (!weights && (combiner == Combiner::sum || num_pairs == 1)) {
    for (int64_t i = 0; i < num_pairs; i++) out_ids[i] = ids[i] + base, out_weights[i] = 1.0f;
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
    out_ids[count] = ids[i] + base;
    out_weights[count++] = normalised;
  }
  return count;
}

// Where an example lies.
struct Place {
  const Chunk* chunk;
  int64_t row;  // in the chunk
};

// chunks in rising first_row; row must lie in one of them. Chunks are mostly of one size: the first guess mostly holds.
inline Place find(const std::vector<Chunk>& chunks, int64_t row, int64_t num_rows) {
  size_t k = static_cast<size_t>(static_cast<double>(row) / num_rows * chunks.size());
  while (chunks[k].first_row > row) k--;
  while (chunks[k].first_row + chunks[k].num_rows <= row) k++;
  return {&chunks[k], row - chunks[k].first_row};
}

inline GatheredBatch gather(const std::vector<Chunk>& chunks, const int64_t* rows, int64_t num_examples,
                            int64_t num_fields, int64_t num_labels, const int32_t* bases, const uint8_t* combiners) {
  // Rows come in random order from memory that no cache holds: each step touches what the next one needs.
  const int64_t num_rows = chunks.empty() ? 0 : chunks.back().first_row + chunks.back().num_rows;
  std::vector<Place> places(num_examples);
  for (int64_t b = 0; b < num_examples; b++) {
    places[b] = find(chunks, rows[b], num_rows);
    const Chunk& chunk = *places[b].chunk;
    for (int64_t f = 0; f <= num_fields; f += 16) __builtin_prefetch(chunk.offsets + places[b].row * num_fields + f);
    if (chunk.labels) __builtin_prefetch(chunk.labels + places[b].row * num_labels);
  }
  size_t most_pairs = 0;
  for (const auto& [chunk, row] : places)
    most_pairs += chunk->offsets[(row + 1) * num_fields] - chunk->offsets[row * num_fields];

  GatheredBatch out;
  out.offsets = Array<int32_t>(num_examples * num_fields + 1);
  out.ids = Array<int32_t>(most_pairs), out.weights = Array<float>(most_pairs);
  out.labels = Array<float>(num_examples * num_labels);
  out.offsets[0] = 0;
  size_t label_count = 0;
  bool all_ones = true;
  constexpr int64_t kAhead = 8;
  for (int64_t b = 0; b < num_examples; b++) {
    if (b + kAhead < num_examples) {
      const auto& [ahead, row] = places[b + kAhead];
      for (int32_t i = ahead->offsets[row * num_fields]; i < ahead->offsets[(row + 1) * num_fields]; i += 16) {
        __builtin_prefetch(ahead->ids + i);
        if (ahead->weights) __builtin_prefetch(ahead->weights + i);
      }
    }
    const auto& [chunk, row] = places[b];
    const int32_t* offsets = chunk->offsets + row * num_fields;
    if (chunk->one_pair_a_bag && !chunk->weights) {  // whatever the combiner, its weight is 1
      const int32_t* ids = chunk->ids + offsets[0];
      const size_t first = out.num_pairs;
      for (int64_t f = 0; f < num_fields; f++) {
        out.ids[first + f] = ids[f] + bases[f];
        out.weights[first + f] = 1.0f;
        out.offsets[b * num_fields + f + 1] = static_cast<int32_t>(first + f + 1);
      }
      out.num_pairs += num_fields;
    } else
      for (int64_t f = 0; f < num_fields; f++) {
        const float* weights = chunk->weights ? chunk->weights + offsets[f] : nullptr;
        out.num_pairs += combine_bag(chunk->ids + offsets[f], weights, offsets[f + 1] - offsets[f], bases[f],
                                     static_cast<Combiner>(combiners[f]), &out.ids[out.num_pairs],
                                     &out.weights[out.num_pairs], all_ones);
        out.offsets[b * num_fields + f + 1] = static_cast<int32_t>(out.num_pairs);
      }
    if (chunk->labels)
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
