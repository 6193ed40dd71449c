// What every target needs: small numbers drawn from the bytes it is given, memory with borders, and its own assert.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

// Stays in whatever the build type, and says where.
#define EXPECT(condition)                                                  \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                        \
    }                                                                      \
  } while (false)

// Takes numbers from the front, bytes from what is left; 0 where nothing is.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  bool empty() const { return size_ == 0; }

  template <class T>
  T number() {
    T value = 0;
    const size_t count = size_ < sizeof value ? size_ : sizeof value;
    if (count) std::memcpy(&value, data_, count);
    skip(count);
    return value;
  }
  uint8_t below(uint8_t end) { return number<uint8_t>() % end; }

  // Exactly as many bytes as there are: the next one is out of bounds.
  std::vector<char> rest(size_t most = SIZE_MAX) {
    const size_t count = size_ < most ? size_ : most;
    std::vector<char> out(data_, data_ + count);
    skip(count);
    return out;
  }

  // An int32: mostly a small one, now and then any.
  int32_t whole() {
    const uint8_t first = number<uint8_t>();
    return first < 0xf0 ? first % 16 : first < 0xf8 ? -static_cast<int32_t>(first & 7) : number<int32_t>();
  }

 private:
  void skip(size_t count) { data_ += count, size_ -= count; }

  const uint8_t* data_;
  size_t size_;
};
