// A few floats at a time, in the compiler's vector types: every instruction set runs them, with the same bits.
#pragma once
#include <cstdint>
#include <type_traits>

#include "bfloat16.hpp"
#include "level.hpp"

namespace manyhot::MANYHOT_LEVEL {

// Width of the widest register, and latent numbers held in registers at a time: pooled, sum and squares must fit.
#if defined(__AVX512F__)
constexpr int kLanes = 16, kMaxTile = 128;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kMaxTile = 32;
#else
constexpr int kLanes = 4, kMaxTile = 16;
#endif

template <int width>
struct Vectors {
  typedef float Floats __attribute__((vector_size(4 * width)));
  typedef uint32_t Words __attribute__((vector_size(4 * width)));
  typedef uint16_t Halves __attribute__((vector_size(2 * width)));
};

// To numbers of another size, lane by lane. (The compiler's own conversion does not take a single lane.)
template <class To, int width, class From>
inline To converted(const From& from) {
  if constexpr (width == 1)
    return To{static_cast<std::remove_cvref_t<decltype(To{}[0])>>(from[0])};
  else
    return __builtin_convertvector(from, To);
}

// kCount floats, a power of two, in as few registers as the instruction set allows.
template <int kCount>
struct Tile {
  static constexpr int kWidth = kCount < kLanes ? kCount : kLanes, kParts = kCount / kWidth;
  using Floats = typename Vectors<kWidth>::Floats;
  using Words = typename Vectors<kWidth>::Words;
  using Halves = typename Vectors<kWidth>::Halves;
  Floats parts[kParts];

  static Tile zeros() { return Tile{}; }

  static Tile load(const float* from) {
    Tile tile;
    for (int k = 0; k < kParts; k++) __builtin_memcpy(&tile.parts[k], from + k * kWidth, sizeof tile.parts[k]);
    return tile;
  }

  static Tile load(const bfloat16* from) {
    Tile tile;
    for (int k = 0; k < kParts; k++) {
      Halves halves;
      __builtin_memcpy(&halves, from + k * kWidth, sizeof halves);
      tile.parts[k] = (Floats)(converted<Words, kWidth>(halves) << 16);
    }
    return tile;
  }

  void store(float* to) const {
    for (int k = 0; k < kParts; k++) __builtin_memcpy(to + k * kWidth, &parts[k], sizeof parts[k]);
  }

  // Rounded to the nearest, ties to even; NaN stays NaN.
  void store(bfloat16* to) const {
    for (int k = 0; k < kParts; k++) {
      const Words bits = (Words)parts[k];
      const Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
      const Words is_nan = (Words)((bits & 0x7fffffff) > 0x7f800000);
      const Words kept = (rounded & ~is_nan) | (is_nan & 0x7fc0);
      const Halves halves = converted<Halves, kWidth>(kept);
      __builtin_memcpy(to + k * kWidth, &halves, sizeof halves);
    }
  }

  Tile operator+(const Tile& other) const {
    Tile tile;
    for (int k = 0; k < kParts; k++) tile.parts[k] = parts[k] + other.parts[k];
    return tile;
  }
  Tile operator-(const Tile& other) const {
    Tile tile;
    for (int k = 0; k < kParts; k++) tile.parts[k] = parts[k] - other.parts[k];
    return tile;
  }
  Tile operator*(const Tile& other) const {
    Tile tile;
    for (int k = 0; k < kParts; k++) tile.parts[k] = parts[k] * other.parts[k];
    return tile;
  }
  Tile operator*(float x) const {
    Tile tile;
    for (int k = 0; k < kParts; k++) tile.parts[k] = parts[k] * x;
    return tile;
  }
  void operator+=(const Tile& other) {
    for (int k = 0; k < kParts; k++) parts[k] += other.parts[k];
  }
};

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

}  // namespace manyhot::MANYHOT_LEVEL
