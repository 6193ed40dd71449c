// What both binding files share: array types, ownership, checks.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "array.hpp"

namespace manyhot {

namespace nb = nanobind;

template <class T>
using In = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T, size_t dims>
using Out = nb::ndarray<T, nb::ndim<dims>, nb::c_contig, nb::device::cpu>;
template <class T>
using Made = nb::ndarray<nb::numpy, T, nb::ndim<1>>;

inline void require(bool condition, const char* message) {
  if (!condition) throw nb::value_error(message);
}

// Hands a vector's memory to numpy without a copy.
template <class T>
Made<T> to_numpy(std::vector<T>&& values) {
  auto* owned = new std::vector<T>(std::move(values));
  nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return Made<T>(owned->data(), {owned->size()}, owner);
}

// Numbers past `size` that were made room for are not shown.
template <class T>
Made<T> to_numpy(Array<T>&& values) {
  const size_t size = values.size;
  T* data = values.data.release();
  nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return Made<T>(data, {size}, owner);
}

inline const float* data_or_null(const std::optional<In<float>>& array) {
  return array ? array->data() : nullptr;
}

inline bool all_inside(const int32_t* ids, size_t count, int64_t num_rows) {
  const int32_t last = static_cast<int32_t>(std::min<int64_t>(num_rows, INT32_MAX) - 1);
  int32_t outside = 0;  // its sign: cheaper for the vector unit than two comparisons
  for (size_t i = 0; i < count; i++) outside |= ids[i] | static_cast<int32_t>(static_cast<uint32_t>(last) - ids[i]);
  return count == 0 || (outside >= 0 && last >= 0);
}

inline void check_ids(const int32_t* ids, size_t count, int64_t num_rows,
                      const char* message = "an id lies outside the table") {
  require(all_inside(ids, count, num_rows), message);
}

inline void check_offsets(const int32_t* offsets, size_t count, size_t num_pairs) {
  require(count > 0 && offsets[0] == 0 && static_cast<size_t>(offsets[count - 1]) == num_pairs,
          "offsets must start at 0 and end at the number of pairs");
  bool rising = true;
  for (size_t i = 1; i < count; i++) rising &= offsets[i] >= offsets[i - 1];
  require(rising, "offsets must not fall");
}

// Adds parsing, hashing and vocabularies to the module: bindings_text.cpp.
void bind_text(nb::module_& m);

// Adds the formats of lines of pairs: bindings_lines.cpp.
void bind_lines(nb::module_& m);

}  // namespace manyhot
