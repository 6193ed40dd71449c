// What arrays must be before anything follows them. Each is checked once, where it comes in. Knows no Python: what is
// thrown becomes a ValueError there.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <vector>

namespace manyhot {

// Bags and pairs of a batch are counted in int32. D is bounded so that no product of it with them overflows.
constexpr int64_t kMostBags = INT32_MAX, kMostPairs = INT32_MAX, kMostDim = 1 << 24;

inline void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

// Where an array lies; it must begin where numbers of its type may.
struct Extent {
  const char *begin, *end;

  Extent(const void* data, size_t count, size_t bytes_each)
      : begin(static_cast<const char*>(data)), end(begin + count * bytes_each) {
    require(count == 0 || reinterpret_cast<uintptr_t>(data) % bytes_each == 0,
            "an array is not aligned to the size of its numbers");
  }
};

// What is written must lie apart from all the rest: ids that were checked could else change before they are followed.
inline void require_apart(std::initializer_list<Extent> written, std::initializer_list<Extent> read) {
  const auto meet = [](const Extent& a, const Extent& b) {
    return a.begin < b.end && b.begin < a.end;  // nothing meets an empty one
  };
  bool apart = true;
  for (const Extent& one : written) {
    for (const Extent& other : read) apart &= !meet(one, other);
    for (const Extent& other : written) apart &= &one == &other || !meet(one, other);
  }
  require(apart, "an array that is written overlaps another one");
}

inline bool all_inside(const int32_t* ids, size_t count, int64_t num_rows) {
  const int32_t last = static_cast<int32_t>(std::clamp<int64_t>(num_rows, 0, int64_t{INT32_MAX} + 1) - 1);
  int32_t outside = 0;  // its sign: cheaper for the vector unit than two comparisons
  for (size_t i = 0; i < count; i++)
    outside |= ids[i] | static_cast<int32_t>(static_cast<uint32_t>(last) - static_cast<uint32_t>(ids[i]));
  return count == 0 || (outside >= 0 && last >= 0);
}

inline void check_ids(const int32_t* ids, size_t count, int64_t num_rows,
                      const char* message = "an id lies outside the table") {
  require(all_inside(ids, count, num_rows), message);
}

inline void check_offsets(const int32_t* offsets, size_t count, size_t num_pairs) {
  require(num_pairs <= size_t{kMostPairs}, "a batch has more than 2^31 - 1 pairs; give it in smaller pieces");
  require(count <= size_t{kMostBags} + 1, "a batch has more than 2^31 - 1 bags; give it in smaller pieces");
  require(count > 0 && offsets[0] == 0 && offsets[count - 1] == static_cast<int64_t>(num_pairs),
          "offsets must start at 0 and end at the number of pairs");
  bool rising = true;
  for (size_t i = 1; i < count; i++) rising &= offsets[i] >= offsets[i - 1];
  require(rising, "offsets must not fall");
}

// How many examples a batch of so many offsets has.
inline int64_t check_fields(size_t num_offsets, int64_t num_fields, const char* message) {
  require(num_fields > 0 && num_fields <= kMostBags, "the number of fields must lie in 1 .. 2^31 - 1");
  require(num_offsets > 0 && (num_offsets - 1) % num_fields == 0, message);
  return static_cast<int64_t>((num_offsets - 1) / num_fields);
}

// More threads than there is work for only spin, and of too many the system refuses some.
inline int useful_threads(int num_threads, int64_t most) {
  constexpr int64_t kMostThreads = 1024;
  require(num_threads > 0, "num_threads must be at least 1");
  return static_cast<int>(
      std::clamp<int64_t>(std::min<int64_t>(num_threads, kMostThreads), 1, std::max<int64_t>(most, 1)));
}

// A batch of examples with as many bags and pairs as are counted.
inline void check_counts(int64_t num_examples, int64_t num_fields, int64_t dim) {
  require(num_fields > 0 && num_fields <= kMostBags, "the number of fields must lie in 1 .. 2^31 - 1");
  require(num_examples <= kMostBags / num_fields, "a batch has more than 2^31 - 1 bags; give it in smaller pieces");
  require(dim >= 0 && dim <= kMostDim, "the dimension must lie in 0 .. 2^24");
}

}  // namespace manyhot
