// The optimizers of the tables and their settings: docs/semantics.md, section 3. Their formulas: rules.hpp.
#pragma once
#include <cstdint>

namespace manyhot {

enum class Rule : int32_t { sgd = 0, adagrad = 1, proximal_adagrad = 2, ftrl = 3, adam = 4 };

struct Optimizer {
  Rule rule;
  float learning_rate, l1, l2, beta1, beta2, epsilon, weight_decay;
  // adam: 1 - beta1^t and sqrt(1 - beta2^t) of the global step t.
  float correction1, correction2;
  // 1 - beta, taken before beta was rounded to float32: near 1 nothing of it would be left.
  float gain1, gain2;
};

// Floats of state for each parameter.
inline int states_of(Rule rule) {
  switch (rule) {
    case Rule::sgd: return 0;
    case Rule::adagrad:
    case Rule::proximal_adagrad: return 1;
    default: return 2;
  }
}

}  // namespace manyhot
