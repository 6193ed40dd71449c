// What the binding files share: array types, ownership, checks.
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
#include <stdexcept>
#include <utility>
#include <vector>

#include "array.hpp"
#include "checks.hpp"

namespace manyhot {

namespace nb = nanobind;

template <class T>
using In = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T, size_t dims>
using Out = nb::ndarray<T, nb::ndim<dims>, nb::c_contig, nb::device::cpu>;
template <class T>
using Made = nb::ndarray<nb::numpy, T, nb::ndim<1>>;

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

// Of an array that may be absent; raises ValueError where it is not aligned.
template <class Array>
Extent extent(const Array& array) {
  return {array.data(), array.size(), array.itemsize()};
}
template <class Array>
Extent extent(const std::optional<Array>& array) {
  return array ? extent(*array) : Extent{nullptr, 0, 1};
}

// Of arrays that are only read.
template <class... Arrays>
void check_aligned(const Arrays&... arrays) {
  (static_cast<void>(extent(arrays)), ...);
}

inline void check_bags(const In<int32_t>& ids, const std::optional<In<float>>& weights, const In<int32_t>& offsets,
                       int64_t num_table_rows) {
  check_aligned(ids, weights, offsets);
  require(!weights || weights->size() == ids.size(), "weights and ids differ in length");
  check_offsets(offsets.data(), offsets.size(), ids.size());
  check_ids(ids.data(), ids.size(), num_table_rows);
}

// Who works on an object without the GIL: many that read it, or one that changes it. Made and ended with the GIL held.
class InUse {
 public:
  class Reading {
   public:
    explicit Reading(InUse& use) : use_(use) {
      if (use.users_ < 0) throw std::runtime_error("another thread is changing this object");
      use.users_++;
    }
    Reading(const Reading&) = delete;
    ~Reading() { use_.users_--; }

   private:
    InUse& use_;
  };
  class Changing {
   public:
    explicit Changing(InUse& use) : use_(use) {
      if (use.users_ != 0) throw std::runtime_error("another thread is using this object");
      use.users_ = -1;
    }
    Changing(const Changing&) = delete;
    ~Changing() { use_.users_ = 0; }

   private:
    InUse& use_;
  };

 private:
  int users_ = 0;  // -1: one that changes it
};

// Adds row plans and Examples to the module: bindings_store.cpp.
void bind_store(nb::module_& m);

// Adds parsing, hashing and vocabularies to the module: bindings_text.cpp.
void bind_text(nb::module_& m);

// Adds the formats of lines of pairs: bindings_lines.cpp.
void bind_lines(nb::module_& m);

}  // namespace manyhot
