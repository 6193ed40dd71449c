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

// The hot loop keeps its numbers in registers; the compiler alone would make a call of what two loops need.
#define INLINED __attribute__((always_inline)) inline

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

// kCount parameters w; under rowwise_adagrad all that share the state s0.
template <int kCount>
INLINED void move_part(const Optimizer& o, float* w, float* s0, float* s1, const float* g) {
  switch (o.rule) {
    case Rule::sgd: return move<Rule::sgd, kCount>(o, w, s0, s1, g);
    case Rule::adagrad: return move<Rule::adagrad, kCount>(o, w, s0, s1, g);
    case Rule::proximal_adagrad: return move<Rule::proximal_adagrad, kCount>(o, w, s0, s1, g);
    case Rule::ftrl: return move<Rule::ftrl, kCount>(o, w, s0, s1, g);
    case Rule::adam: return move<Rule::adam, kCount>(o, w, s0, s1, g);
    case Rule::rowwise_adagrad: return move_together(o, w, s0, g, kCount);
  }
}

// The latent numbers d0 .. d0+kCount of a row by their gradient. Where whole is not null it is only put there: the rule
// needs all of it.
template <int kCount>
INLINED void move_latent(const Optimizer& o, float* row, int dim, int d0, Tile<kCount> gradient, float* whole) {
  if (o.penalty != 0.0f) gradient += Tile<kCount>::load(row + d0) * o.penalty;
  if (whole) return gradient.store(whole + d0);
  float g[kCount];
  gradient.store(g);
  float* states = row + dim + 1;
  move_part<kCount>(o, row + d0, states + d0, states + dim + d0, g);
}

INLINED void move_linear(const RowRange& range, float* row, int dim, float g) {
  float *w = row + dim, *states = row + range.linear_states;
  if (range.linear.penalty != 0.0f) g += range.linear.penalty * *w;
  move_part<1>(range.linear, w, states, states + 1, &g);
}

// Room for the gradient of one row, for rules that need the whole of it.
class Scratch {
 public:
  Scratch(const Rules& rules, int dim) {
    for (int64_t k = 0; k < rules.num_ranges; k++)
      if (!data && dim > 0 && rules.ranges[k].latent.rule == Rule::rowwise_adagrad) data = new float[dim];
  }
  ~Scratch() { delete[] data; }
  Scratch(const Scratch&) = delete;
  float* data = nullptr;
};

// A row that is given, not summed up: gradient [D+1] times factor, or null: 0, and only what moves in every step.
void move_row(const RowRange& range, float* row, int dim, const float* gradient, float factor, float* scratch) {
  if (gradient || range.latent.all_rows) {
    float* whole = range.latent.rule == Rule::rowwise_adagrad ? scratch : nullptr;
    in_tiles(dim, 0, [&](auto count, int d0) {
      using Latent = Tile<count.value>;
      const Latent given = gradient ? Latent::load(gradient + d0) * factor : Latent::zeros();
      move_latent<count.value>(range.latent, row, dim, d0, given, whole);
    });
    if (whole) move_together(range.latent, row, row + dim + 1, whole, dim);
  }
  if (gradient || range.linear.all_rows) move_linear(range, row, dim, gradient ? gradient[dim] * factor : 0.0f);
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

// Rows are cut into one part a thread, each about as much work: a row to fetch and move costs several occurrences of a
// row that is at hand. A row belongs to one thread.
constexpr int64_t kOccurrencesPerRow = 8;

// The first of `count` positions before which lies `part` of `parts` of the work; work_before rises.
template <class Work>
int64_t first_of(int64_t count, int64_t part, int64_t parts, const Work& work_before) {
  const int64_t wanted = work_before(count) * part / parts;
  int64_t low = 0, high = count;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (work_before(middle) < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// The first of the rising rows that is not below `row`.
int64_t first_from(const int32_t* rows, int64_t num_rows, int64_t row) {
  int64_t low = 0, high = num_rows;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (rows[middle] < row)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// Rows of a batch, rising, and where the pairs of each start (null: one a row).
struct Touched {
  const int32_t* rows;
  const int32_t* starts;
  int64_t num_rows;
  int64_t pairs_before(int64_t r) const { return starts ? starts[r] : r; }
};

// Calls step(r, range) for the touched rows of a thread.
template <class Step>
void each_touched(const Table& table, const Touched& touched, const Rules* rules, int64_t me, int64_t threads,
                  const Step& step) {
  const auto work = [&](int64_t r) { return touched.pairs_before(r) + kOccurrencesPerRow * r; };
  const int64_t end = first_of(touched.num_rows, me + 1, threads, work);
  const RowRange* range = rules ? rules->ranges : nullptr;
  for (int64_t r = first_of(touched.num_rows, me, threads, work); r < end; r++) {
    if (r + kRowsAhead < end) prefetch_row(table.data + touched.rows[r + kRowsAhead] * table.stride, table.stride);
    if (range)
      while (touched.rows[r] >= range->end) range++;
    step(r, range);
  }
}

// Calls step(r, range) for the touched rows of a thread, and moves the others where their range says so.
template <class Step>
void each_row(const Table& table, const Touched& touched, const Rules& rules, int64_t me, int64_t threads,
              float* scratch, const Step& step) {
  const int64_t all = rules.ranges[rules.num_ranges - 1].end;
  const auto work = [&](int64_t row) {
    return touched.pairs_before(first_from(touched.rows, touched.num_rows, row)) + kOccurrencesPerRow * row;
  };
  const int64_t end = first_of(all, me + 1, threads, work);
  int64_t row = first_of(all, me, threads, work);
  int64_t r = first_from(touched.rows, touched.num_rows, row);
  for (const RowRange* range = rules.ranges; row < end;) {
    while (row >= range->end) range++;
    const int64_t next = r < touched.num_rows ? touched.rows[r] : end;
    if (row == next)
      step(r++, range), row++;
    else if (range->latent.all_rows || range->linear.all_rows)
      move_row(*range, table.data + row++ * table.stride, table.dim, nullptr, 0.0f, scratch);
    else
      row = next < range->end ? next : range->end;
  }
}

bool moves_all(const Rules& rules) {
  bool all = false;
  for (int64_t k = 0; k < rules.num_ranges; k++)
    all |= rules.ranges[k].latent.all_rows || rules.ranges[k].linear.all_rows;
  return all;
}

// Calls step(r, range, scratch) for each touched row, on threads; range is null without rules.
template <class Step>
void share(const Table& table, const Touched& touched, const Rules* rules, int num_threads, const Step& step) {
  const bool all = rules && moves_all(*rules);
  (void)num_threads;
#pragma omp parallel num_threads(num_threads)
  {
    int64_t threads = 1, me = 0;
#ifdef _OPENMP
    threads = omp_get_num_threads(), me = omp_get_thread_num();
#endif
    const Scratch scratch(rules ? *rules : Rules{nullptr, 0}, table.dim);
    const auto one = [&](int64_t r, const RowRange* range) { step(r, range, scratch.data); };
    if (all)
      each_row(table, touched, *rules, me, threads, scratch.data, one);
    else
      each_touched(table, touched, rules, me, threads, one);
  }
}

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
