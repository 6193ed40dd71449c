// Tokens counted, ranked and looked up, beside a map.
#include "token_table.hpp"

#include <map>
#include <string>

#include "bytes.hpp"

using namespace manyhot;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  const int64_t min_count = bytes.below(4), max_size = bytes.below(32);
  // A seed of zeros lets all tokens fall on one place, and gives all long ones one hash.
  TokenTable table(min_count == 3 ? TableSeed{0, 0} : TableSeed::of_process());
  std::map<std::string, int64_t> definition;
  std::vector<std::string> order;
  while (!bytes.empty()) {
    const size_t count = 1 + bytes.below(40);
    std::vector<int64_t> starts, times;
    std::vector<int32_t> lengths;
    for (size_t i = 0; i < count; i++) {
      starts.push_back(bytes.below(64)), lengths.push_back(bytes.below(24));
      times.push_back(bytes.below(4) - 1);
    }
    const std::vector<char> text = bytes.rest(88);
    for (size_t i = 0; i < count; i++) {
      starts[i] = std::min<int64_t>(starts[i], text.size());
      lengths[i] = std::min<int32_t>(lengths[i], static_cast<int32_t>(text.size() - starts[i]));
    }
    const Spans tokens{text.data(), starts.data(), lengths.data(), static_cast<int64_t>(count)};
    table.add(tokens, times.data());
    for (size_t i = 0; i < count; i++) {
      const std::string token(tokens[i]);
      if (token.empty() || times[i] <= 0) continue;
      if (!definition.count(token)) order.push_back(token);
      definition[token] += times[i];
    }
    table.positions(tokens, [&](int64_t i, int32_t position) {
      const std::string token(tokens[i]);
      EXPECT(position < table.size());
      EXPECT((position >= 0) == (definition.count(token) > 0));
      if (position >= 0) EXPECT(table.token(position) == token && order[position] == token);
    });
    for (size_t i = 0; i < count; i++) {
      stable_hash(tokens[i]);
      const int32_t id = identity_id(tokens[i], 1000);
      EXPECT(id >= 0 && id <= 1000);
    }
  }
  EXPECT(table.size() == static_cast<int64_t>(definition.size()));
  int64_t before = INT64_MAX;
  std::string last;
  const std::vector<int64_t> ranked = table.ranking(min_count, max_size);
  EXPECT(static_cast<int64_t>(ranked.size()) <= max_size);
  for (const int64_t position : ranked) {
    const std::string token(table.token(position));
    const int64_t seen = table.count(position);
    EXPECT(seen == definition[token] && seen >= min_count && seen <= before);
    if (seen == before) EXPECT(last < token);
    before = seen, last = token;
  }
  return 0;
}
