// Bags written as text: rows of one buffer, parted by line ends; the first two bytes choose the separators.
#include "text_bags.hpp"

#include "bytes.hpp"

using namespace manyhot;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  const char pair = bytes.below(4) ? ',' : static_cast<char>(bytes.number<uint8_t>());
  const char weight = "\0::="[bytes.below(4)];
  const std::vector<char> text = bytes.rest();
  std::vector<int64_t> starts{0};
  std::vector<int32_t> lengths;
  for (size_t i = 0; i < text.size(); i++)
    if (text[i] == '\n') {
      lengths.push_back(static_cast<int32_t>(i - starts.back()));
      starts.push_back(static_cast<int64_t>(i + 1));
    }
  lengths.push_back(static_cast<int32_t>(text.size() - starts.back()));
  const Spans rows{text.data(), starts.data(), lengths.data(), static_cast<int64_t>(starts.size())};
  const TextBags bags = parse_text_bags(rows, pair, weight);

  EXPECT(bags.offsets.size() == starts.size() + 1 && bags.offsets.front() == 0);
  EXPECT(static_cast<size_t>(bags.offsets.back()) == bags.starts.size());
  EXPECT(bags.lengths.size() == bags.starts.size());
  EXPECT(bags.weights.size() == (weight ? bags.starts.size() : 0));
  EXPECT(bags.bad_rows.size() == bags.bad_faults.size());
  for (size_t i = 0; i < bags.starts.size(); i++) {
    EXPECT(bags.lengths[i] > 0 && bags.starts[i] >= 0);
    EXPECT(bags.starts[i] + bags.lengths[i] <= static_cast<int64_t>(text.size()));
    if (weight) EXPECT(std::isfinite(bags.weights[i]));
  }
  for (const int64_t row : bags.bad_rows) EXPECT(bags.offsets[row] == bags.offsets[row + 1]);
  return 0;
}
