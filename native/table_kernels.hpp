// The two hot loops over the tables. B examples, F fields, N pairs, D latent size, R distinct rows of a batch.
//
// A table row is [latent D | linear 1 | state D+1 | state D+1], `stride` floats apart. Bag b*F+f holds the pairs
// offsets[b*F+f] .. offsets[b*F+f+1]. `weights` may be null: all 1. Every output element is summed in the order of the
// pairs, so results do not depend on the number of threads nor on the instruction set (no fused multiply-add).
//
// table_kernels.cpp is compiled once for each instruction set; dispatch.hpp picks one when the module is loaded.
#pragma once
#include <cstdint>

#include "optimizer.hpp"

namespace manyhot {

struct Batch {
  const int32_t* ids;      // [N] rows of the table
  const float* weights;    // [N] or null
  const int32_t* offsets;  // [B*F+1]
  int64_t num_examples, num_fields;
};

struct RowPlan {
  const int32_t* rows;    // [R] rising
  const int32_t* starts;  // [R+1] into order
  const int32_t* order;   // [N] pairs sorted by row, then by position
  const int32_t* bags;    // [N] bag of each pair
  int64_t num_rows;
};

struct Table {
  float* data;
  int64_t stride;
  int dim;  // D, may be 0: linear weights only
};

struct Outputs {
  float* linear;  // [B, F]
  float* pooled;  // [B, F, D]
  float* sum;     // [B, D] sum of pooled over fields
  float* bi;      // [B, D]
};

struct Gradients {
  const float* linear;  // [B, F] or null
  const float* pooled;  // [B, F, D] or null
  const float* bi;      // [B, D] or null
  const float* sum;     // [B, D] from the forward pass
  // [B, F, D] from the forward pass where bi crosses fields only (pairs = "fields"); null where it crosses features.
  const float* field_pooled;
};

struct KernelSet {
  const char* level;
  void (*forward)(const Table&, const Batch&, bool field_pairs, const Outputs&, int num_threads);
  // Sums the gradients of each distinct row. With an optimizer: moves the row. Without: writes them to out [R, D+1].
  void (*backward)(const Table&, const Batch&, const RowPlan&, const Gradients&, const Optimizer*, float* out,
                   int num_threads);
};

}  // namespace manyhot
