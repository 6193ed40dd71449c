// Python's way from text to bags: quotes, weighted lists, hashes, vocabularies, columns into rows. No maths here; see
// bindings.hpp for what is checked where.
#include "bindings.hpp"
#include "csv_records.hpp"
#include "interleave.hpp"
#include "quote_scan.hpp"
#include "text_bags.hpp"
#include "token_table.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace manyhot {

using namespace nb::literals;

namespace {

Spans spans_of(const In<uint8_t>& data, const In<int64_t>& starts, const In<int32_t>& lengths) {
  check_aligned(starts, lengths);
  require(starts.size() == lengths.size(), "starts and lengths differ in length");
  const int64_t bytes = static_cast<int64_t>(data.size());
  bool inside = true;
  for (size_t i = 0; i < starts.size(); i++)
    inside &= starts.data()[i] >= 0 && lengths.data()[i] >= 0 && starts.data()[i] <= bytes - lengths.data()[i];
  require(inside, "a token lies outside its buffer");
  return {reinterpret_cast<const char*>(data.data()), starts.data(), lengths.data(),
          static_cast<int64_t>(starts.size())};
}

// What Python knows as TokenTable.
struct SharedTokenTable : TokenTable {
  InUse in_use;
};

void count_tokens(SharedTokenTable& table, In<uint8_t> data, In<int64_t> starts, In<int32_t> lengths,
                  std::optional<In<int64_t>> times) {
  const Spans tokens = spans_of(data, starts, lengths);
  require(!times || times->size() == starts.size(), "times and tokens differ in length");
  check_aligned(times);
  const InUse::Changing alone(table.in_use);
  nb::gil_scoped_release release;
  table.add(tokens, times ? times->data() : nullptr);
}

// Kept tokens in the order of their ids, as one buffer, offsets and counts.
auto ranked_tokens(SharedTokenTable& table, int64_t min_count, int64_t max_size) {
  const InUse::Reading reading(table.in_use);
  std::vector<uint8_t> bytes;
  std::vector<int64_t> offsets{0}, counts;
  {
    nb::gil_scoped_release release;
    for (const int64_t i : table.ranking(min_count, max_size)) {
      const std::string_view token = table.token(i);
      bytes.insert(bytes.end(), token.begin(), token.end());
      offsets.push_back(static_cast<int64_t>(bytes.size()));
      counts.push_back(table.count(i));
    }
  }
  return std::make_tuple(to_numpy(std::move(bytes)), to_numpy(std::move(offsets)), to_numpy(std::move(counts)));
}

// Ids 1 + position of known tokens, 0 for the others.
Made<int32_t> lookup_tokens(SharedTokenTable& table, In<uint8_t> data, In<int64_t> starts, In<int32_t> lengths) {
  const InUse::Reading reading(table.in_use);
  const Spans tokens = spans_of(data, starts, lengths);
  std::vector<int32_t> ids(tokens.count);
  {
    nb::gil_scoped_release release;
    table.positions(tokens, [&](int64_t i, int32_t position) { ids[i] = position + 1; });
  }
  return to_numpy(std::move(ids));
}

// Ids 1 + number for tokens that are whole numbers below `size`, 0 for the others.
Made<int32_t> identity_ids(In<uint8_t> data, In<int64_t> starts, In<int32_t> lengths, int32_t size) {
  const Spans tokens = spans_of(data, starts, lengths);
  std::vector<int32_t> ids(tokens.count);
  {
    nb::gil_scoped_release release;
    for (int64_t i = 0; i < tokens.count; i++) ids[i] = identity_id(tokens[i], size);
  }
  return to_numpy(std::move(ids));
}

Made<uint64_t> hash_tokens(In<uint8_t> data, In<int64_t> starts, In<int32_t> lengths) {
  const Spans tokens = spans_of(data, starts, lengths);
  std::vector<uint64_t> hashes(tokens.count);
  {
    nb::gil_scoped_release release;
    for (int64_t i = 0; i < tokens.count; i++) hashes[i] = stable_hash(tokens[i]);
  }
  return to_numpy(std::move(hashes));
}

// The tokens, each behind the prefix, in one new buffer; empty ones stay empty.
auto prefix_tokens(In<uint8_t> data, In<int64_t> starts, In<int32_t> lengths, nb::bytes prefix) {
  const Spans tokens = spans_of(data, starts, lengths);
  const std::string_view head(prefix.c_str(), prefix.size());
  std::vector<uint8_t> bytes;
  std::vector<int64_t> new_starts(tokens.count);
  std::vector<int32_t> new_lengths(tokens.count);
  int32_t longest = 0;
  for (int64_t i = 0; i < tokens.count; i++) longest = std::max(longest, tokens.lengths[i]);
  require(head.size() <= static_cast<size_t>(INT32_MAX - longest), "a token with its prefix has 2^31 bytes or more");
  {
    nb::gil_scoped_release release;
    int64_t total = 0;
    for (int64_t i = 0; i < tokens.count; i++) {
      const int64_t length = tokens.lengths[i] > 0 ? tokens.lengths[i] + static_cast<int64_t>(head.size()) : 0;
      new_starts[i] = total;
      new_lengths[i] = static_cast<int32_t>(length);
      total += length;
    }
    bytes.resize(total);
    for (int64_t i = 0; i < tokens.count; i++) {
      if (tokens.lengths[i] == 0) continue;
      std::copy(head.begin(), head.end(), bytes.begin() + new_starts[i]);
      std::copy(tokens[i].begin(), tokens[i].end(), bytes.begin() + new_starts[i] + head.size());
    }
  }
  return std::make_tuple(to_numpy(std::move(bytes)), to_numpy(std::move(new_starts)), to_numpy(std::move(new_lengths)));
}

auto parse_bags(In<uint8_t> data, In<int64_t> starts, In<int32_t> lengths, const std::string& pair_separator,
                const std::string& weight_separator) {
  require(pair_separator.size() == 1 && weight_separator.size() <= 1, "separators are single bytes");
  require(weight_separator.empty() || weight_separator[0], "a separator of weights is not the byte 0");
  const Spans texts = spans_of(data, starts, lengths);
  TextBags out;
  {
    nb::gil_scoped_release release;
    out = parse_text_bags(texts, pair_separator[0], weight_separator.empty() ? '\0' : weight_separator[0]);
  }
  std::optional<Made<float>> weights;
  if (!weight_separator.empty()) weights = to_numpy(std::move(out.weights));
  return std::make_tuple(to_numpy(std::move(out.starts)), to_numpy(std::move(out.lengths)), weights,
                         to_numpy(std::move(out.offsets)), to_numpy(std::move(out.bad_rows)),
                         to_numpy(std::move(out.bad_faults)));
}

// What Python knows as CsvParser and QuoteScan.
struct SharedCsvParser : CsvParser {
  using CsvParser::CsvParser;
  InUse in_use;
};
struct SharedQuoteScan : QuoteScan {
  using QuoteScan::QuoteScan;
  InUse in_use;
};

char delimiter_of(const nb::bytes& given) {
  require(given.size() == 1, "a delimiter is a single byte");
  return given.c_str()[0];
}

void make_csv_parser(SharedCsvParser* parser, nb::bytes delimiter, bool quote, bool empty_rows, int32_t num_columns,
                     const std::vector<int32_t>& wanted, bool header) {
  constexpr int32_t kMostColumns = 1 << 24;
  require(num_columns > 0 && num_columns <= kMostColumns, "the number of columns must lie in 1 .. 2^24");
  std::set<int32_t> seen;
  for (const int32_t column : wanted)
    require(column >= 0 && column < num_columns && seen.insert(column).second,
            "a wanted column is none of them or named twice");
  new (parser) SharedCsvParser({delimiter_of(delimiter), quote, empty_rows, num_columns}, wanted, header);
}

// Columns (valid, offsets, data, num_empty); lines, starts and ends of rows; those and counts of bad records;
// num_lines.
auto parse_csv(SharedCsvParser& parser, nb::bytes block) {
  const InUse::Changing alone(parser.in_use);
  require(block.size() < size_t{1} << 31, "a block has 2 GiB or more");
  CsvRecords out;
  {
    nb::gil_scoped_release release;
    out = parser.parse({block.c_str(), block.size()});
  }
  std::vector<std::tuple<Made<uint8_t>, Made<int64_t>, Made<uint8_t>, int64_t>> columns;
  for (CsvColumn& column : out.columns)
    columns.emplace_back(to_numpy(std::move(column.valid)), to_numpy(std::move(column.offsets)),
                         to_numpy(std::move(column.data)), column.num_empty);
  return std::make_tuple(std::move(columns), to_numpy(std::move(out.lines)), to_numpy(std::move(out.starts)),
                         to_numpy(std::move(out.ends)), to_numpy(std::move(out.bad_lines)),
                         to_numpy(std::move(out.bad_starts)), to_numpy(std::move(out.bad_ends)),
                         to_numpy(std::move(out.bad_counts)), out.num_lines);
}

auto interleave_columns(
    const std::vector<std::tuple<In<int32_t>, std::optional<In<float>>, In<int32_t>, int32_t>>& arrays,
    int64_t num_rows) {
  require(num_rows >= 0 && num_rows < kMostBags, "the number of rows must lie in 0 .. 2^31 - 2");
  std::vector<PairColumn> columns;
  bool with_weights = false;
  size_t num_pairs = 0;
  for (const auto& [ids, weights, offsets, field] : arrays) {
    require(static_cast<int64_t>(offsets.size()) == num_rows + 1, "a column has the wrong number of rows");
    require(!weights || weights->size() == ids.size(), "weights and ids differ in length");
    check_aligned(ids, weights, offsets);
    check_offsets(offsets.data(), offsets.size(), ids.size());
    with_weights |= weights.has_value();
    columns.push_back({ids.data(), data_or_null(weights), offsets.data(), field});
    num_pairs += ids.size();
  }
  require(num_pairs <= size_t{kMostPairs}, "a batch has more than 2^31 - 1 pairs; give it in smaller pieces");
  InterleavedBags out;
  {
    nb::gil_scoped_release release;
    out = interleave(columns, num_rows, with_weights);
  }
  std::optional<Made<float>> weights;
  if (with_weights) weights = to_numpy(std::move(out.weights));
  return std::make_tuple(to_numpy(std::move(out.ids)), weights, to_numpy(std::move(out.offsets)));
}

}  // namespace

void bind_text(nb::module_& m) {
  m.def("parse_bags", &parse_bags, nb::arg("data").noconvert(), nb::arg("starts").noconvert(),
        nb::arg("lengths").noconvert(), nb::arg("pair_separator"), nb::arg("weight_separator"));
  m.def("prefix_tokens", &prefix_tokens, nb::arg("data").noconvert(), nb::arg("starts").noconvert(),
        nb::arg("lengths").noconvert(), nb::arg("prefix"));
  m.def("hash_tokens", &hash_tokens, nb::arg("data").noconvert(), nb::arg("starts").noconvert(),
        nb::arg("lengths").noconvert());
  m.def("identity_ids", &identity_ids, nb::arg("data").noconvert(), nb::arg("starts").noconvert(),
        nb::arg("lengths").noconvert(), nb::arg("size"));
  m.def("interleave", &interleave_columns, nb::arg("columns").noconvert(), nb::arg("num_rows"));
  nb::class_<SharedQuoteScan>(m, "QuoteScan")
      .def(
          "__init__",
          [](SharedQuoteScan* scan, nb::bytes delimiter) { new (scan) SharedQuoteScan(delimiter_of(delimiter)); },
          "delimiter"_a)
      .def(
          "feed",
          [](SharedQuoteScan& scan, nb::bytes block) {
            const InUse::Changing alone(scan.in_use);
            nb::gil_scoped_release release;
            return scan.feed({block.c_str(), block.size()});
          },
          "block"_a)
      .def_prop_ro("is_closed", [](const SharedQuoteScan& scan) { return scan.is_closed(); })
      .def_prop_ro("is_wrong", [](const SharedQuoteScan& scan) { return scan.is_wrong(); });
  nb::class_<SharedCsvParser>(m, "CsvParser")
      .def("__init__", &make_csv_parser, "delimiter"_a, "quote"_a, "empty_rows"_a, "num_columns"_a, "wanted"_a,
           "header"_a)
      .def("parse", &parse_csv, "block"_a);
  nb::class_<SharedTokenTable>(m, "TokenTable")
      .def(nb::init<>())
      .def("__len__",
           [](SharedTokenTable& table) {
             const InUse::Reading reading(table.in_use);
             return table.size();
           })
      .def("count", &count_tokens, nb::arg("data").noconvert(), nb::arg("starts").noconvert(),
           nb::arg("lengths").noconvert(), nb::arg("times").noconvert().none())
      .def("ranked", &ranked_tokens, "min_count"_a, "max_size"_a)
      .def("lookup", &lookup_tokens, nb::arg("data").noconvert(), nb::arg("starts").noconvert(),
           nb::arg("lengths").noconvert());
}

}  // namespace manyhot
