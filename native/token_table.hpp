// Counts tokens, gives them ids, and looks them up: an open-addressing hash table over one arena of bytes.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace manyhot {

// N tokens as spans of one buffer; works for Arrow strings and for pieces of text alike.
struct Spans {
  const char* data;
  const int64_t* starts;
  const int32_t* lengths;
  int64_t count;
  std::string_view operator[](int64_t i) const { return {data + starts[i], static_cast<size_t>(lengths[i])}; }
};

// The same number on every machine and for ever: ids of hash_buckets depend on it. FNV-1a, then murmur3's finalizer.
inline uint64_t stable_hash(std::string_view token) {
  uint64_t h = 0xcbf29ce484222325u;
  for (const char c : token) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53u;
  return h ^ (h >> 33);
}

// 1 + the number a token spells, 0 where it is none or not below `size`.
inline int32_t identity_id(std::string_view token, int32_t size) {
  int32_t number = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  const bool whole = error == std::errc() && end == token.data() + token.size();
  return whole && number >= 0 && number < size ? number + 1 : 0;
}

class TokenTable {
 public:
  TokenTable() : slots_(1024, -1) {}

  int64_t size() const { return static_cast<int64_t>(counts_.size()); }
  std::string_view token(int64_t i) const {
    return {arena_.data() + starts_[i], static_cast<size_t>(starts_[i + 1] - starts_[i])};
  }
  int64_t count(int64_t i) const { return counts_[i]; }

  void add(std::string_view token, int64_t times) {
    const uint64_t hash = stable_hash(token);
    size_t slot = find(token, hash);
    if (slots_[slot] < 0) {
      slots_[slot] = size();
      arena_.insert(arena_.end(), token.begin(), token.end());
      starts_.push_back(static_cast<int64_t>(arena_.size()));
      hashes_.push_back(hash);
      counts_.push_back(0);
      if (counts_.size() * 2 > slots_.size()) grow();
      counts_.back() += times;
    } else {
      counts_[slots_[slot]] += times;
    }
  }

  // Position of the token in order of first appearance, -1 where it is unknown.
  int64_t position(std::string_view token) const { return slots_[find(token, stable_hash(token))]; }

  // Positions of the kept tokens: descending count, ties by bytes; their ids are 1, 2, ...
  std::vector<int64_t> ranking(int64_t min_count, int64_t max_size) const {
    std::vector<int64_t> kept;
    for (int64_t i = 0; i < size(); i++)
      if (counts_[i] >= min_count) kept.push_back(i);
    std::sort(kept.begin(), kept.end(), [this](int64_t a, int64_t b) {
      return counts_[a] != counts_[b] ? counts_[a] > counts_[b] : token(a) < token(b);
    });
    if (static_cast<int64_t>(kept.size()) > max_size) kept.resize(max_size);
    return kept;
  }

 private:
  size_t find(std::string_view token, uint64_t hash) const {
    const size_t mask = slots_.size() - 1;
    size_t slot = hash & mask;
    while (slots_[slot] >= 0 && (hashes_[slots_[slot]] != hash || this->token(slots_[slot]) != token))
      slot = (slot + 1) & mask;
    return slot;
  }

  void grow() {
    std::vector<int64_t> old(slots_.size() * 2, -1);
    slots_.swap(old);
    const size_t mask = slots_.size() - 1;
    for (int64_t i = 0; i < size(); i++) {
      size_t slot = hashes_[i] & mask;
      while (slots_[slot] >= 0) slot = (slot + 1) & mask;
      slots_[slot] = i;
    }
  }

  std::vector<char> arena_;
  std::vector<int64_t> starts_{0}, counts_, slots_;
  std::vector<uint64_t> hashes_;
};

}  // namespace manyhot
