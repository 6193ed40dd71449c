// See table_kernels.hpp. Raw pointers only, and no template that other files have too: see level.hpp.
#include "table_kernels.hpp"

#include "lanes.hpp"
#include "row_moves.hpp"
#include "row_sharing.hpp"

#define MANYHOT_TEXT_OF(x) #x
#define MANYHOT_TEXT(x) MANYHOT_TEXT_OF(x)

namespace manyhot {
namespace MANYHOT_LEVEL {
namespace {

constexpr int64_t kPairsAhead = 12;  // pairs between a prefetch and its use

inline float weight_of(const float* weights, int64_t i) {
  return weights ? weights[i] : 1.0f;
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

// A backward pass over a batch. Occurrences in the order of the plan.
struct Backward {
  const Table table;
  const RowPlan plan;
  const Gradients in;
  float* const out;
  const int64_t num_pairs;

  // range: how the row moves; null: its gradient goes to out.
  void row(int64_t r, const RowRange* range, float* scratch) const {
    const int dim = table.dim;
    float* row = table.data + plan.rows[r] * table.stride;
    float linear = 0;
    if (in.linear)
      for (int64_t j = plan.starts[r]; j < plan.starts[r + 1]; j++) {
        if (dim == 0 && j + kPairsAhead < num_pairs) __builtin_prefetch(in.linear + plan.bags[j + kPairsAhead]);
        linear += weight_of(plan.weights, j) * in.linear[plan.bags[j]];
      }
    float* whole = range ? nullptr : out + r * (dim + 1);
    if (range && range->latent.rule == Rule::rowwise_adagrad) whole = scratch;
    if (dim > 0)
      in_tiles(dim, 0, [=, this](auto count, int d0) {
        const auto gradient = in.pooled.half
                                  ? latent_gradient<count.value>(table, plan, in, in.pooled.half, r, d0, num_pairs)
                                  : latent_gradient<count.value>(table, plan, in, in.pooled.single, r, d0, num_pairs);
        if (range)
          move_latent<count.value>(range->latent, row, dim, d0, gradient, whole);
        else
          gradient.store(whole + d0);
      });
    if (!range) {
      whole[dim] = linear;
      return;
    }
    if (whole) move_together(range->latent, row, row + dim + 1, whole, dim);
    move_linear(*range, row, dim, linear);
  }
};

void backward(const Table& table, const RowPlan& plan, const Gradients& in, const Rules* rules, float* out,
              int num_threads) {
  const Backward pass{table, plan, in, out, plan.starts[plan.num_rows]};
  share(table, {plan.rows, plan.starts, plan.num_rows}, rules, num_threads,
        [&pass](int64_t r, const RowRange* range, float* scratch) { pass.row(r, range, scratch); });
}

void move_rows(const Table& table, const int32_t* rows, int64_t num_rows, const float* gradients, float factor,
               const Rules& rules, int num_threads) {
  share(table, {rows, nullptr, num_rows}, &rules, num_threads, [&](int64_t r, const RowRange* range, float* scratch) {
    move_row(*range, table.data + rows[r] * table.stride, table.dim, gradients + r * (table.dim + 1), factor, scratch);
  });
}

}  // namespace

extern const KernelSet kernels;
const KernelSet kernels{MANYHOT_TEXT(MANYHOT_LEVEL), forward, backward, move_rows};

}  // namespace MANYHOT_LEVEL
}  // namespace manyhot
