// See table_kernels.hpp. Raw pointers only, and no template that other files have too: see level.hpp.
#include "table_kernels.hpp"

#include "lanes.hpp"
#include "rules.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

#define MANYHOT_TEXT_OF(x) #x
#define MANYHOT_TEXT(x) MANYHOT_TEXT_OF(x)

namespace manyhot {
namespace MANYHOT_LEVEL {
namespace {

constexpr int64_t kPairsAhead = 12;  // pairs between a prefetch and its use
constexpr int64_t kRowsAhead = 6;    // distinct rows, in the backward pass

inline void prefetch_row(const float* row, int64_t floats) {
  for (int64_t k = 0; k < floats; k += 16) __builtin_prefetch(row + k, 1);
}

inline float weight_of(const float* weights, int64_t i) {
  return weights ? weights[i] : 1.0f;
}

// A number known when compiling.
template <int kCount>
struct Count {
  static constexpr int value = kCount;
};

// Calls step(Count, d0) for tiles that cover d0 .. dim: the largest first, their sizes powers of two.
template <int kCount = kMaxTile, class Step>
void in_tiles(int dim, int d0, const Step& step) {
  for (; dim - d0 >= kCount; d0 += kCount) step(Count<kCount>{}, d0);
  if constexpr (kCount > 1)
    if (d0 < dim) in_tiles<kCount / 2>(dim, d0, step);
}

// Latent numbers d0 .. d0+kCount of one example; with the first tile its linear weights too.
template <int kCount, class Pooled>
void forward_tile(const Table& table, const Batch& batch, bool field_pairs, const Outputs& out, Pooled* pooled_out,
                  int64_t b, int d0, int64_t last_pair) {
  using Latent = Tile<kCount>;
  const int dim = table.dim;
  const int64_t first_bag = b * batch.num_fields;
  Latent sum = Latent::zeros(), squares = Latent::zeros();
  for (int64_t f = 0; f < batch.num_fields; f++) {
    Latent pooled = Latent::zeros();
    float linear = 0;
    for (int64_t i = batch.offsets[first_bag + f]; i < batch.offsets[first_bag + f + 1]; i++) {
      if (i + kPairsAhead < last_pair) {
        const float* ahead = table.data + batch.ids[i + kPairsAhead] * table.stride;
        for (int k = 0; k < kCount; k += 16) __builtin_prefetch(ahead + d0 + k);
        if (d0 == 0) __builtin_prefetch(ahead + dim);
      }
      const float x = weight_of(batch.weights, i);
      const float* row = table.data + batch.ids[i] * table.stride;
      const Latent scaled = Latent::load(row + d0) * x;
      pooled += scaled;
      if (!field_pairs) squares += scaled * scaled;
      linear += x * row[dim];
    }
    if (d0 == 0) out.linear[first_bag + f] = linear;
    sum += pooled;
    if (field_pairs) squares += pooled * pooled;
    pooled.store(pooled_out + (first_bag + f) * dim + d0);
  }
  sum.store(out.sum + b * dim + d0);
  ((sum * sum - squares) * 0.5f).store(out.bi + b * dim + d0);
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

void forward(const Table& table, const Batch& batch, bool field_pairs, const Outputs& out, int num_threads) {
  const int64_t last_pair = batch.offsets[batch.num_examples * batch.num_fields];
  (void)num_threads;
#pragma omp parallel for schedule(static) num_threads(num_threads)
  for (int64_t b = 0; b < batch.num_examples; b++) {
    if (table.dim == 0) linear_example(table, batch, out, b, last_pair);
    in_tiles(table.dim, 0, [&](auto count, int d0) {
      if (out.pooled.half)
        forward_tile<count.value>(table, batch, field_pairs, out, out.pooled.half, b, d0, last_pair);
      else
        forward_tile<count.value>(table, batch, field_pairs, out, out.pooled.single, b, d0, last_pair);
    });
  }
}

template <int kCount>
void move_part(const Optimizer& o, float* row, int params, int d0, const float* g) {
  float *w = row + d0, *s0 = row + params + d0, *s1 = row + 2 * params + d0;
  switch (o.rule) {
    case Rule::sgd: return move<Rule::sgd, kCount>(o, w, s0, s1, g);
    case Rule::adagrad: return move<Rule::adagrad, kCount>(o, w, s0, s1, g);
    case Rule::proximal_adagrad: return move<Rule::proximal_adagrad, kCount>(o, w, s0, s1, g);
    case Rule::ftrl: return move<Rule::ftrl, kCount>(o, w, s0, s1, g);
    case Rule::adam: return move<Rule::adam, kCount>(o, w, s0, s1, g);
  }
}

// Gradient of latent numbers d0 .. d0+kCount of one row. For a pair with weight x in bag (b, f):
// d latent = x * (g_pooled[b,f] + g_bi[b] * (sum[b] - x * latent))   (all pairs of features)
// d latent = x * (g_pooled[b,f] + g_bi[b] * (sum[b] - pooled[b,f]))  (pairs of fields)
template <int kCount, class Pooled>
Tile<kCount> latent_gradient(const Table& table, const RowPlan& plan, const Gradients& in, const Pooled* pooled,
                             int64_t r, int d0, int64_t last) {
  using Latent = Tile<kCount>;
  const int64_t dim = table.dim;
  const uint32_t num_fields = static_cast<uint32_t>(plan.num_fields);
  const Latent latent = Latent::load(table.data + plan.rows[r] * table.stride + d0);
  Latent total = Latent::zeros();
  for (int64_t j = plan.starts[r]; j < plan.starts[r + 1]; j++) {
    const int64_t bag = plan.bags[j], b = static_cast<uint32_t>(bag) / num_fields;
    const float x = weight_of(plan.weights, j);
    if (pooled) {
      if (j + kPairsAhead < last) {
        const Pooled* ahead = pooled + plan.bags[j + kPairsAhead] * dim + d0;
        for (size_t k = 0; k < kCount; k += 64 / sizeof(Pooled)) __builtin_prefetch(ahead + k);
      }
      total += Latent::load(pooled + bag * dim + d0) * x;
    }
    if (in.bi) {
      const Latent g = Latent::load(in.bi + b * dim + d0), sum = Latent::load(in.sum + b * dim + d0);
      const Latent own = in.field_pooled ? Latent::load(in.field_pooled + bag * dim + d0) : latent * x;
      total += (g * (sum - own)) * x;
    }
  }
  return total;
}

// Occurrences in the order of the plan.
void backward_row(const Table& table, const RowPlan& plan, const Gradients& in, const Optimizer* optimizer, float* out,
                  int64_t r, int64_t last) {
  const int params = table.dim + 1;
  float* row = table.data + plan.rows[r] * table.stride;
  float linear = 0;
  if (in.linear)
    for (int64_t j = plan.starts[r]; j < plan.starts[r + 1]; j++) {
      if (table.dim == 0 && j + kPairsAhead < last) __builtin_prefetch(in.linear + plan.bags[j + kPairsAhead]);
      linear += weight_of(plan.weights, j) * in.linear[plan.bags[j]];
    }
  in_tiles(table.dim, 0, [&](auto count, int d0) {
    const auto gradient = in.pooled.half ? latent_gradient<count.value>(table, plan, in, in.pooled.half, r, d0, last)
                                         : latent_gradient<count.value>(table, plan, in, in.pooled.single, r, d0, last);
    float g[count.value];
    gradient.store(optimizer ? g : out + r * params + d0);
    if (optimizer) move_part<count.value>(*optimizer, row, params, d0, g);
  });
  if (optimizer)
    move_part<1>(*optimizer, row, params, table.dim, &linear);
  else
    out[r * params + table.dim] = linear;
}

// Rows are cut into one range a thread, each about as much work: a row to fetch and move costs several occurrences of a
// row that is at hand. A row belongs to one thread.
int64_t work_before(const RowPlan& plan, int64_t r) {
  constexpr int64_t kOccurrencesPerRow = 8;
  return plan.starts[r] + kOccurrencesPerRow * r;
}

int64_t first_row_of(const RowPlan& plan, int64_t part, int64_t parts) {
  const int64_t wanted = work_before(plan, plan.num_rows) * part / parts;
  int64_t low = 0, high = plan.num_rows;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (work_before(plan, middle) < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void backward(const Table& table, const RowPlan& plan, const Gradients& in, const Optimizer* optimizer, float* out,
              int num_threads) {
  const int64_t num_pairs = plan.starts[plan.num_rows];
  (void)num_threads;
#pragma omp parallel num_threads(num_threads)
  {
    int64_t threads = 1, me = 0;
#ifdef _OPENMP
    threads = omp_get_num_threads(), me = omp_get_thread_num();
#endif
    const int64_t end = first_row_of(plan, me + 1, threads);
    for (int64_t r = first_row_of(plan, me, threads); r < end; r++) {
      if (r + kRowsAhead < end) prefetch_row(table.data + plan.rows[r + kRowsAhead] * table.stride, table.stride);
      backward_row(table, plan, in, optimizer, out, r, num_pairs);
    }
  }
}

}  // namespace

extern const KernelSet kernels;
const KernelSet kernels{MANYHOT_TEXT(MANYHOT_LEVEL), forward, backward};

}  // namespace MANYHOT_LEVEL
}  // namespace manyhot
