// Lines of libsvm, libffm and VW text; the first byte chooses the format and which bags are kept.
#include "line_bags.hpp"

#include "bytes.hpp"

using namespace manyhot;

namespace {

void check(const LineBags& read, std::string_view block) {
  const size_t rows = read.lines.size(), bad = read.bad_lines.size();
  for (const TextColumn& text : read.texts) {
    EXPECT(text.offsets.size() == rows + 1 && text.present.size() == rows);
    EXPECT(static_cast<size_t>(text.offsets.back()) == text.bytes.size());
  }
  for (const BagColumn& bag : read.bags) {
    EXPECT(bag.offsets.size() == rows + 1 && bag.token_ends.size() == bag.weights.size() + 1);
    EXPECT(static_cast<size_t>(bag.offsets.back()) == bag.weights.size());
    EXPECT(static_cast<size_t>(bag.token_ends.back()) == bag.bytes.size());
    for (size_t i = 0; i < bag.weights.size(); i++)
      EXPECT(std::isfinite(bag.weights[i]) && bag.token_ends[i] < bag.token_ends[i + 1]);
  }
  EXPECT(read.bad_starts.size() == bad && read.bad_lengths.size() == bad && read.faults.size() == bad);
  for (size_t i = 0; i < bad; i++) {
    EXPECT(read.bad_starts[i] >= 0 && read.bad_lengths[i] >= 0);
    EXPECT(read.bad_starts[i] + read.bad_lengths[i] <= static_cast<int64_t>(block.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  const auto format = static_cast<LineFormat>(bytes.below(3));
  LineBags read(format, {"features", "f", "a"});
  for (int block = 0; block < 2; block++) {  // the second one must not remember the memory of the first
    const std::vector<char> text = block == 0 ? bytes.rest(size / 2) : bytes.rest();
    if (text.empty()) break;
    const std::string_view view(text.data(), text.size());
    if (block == 1) {
      LineBags alone(format, {"features", "f", "a"});
      alone.parse(view);
      check(alone, view);
      read.parse(view);
    } else {
      read.parse(view);
      check(read, view);
    }
  }
  return 0;
}
