// bfloat16: the upper half of a float32, as the matmuls of a processor with AMX or AVX512-BF16 take it.
#pragma once
#include <cstdint>
#include <cstring>

namespace manyhot {

struct bfloat16 {
  uint16_t bits;
};

inline uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

// To the nearest, ties to even; NaN stays NaN.
inline void store(bfloat16* to, float x) {
  const uint32_t bits = bits_of(x);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  to->bits = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

inline void store(float* to, float x) {
  *to = x;
}

inline float load(const bfloat16* from) {
  const uint32_t bits = static_cast<uint32_t>(from->bits) << 16;
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

inline float load(const float* from) {
  return *from;
}

}  // namespace manyhot
