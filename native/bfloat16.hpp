// bfloat16: the upper half of a float32, as the matmuls of a processor with AMX or AVX512-BF16 take it.
#pragma once
#include <cstdint>

namespace manyhot {

struct bfloat16 {
  uint16_t bits;
};

}  // namespace manyhot
