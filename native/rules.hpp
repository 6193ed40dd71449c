// How the numbers of a row move: docs/semantics.md, section 3. Knows no Python, no threads.
#pragma once
#include <cmath>

#include "level.hpp"
#include "optimizer.hpp"

namespace manyhot::MANYHOT_LEVEL {

// Moves kCount parameters w with gradient g. States lie at s0 and s1 (the second only for two-state rules).
template <Rule rule, int kCount>
inline void move(const Optimizer& o, float* __restrict w, float* __restrict s0, float* __restrict s1,
                 const float* __restrict g) {
  if constexpr (rule == Rule::sgd) {
    for (int d = 0; d < kCount; d++) w[d] -= o.learning_rate * g[d];
  } else if constexpr (rule == Rule::adagrad) {
    for (int d = 0; d < kCount; d++) {
      s0[d] += g[d] * g[d];
      w[d] -= o.learning_rate * g[d] / std::sqrt(s0[d]);
    }
  } else if constexpr (rule == Rule::proximal_adagrad) {
    for (int d = 0; d < kCount; d++) {
      s0[d] += g[d] * g[d];
      const float rate = o.learning_rate / std::sqrt(s0[d]);
      const float p = w[d] - rate * g[d];
      const float shrunk = std::fabs(p) - rate * o.l1;
      w[d] = std::copysign(shrunk < 0.0f ? 0.0f : shrunk, p) / (1.0f + rate * o.l2);
    }
  } else if constexpr (rule == Rule::ftrl) {  // s0 = n, s1 = z
    for (int d = 0; d < kCount; d++) {
      // sqrt(n') - sqrt(n) written as g^2 / (sqrt(n') + sqrt(n)): the difference itself would lose most of its digits.
      const float squared = g[d] * g[d], n = s0[d] + squared;
      const float z = s1[d] + g[d] - squared / (std::sqrt(n) + std::sqrt(s0[d])) / o.learning_rate * w[d];
      const float pulled = std::copysign(o.l1, z) - z;
      w[d] = std::fabs(z) <= o.l1 ? 0.0f : pulled / (std::sqrt(n) / o.learning_rate + 2.0f * o.l2);
      s0[d] = n;
      s1[d] = z;
    }
  } else {  // adam: s0 = first moment, s1 = second
    for (int d = 0; d < kCount; d++) {
      s0[d] = o.beta1 * s0[d] + o.gain1 * g[d];
      s1[d] = o.beta2 * s1[d] + o.gain2 * g[d] * g[d];
      w[d] = w[d] * o.kept - o.corrected_rate * s0[d] / (std::sqrt(s1[d]) / o.correction2 + o.epsilon);
    }
  }
}

// The sum of squares in the same order for every instruction set: number k goes to part k mod 16.
inline float sum_of_squares(const float* g, int count) {
  constexpr int kParts = 16;
  float parts[kParts] = {};
  int d = 0;
  for (; d + kParts <= count; d += kParts)
    for (int k = 0; k < kParts; k++) parts[k] += g[d + k] * g[d + k];
  for (int k = 0; k < kParts && d + k < count; k++) parts[k] += g[d + k] * g[d + k];
  for (int half = kParts / 2; half > 0; half /= 2)
    for (int k = 0; k < half; k++) parts[k] += parts[k + half];
  return parts[0];
}

// rowwise_adagrad: all `count` parameters of a row share the one state.
inline void move_together(const Optimizer& o, float* __restrict w, float* state, const float* __restrict g, int count) {
  *state += sum_of_squares(g, count) / static_cast<float>(count);
  const float divisor = std::sqrt(*state) + o.epsilon;
  for (int d = 0; d < count; d++) w[d] -= o.learning_rate * g[d] / divisor;
}

}  // namespace manyhot::MANYHOT_LEVEL
