// The optimizers of the tables and their settings: docs/semantics.md, section 3. Their formulas: rules.hpp.
#pragma once
#include <cstdint>

namespace manyhot {

enum class Rule : int32_t { sgd = 0, adagrad = 1, proximal_adagrad = 2, ftrl = 3, adam = 4, rowwise_adagrad = 5 };

struct Optimizer {
  Rule rule;
  float learning_rate, l1, l2, beta1, beta2, epsilon;
  // adam, of the global step t: what weight decay leaves of w, learning_rate / (1 - beta1^t), sqrt(1 - beta2^t).
  float kept, corrected_rate, correction2;
  // 1 - beta, taken before beta was rounded to float32: near 1 nothing of it would be left.
  float gain1, gain2;
  // penalty * w is added to the gradient: L2 of the rules that have none in their formula.
  float penalty;
  // Every row moves, those that are not in the batch by the gradient 0 (and the penalty).
  bool all_rows;
};

// How the rows below `end`, from the end of the range before, move. linear_states: where in a row those begin.
struct RowRange {
  int64_t end, linear_states;
  Optimizer latent, linear;
};

// The ranges of a whole table, ends rising.
struct Rules {
  const RowRange* ranges;
  int64_t num_ranges;
};

// Floats of state for so many parameters of one row.
inline int states_of(Rule rule, int params) {
  switch (rule) {
    case Rule::sgd: return 0;
    case Rule::adagrad:
    case Rule::proximal_adagrad: return params;
    case Rule::rowwise_adagrad: return params > 0;
    default: return 2 * params;
  }
}

}  // namespace manyhot
