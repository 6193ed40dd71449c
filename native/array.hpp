// An array whose memory is not set when made: what fills it comes next. Unlike std::vector, growing is not its
// business.
#pragma once
#include <cstddef>
#include <memory>

namespace manyhot {

template <class T>
struct Array {
  std::unique_ptr<T[]> data;
  size_t size = 0;

  Array() = default;
  explicit Array(size_t count) : data(new T[count]), size(count) {}

  T& operator[](size_t i) { return data[i]; }
  const T& operator[](size_t i) const { return data[i]; }
};

}  // namespace manyhot
