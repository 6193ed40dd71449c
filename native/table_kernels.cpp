// See table_kernels.hpp. Raw pointers only: a template of the standard library, compiled here for a newer processor,
// could be picked by the linker for everyone.
#include "table_kernels.hpp"

#include <cstring>

#ifdef _OPENMP
#include <omp.h>
#endif

#ifndef MANYHOT_LEVEL
#define MANYHOT_LEVEL baseline
#endif
#define MANYHOT_TEXT_OF(x) #x
#define MANYHOT_TEXT(x) MANYHOT_TEXT_OF(x)

namespace manyhot {
namespace MANYHOT_LEVEL {
namespace {

constexpr int kTile = 128;           // latent numbers kept in registers and stack at a time
constexpr int64_t kPairsAhead = 12;  // pairs between a prefetch and its use
constexpr int64_t kRowsAhead = 6;    // distinct rows, in the backward pass
constexpr int64_t kLine = 16;        // floats in a cache line

inline void prefetch_read(const float* row, int64_t floats) {
  for (int64_t k = 0; k < floats; k += kLine) __builtin_prefetch(row + k);
}

inline void prefetch_write(float* row, int64_t floats) {
  for (int64_t k = 0; k < floats; k += kLine) __builtin_prefetch(row + k, 1);
}

inline float weight_of(const float* weights, int64_t i) {
  return weights ? weights[i] : 1.0f;
}

// kDim > 0 is D known when compiling (loops unroll); 0 means D is table.dim, walked in tiles. Each row is read once.
template <int kDim, class Pooled>
void forward_example(const Table& table, const Batch& batch, bool field_pairs, const Outputs& out, Pooled* pooled_out,
                     int64_t b, int64_t last_pair) {
  const int dim = kDim ? kDim : table.dim;
  const int64_t first_bag = b * batch.num_fields;
  for (int d0 = 0; d0 < dim; d0 += kTile) {
    const int count = kDim ? kDim : (dim - d0 < kTile ? dim - d0 : kTile);
    float sum[kDim ? kDim : kTile] = {}, squares[kDim ? kDim : kTile] = {};
    for (int64_t f = 0; f < batch.num_fields; f++) {
      float pooled[kDim ? kDim : kTile] = {}, linear = 0;
      for (int64_t i = batch.offsets[first_bag + f]; i < batch.offsets[first_bag + f + 1]; i++) {
        const float x = weight_of(batch.weights, i);
        const float* row = table.data + batch.ids[i] * table.stride;
        if (i + kPairsAhead < last_pair)
          prefetch_read(table.data + batch.ids[i + kPairsAhead] * table.stride + d0, count + 1);
        for (int d = 0; d < count; d++) {
          const float scaled = x * row[d0 + d];
          pooled[d] += scaled;
          if (!field_pairs) squares[d] += scaled * scaled;
        }
        linear += x * row[dim];
      }
      if (d0 == 0) out.linear[first_bag + f] = linear;
      for (int d = 0; d < count; d++) sum[d] += pooled[d];
      if (field_pairs)
        for (int d = 0; d < count; d++) squares[d] += pooled[d] * pooled[d];
      for (int d = 0; d < count; d++) store(pooled_out + (first_bag + f) * dim + d0 + d, pooled[d]);
    }
    for (int d = 0; d < count; d++) {
      out.sum[b * dim + d0 + d] = sum[d];
      out.bi[b * dim + d0 + d] = 0.5f * (sum[d] * sum[d] - squares[d]);
    }
  }
}

// D = 0.
void linear_example(const Table& table, const Batch& batch, const Outputs& out, int64_t b, int64_t last_pair) {
  for (int64_t bag = b * batch.num_fields; bag < (b + 1) * batch.num_fields; bag++) {
    float linear = 0;
    for (int64_t i = batch.offsets[bag]; i < batch.offsets[bag + 1]; i++) {
      if (i + kPairsAhead < last_pair) __builtin_prefetch(table.data + batch.ids[i + kPairsAhead] * table.stride);
      linear += weight_of(batch.weights, i) * table.data[batch.ids[i] * table.stride];
    }
    out.linear[bag] = linear;
  }
}

template <int kDim>
void forward_all(const Table& table, const Batch& batch, bool field_pairs, const Outputs& out, int num_threads) {
  const int64_t last_pair = batch.offsets[batch.num_examples * batch.num_fields];
  (void)num_threads;
#pragma omp parallel for schedule(static) num_threads(num_threads)
  for (int64_t b = 0; b < batch.num_examples; b++) {
    if (table.dim == 0)
      linear_example(table, batch, out, b, last_pair);
    else if (out.pooled.half)
      forward_example<kDim>(table, batch, field_pairs, out, out.pooled.half, b, last_pair);
    else
      forward_example<kDim>(table, batch, field_pairs, out, out.pooled.single, b, last_pair);
  }
}

void move_row(const Optimizer& o, float* row, int params, int d0, int count, const float* g) {
  float *w = row + d0, *s0 = row + params + d0, *s1 = row + 2 * params + d0;
  switch (o.rule) {
    case Rule::sgd: return move<Rule::sgd>(o, w, s0, s1, g, count);
    case Rule::adagrad: return move<Rule::adagrad>(o, w, s0, s1, g, count);
    case Rule::proximal_adagrad: return move<Rule::proximal_adagrad>(o, w, s0, s1, g, count);
    case Rule::ftrl: return move<Rule::ftrl>(o, w, s0, s1, g, count);
    case Rule::adam: return move<Rule::adam>(o, w, s0, s1, g, count);
  }
}

// Gradient of one row, occurrences in the order of the plan. For a pair with weight x in bag (b, f):
// d latent = x * (g_pooled[b,f] + g_bi[b] * (sum[b] - x * latent))   (all pairs of features)
// d latent = x * (g_pooled[b,f] + g_bi[b] * (sum[b] - pooled[b,f]))  (pairs of fields)
template <int kDim, class Pooled>
void backward_row(const Table& table, const RowPlan& plan, const Gradients& in, const Pooled* pooled,
                  const Optimizer* optimizer, float* out, int64_t r, int64_t last) {
  const int dim = kDim ? kDim : table.dim, params = dim + 1;
  const int64_t begin = plan.starts[r], end = plan.starts[r + 1];
  const uint32_t num_fields = static_cast<uint32_t>(plan.num_fields);
  float* row = table.data + plan.rows[r] * table.stride;
  float linear = 0;
  if (in.linear)
    for (int64_t j = begin; j < end; j++) linear += weight_of(plan.weights, j) * in.linear[plan.bags[j]];
  for (int d0 = 0; d0 < dim; d0 += kTile) {
    const int count = kDim ? kDim : (dim - d0 < kTile ? dim - d0 : kTile);
    float total[kDim ? kDim : kTile] = {};
    const float* latent = row + d0;
    for (int64_t j = begin; j < end; j++) {
      const int64_t bag = plan.bags[j], b = static_cast<uint32_t>(bag) / num_fields;
      const float x = weight_of(plan.weights, j);
      if (j + kPairsAhead < last && pooled) {
        const char* ahead = reinterpret_cast<const char*>(pooled + int64_t{plan.bags[j + kPairsAhead]} * dim + d0);
        for (size_t k = 0; k < count * sizeof(Pooled); k += 64) __builtin_prefetch(ahead + k);
      }
      if (pooled) {
        const Pooled* g = pooled + bag * dim + d0;
        for (int d = 0; d < count; d++) total[d] += x * load(g + d);
      }
      if (in.bi) {
        const float *g = in.bi + b * dim + d0, *sum = in.sum + b * dim + d0;
        if (in.field_pooled) {
          const float* own = in.field_pooled + bag * dim + d0;
          for (int d = 0; d < count; d++) total[d] += x * (g[d] * (sum[d] - own[d]));
        } else {
          for (int d = 0; d < count; d++) total[d] += x * (g[d] * (sum[d] - x * latent[d]));
        }
      }
    }
    if (optimizer)
      move_row(*optimizer, row, params, d0, count, total);
    else
      std::memcpy(out + r * params + d0, total, sizeof(float) * count);
  }
  if (optimizer)
    move_row(*optimizer, row, params, dim, 1, &linear);
  else
    out[r * params + dim] = linear;
}

// Rows are cut into one range a thread, so that each has about as many occurrences. A row belongs to one thread.
int64_t first_row_of(const RowPlan& plan, int64_t occurrence) {
  int64_t low = 0, high = plan.num_rows;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (plan.starts[middle] < occurrence)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

template <int kDim>
void backward_all(const Table& table, const RowPlan& plan, const Gradients& in, const Optimizer* optimizer, float* out,
                  int num_threads) {
  const int64_t num_pairs = plan.starts[plan.num_rows];
  (void)num_threads;
#pragma omp parallel num_threads(num_threads)
  {
    int64_t threads = 1, me = 0;
#ifdef _OPENMP
    threads = omp_get_num_threads(), me = omp_get_thread_num();
#endif
    const int64_t end = me + 1 == threads ? plan.num_rows : first_row_of(plan, num_pairs * (me + 1) / threads);
    for (int64_t r = first_row_of(plan, num_pairs * me / threads); r < end; r++) {
      if (r + kRowsAhead < end) prefetch_write(table.data + plan.rows[r + kRowsAhead] * table.stride, table.stride);
      if (in.pooled.half)
        backward_row<kDim>(table, plan, in, in.pooled.half, optimizer, out, r, num_pairs);
      else
        backward_row<kDim>(table, plan, in, in.pooled.single, optimizer, out, r, num_pairs);
    }
  }
}

void forward(const Table& table, const Batch& batch, bool field_pairs, const Outputs& out, int num_threads) {
  switch (table.dim) {
    case 4: return forward_all<4>(table, batch, field_pairs, out, num_threads);
    case 8: return forward_all<8>(table, batch, field_pairs, out, num_threads);
    case 16: return forward_all<16>(table, batch, field_pairs, out, num_threads);
    case 32: return forward_all<32>(table, batch, field_pairs, out, num_threads);
    case 64: return forward_all<64>(table, batch, field_pairs, out, num_threads);
    case 128: return forward_all<128>(table, batch, field_pairs, out, num_threads);
    default: return forward_all<0>(table, batch, field_pairs, out, num_threads);
  }
}

void backward(const Table& table, const RowPlan& plan, const Gradients& in, const Optimizer* optimizer, float* out,
              int num_threads) {
  switch (table.dim) {
    case 4: return backward_all<4>(table, plan, in, optimizer, out, num_threads);
    case 8: return backward_all<8>(table, plan, in, optimizer, out, num_threads);
    case 16: return backward_all<16>(table, plan, in, optimizer, out, num_threads);
    case 32: return backward_all<32>(table, plan, in, optimizer, out, num_threads);
    case 64: return backward_all<64>(table, plan, in, optimizer, out, num_threads);
    case 128: return backward_all<128>(table, plan, in, optimizer, out, num_threads);
    default: return backward_all<0>(table, plan, in, optimizer, out, num_threads);
  }
}

}  // namespace

extern const KernelSet kernels;
const KernelSet kernels{MANYHOT_TEXT(MANYHOT_LEVEL), forward, backward};

}  // namespace MANYHOT_LEVEL
}  // namespace manyhot
