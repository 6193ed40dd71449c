// The two hot loops over the tables. B examples, F fields, N pairs, D latent size, R distinct rows of a batch.
//
// A table row is [latent D | linear 1 | states of latent | states of linear], `stride` floats apart; a rule with two
// states a number keeps all first ones before all second ones. Bag b*F+f holds the pairs
// offsets[b*F+f] .. offsets[b*F+f+1]. `weights` may be null: all 1. Every output element is summed in the order of the
// pairs, so results do not depend on the number of threads nor on the instruction set (no fused multiply-add).
//
// table_kernels.cpp is compiled once for each instruction set; dispatch.hpp picks one when the module is loaded.
#pragma once
#include <cstdint>

#include "bfloat16.hpp"
#include "optimizer.hpp"

namespace manyhot {

struct Batch {
  const int32_t* ids;      // [N] rows of the table
  const float* weights;    // [N] or null
  const int32_t* offsets;  // [B*F+1]
  int64_t num_examples, num_fields;
};

// The pairs of a batch by table row, those of a row in the order of the batch.
struct RowPlan {
  const int32_t* rows;    // [R] rising
  const int32_t* starts;  // [R+1] into bags and weights
  const int32_t* bags;    // [N] bag of each pair
  const float* weights;   // [N] or null
  int64_t num_rows, num_fields;
};

struct Table {
  float* data;
  int64_t stride;
  int dim;  // D, may be 0: linear weights only
};

// [B, F, D] in float32 or, for a dense part in bfloat16, in bfloat16: one of the two is null, or both where D = 0.
struct PooledOut {
  float* single;
  bfloat16* half;
};
struct PooledIn {
  const float* single;
  const bfloat16* half;
};

struct Outputs {
  float* linear;  // [B, F]
  PooledOut pooled;
  float* sum;  // [B, D] sum of pooled over fields
  float* bi;   // [B, D]
};

struct Gradients {
  const float* linear;  // [B, F] or null
  PooledIn pooled;      // both null where the loss does not depend on it
  const float* bi;      // [B, D] or null
  const float* sum;     // [B, D] from the forward pass
  // [B, F, D] from the forward pass where bi crosses fields only (pairs = "fields"); null where it crosses features.
  const float* field_pooled;
};

struct KernelSet {
  const char* level;
  void (*forward)(const Table&, const Batch&, bool field_pairs, const Outputs&, int num_threads);
  // Sums the gradients of each distinct row. With rules: moves the row. Without: writes them to out [R, D+1].
  void (*backward)(const Table&, const RowPlan&, const Gradients&, const Rules*, float* out, int num_threads);
  // Moves the rows [R], rising, by gradients [R, D+1], each multiplied by `factor`.
  void (*move)(const Table&, const int32_t* rows, int64_t num_rows, const float* gradients, float factor, const Rules&,
               int num_threads);
};

}  // namespace manyhot
