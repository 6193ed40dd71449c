// Python's way from lines of pairs to Arrow's buffers. No maths here; see bindings.hpp for what is checked where.
#include "bindings.hpp"
#include "line_bags.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace manyhot {

using namespace nb::literals;

namespace {

auto parse_lines(nb::bytes block, int32_t format, const std::vector<std::string>& names) {
  require(format >= 0 && format <= static_cast<int32_t>(LineFormat::vw), "there is no such format of lines");
  require(block.size() < size_t{1} << 31, "a block has 2^31 bytes or more; give it in smaller pieces");
  require(std::set<std::string>(names.begin(), names.end()).size() == names.size(), "a name of bags is given twice");
  LineBags read(static_cast<LineFormat>(format), names);
  {
    nb::gil_scoped_release release;
    read.parse({block.c_str(), block.size()});
  }
  std::vector<std::tuple<Made<uint8_t>, Made<int32_t>, Made<uint8_t>>> texts;
  for (TextColumn& text : read.texts)
    texts.emplace_back(to_numpy(std::move(text.bytes)), to_numpy(std::move(text.offsets)),
                       to_numpy(std::move(text.present)));
  std::vector<std::tuple<Made<uint8_t>, Made<int32_t>, Made<float>, Made<int32_t>>> bags;
  for (BagColumn& bag : read.bags)
    bags.emplace_back(to_numpy(std::move(bag.bytes)), to_numpy(std::move(bag.token_ends)),
                      to_numpy(std::move(bag.weights)), to_numpy(std::move(bag.offsets)));
  const std::vector<std::string> others(read.others.begin(), read.others.end());
  return std::make_tuple(texts, bags, to_numpy(std::move(read.lines)), to_numpy(std::move(read.bad_lines)),
                         to_numpy(std::move(read.bad_starts)), to_numpy(std::move(read.bad_lengths)),
                         to_numpy(std::move(read.faults)), others);
}

}  // namespace

void bind_lines(nb::module_& m) {
  m.def("parse_lines", &parse_lines, "block"_a, "format"_a, "names"_a);
}

}  // namespace manyhot
