// How a whole row moves: its latent numbers tile by tile, its linear weight, each by its optimizer. table_kernels.cpp
// alone includes this.
#pragma once
#include "lanes.hpp"
#include "rules.hpp"
#include "table_kernels.hpp"

namespace manyhot::MANYHOT_LEVEL {
namespace {

// The hot loop keeps its numbers in registers; the compiler alone would make a call of what two loops need.
#define INLINED __attribute__((always_inline)) inline

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

}  // namespace
}  // namespace manyhot::MANYHOT_LEVEL
