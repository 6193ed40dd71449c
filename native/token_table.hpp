// Counts tokens, gives them ids, and looks them up.
#pragma once
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <random>
#include <stdexcept>
#include <string_view>
#include <utility>
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

// Two secret numbers. Tokens may come from anybody: whoever knew how they are spread over a table could choose 80,000
// that all fall on one place, and each lookup would pass by all of them.
struct TableSeed {
  uint64_t first, second;

  // Of this process; no result depends on it, as ids are given by order of appearance, and ranks by counts and bytes.
  static const TableSeed& of_process() {
    static const TableSeed seed = [] {
      uint64_t words[2] = {};
      try {
        std::random_device device;
        for (uint64_t& word : words) word = static_cast<uint64_t>(device()) << 32 | device();
      } catch (const std::exception&) {  // no source of random numbers: what an outsider does not see either
        words[0] = static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
        words[1] = reinterpret_cast<uintptr_t>(&words) * 0x9e3779b97f4a7c15u;
      }
      return TableSeed{words[0], words[1] | 1};
    }();
    return seed;
  }
};

// A token in 12 bytes: up to 8 bytes of text are `bits` themselves, of more they are a hash.
struct TokenKey {
  uint64_t bits;
  uint32_t length;

  TokenKey(std::string_view token, const TableSeed& seed) : bits(0), length(static_cast<uint32_t>(token.size())) {
    const char* text = token.data();
    const size_t size = token.size();
    if (size > 8) {
      for (size_t i = 0; i + 8 < size; i += 8) bits = mixed(bits ^ word<uint64_t>(text + i), seed);
      bits = mixed(bits ^ word<uint64_t>(text + size - 8), seed);
    } else if (size >= 4) {
      bits = word<uint32_t>(text) | static_cast<uint64_t>(word<uint32_t>(text + size - 4)) << 32;
    } else if (size > 0) {
      bits = byte(text[0]) | byte(text[size / 2]) << 8 | byte(text[size - 1]) << 16;
    }
  }
  bool is_text() const { return length <= 8; }
  static uint64_t hash(uint64_t bits, uint32_t length, const TableSeed& seed) {
    return mixed(mixed(bits, seed) ^ length * 0x9e3779b97f4a7c15u, seed);
  }

 private:
  __extension__ typedef unsigned __int128 Product;

  template <class T>
  static T word(const char* text) {
    T value;
    std::memcpy(&value, text, sizeof value);
    return value;
  }
  static uint64_t byte(char c) { return static_cast<unsigned char>(c); }
  // Both halves of a product with a secret number, as in wyhash.
  static uint64_t mixed(uint64_t h, const TableSeed& seed) {
    const Product product = static_cast<Product>(h ^ seed.first) * seed.second;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
};

// Open addressing; a slot tells short tokens apart by itself, so that finding one costs one cache miss.
class TokenTable {
 public:
  explicit TokenTable(const TableSeed& seed = TableSeed::of_process()) : seed_(seed), slots_(1024) {}

  int64_t size() const { return static_cast<int64_t>(counts_.size()); }
  std::string_view token(int64_t i) const {
    return {arena_.data() + starts_[i], static_cast<size_t>(starts_[i + 1] - starts_[i])};
  }
  int64_t count(int64_t i) const { return counts_[i]; }

  // times: how often each token was seen; null: once. Empty tokens, and those seen 0 times, are not counted.
  void add(const Spans& tokens, const int64_t* times) {
    in_groups(tokens, [&](int64_t i, const TokenKey& key, uint64_t hash) {
      const int64_t seen = times ? times[i] : 1;
      if (key.length == 0 || seen <= 0) return;
      int64_t& count = counts_[found_or_new(tokens[i], key, hash)];
      if (seen > INT64_MAX - count) throw std::length_error("a token was seen more than 2^63 - 1 times");
      count += seen;
    });
  }

  // Position of each token in order of first appearance, -1 where it is unknown.
  template <class Take>
  void positions(const Spans& tokens, const Take& take) const {
    in_groups(tokens, [&](int64_t i, const TokenKey& key, uint64_t hash) {
      take(i, slots_[find(tokens[i], key, hash)].position);
    });
  }

  // Positions of the kept tokens: descending count, ties by bytes; their ids are 1, 2, ...
  std::vector<int64_t> ranking(int64_t min_count, int64_t max_size) const {
    struct Ranked {
      int64_t count;
      uint64_t head;  // the first 8 bytes, so that most ties need no look at the text
      int64_t position;
    };
    std::vector<Ranked> kept;
    for (int64_t i = 0; i < size(); i++)
      if (counts_[i] >= min_count) kept.push_back({counts_[i], head(token(i)), i});
    std::sort(kept.begin(), kept.end(), [this](const Ranked& a, const Ranked& b) {
      if (a.count != b.count) return a.count > b.count;
      return a.head != b.head ? a.head < b.head : token(a.position) < token(b.position);
    });
    std::vector<int64_t> positions;
    for (size_t i = 0; i < kept.size() && static_cast<int64_t>(i) < max_size; i++)
      positions.push_back(kept[i].position);
    return positions;
  }

 private:
  struct Slot {
    uint64_t bits = 0;
    uint32_t length = 0;
    int32_t position = -1;
  };

  // Calls use(i, key, hash) for each token, the memory it will need being on its way already.
  template <class Use>
  void in_groups(const Spans& tokens, const Use& use) const {
    constexpr int64_t group = 16;
    std::vector<std::pair<TokenKey, uint64_t>> keys;
    keys.reserve(group);
    for (int64_t first = 0; first < tokens.count; first += group) {
      const int64_t last = std::min(first + group, tokens.count);
      keys.clear();
      for (int64_t i = first; i < last; i++) {
        const TokenKey key(tokens[i], seed_);
        keys.emplace_back(key, TokenKey::hash(key.bits, key.length, seed_));
        __builtin_prefetch(&slots_[keys.back().second & (slots_.size() - 1)]);
      }
      for (int64_t i = first; i < last; i++) use(i, keys[i - first].first, keys[i - first].second);
    }
  }

  // The slot of the token, or the free one where it would go.
  size_t find(std::string_view token, const TokenKey& key, uint64_t hash) const {
    const size_t mask = slots_.size() - 1;
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
      const Slot& s = slots_[slot];
      if (s.position < 0) return slot;
      if (s.bits == key.bits && s.length == key.length && (key.is_text() || this->token(s.position) == token))
        return slot;
    }
  }

  int64_t found_or_new(std::string_view token, const TokenKey& key, uint64_t hash) {
    const size_t slot = find(token, key, hash);
    if (slots_[slot].position >= 0) return slots_[slot].position;
    if (size() == INT32_MAX) throw std::length_error("a vocabulary has more than 2^31 - 1 distinct tokens");
    slots_[slot] = {key.bits, key.length, static_cast<int32_t>(size())};
    arena_.insert(arena_.end(), token.begin(), token.end());
    starts_.push_back(static_cast<int64_t>(arena_.size()));
    counts_.push_back(0);
    if (counts_.size() * 2 > slots_.size()) grow();
    return size() - 1;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    slots_.swap(old);
    const size_t mask = slots_.size() - 1;
    for (const Slot& s : old) {
      if (s.position < 0) continue;
      size_t slot = TokenKey::hash(s.bits, s.length, seed_) & mask;
      while (slots_[slot].position >= 0) slot = (slot + 1) & mask;
      slots_[slot] = s;
    }
  }

  static uint64_t head(std::string_view token) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < 8; i++) bytes = bytes << 8 | (i < token.size() ? static_cast<unsigned char>(token[i]) : 0);
    return bytes;
  }

  const TableSeed seed_;
  std::vector<char> arena_;
  std::vector<int64_t> starts_{0}, counts_;
  std::vector<Slot> slots_;
};

}  // namespace manyhot
