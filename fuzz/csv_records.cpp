// Records of CSV, cut into blocks as the reader does it: whole records by QuoteScan, then CsvParser. And CsvParser on
// the raw bytes, whose quotes nobody looked at.
#include "csv_records.hpp"

#include "bytes.hpp"
#include "quote_scan.hpp"

using namespace manyhot;

namespace {

void check(const CsvRecords& out, size_t size) {
  const size_t rows = out.lines.size(), bad = out.bad_lines.size();
  EXPECT(out.starts.size() == rows && out.ends.size() == rows);
  EXPECT(out.bad_starts.size() == bad && out.bad_ends.size() == bad && out.bad_counts.size() == bad);
  for (size_t i = 0; i < rows; i++)
    EXPECT(0 <= out.starts[i] && out.starts[i] <= out.ends[i] && static_cast<size_t>(out.ends[i]) <= size);
  for (const CsvColumn& column : out.columns) {
    EXPECT(column.offsets.size == rows + 1 && column.offsets[0] == 0);
    EXPECT(static_cast<size_t>(column.offsets[rows]) == column.data.size);
    for (size_t i = 0; i < rows; i++) EXPECT(column.offsets[i] <= column.offsets[i + 1]);
    uint32_t sum = 0;  // reads all of it
    for (size_t i = 0; i < column.data.size; i++) sum += column.data[i];
    EXPECT(sum <= 255 * column.data.size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  const char delimiter = bytes.below(4) ? ',' : static_cast<char>(bytes.number<uint8_t>());
  const uint8_t options = bytes.number<uint8_t>();
  const CsvGrammar grammar{delimiter, (options & 1) != 0, (options & 2) != 0, 1 + (options >> 2) % 3};
  std::vector<int32_t> wanted;
  for (int32_t column = grammar.num_columns - 1; column >= 0; column -= 1 + (options >> 4) % 2)
    wanted.push_back(column);
  const size_t piece = 1 + bytes.below(64);
  const std::vector<char> text = bytes.rest();

  CsvParser raw(grammar, wanted, (options & 64) != 0);
  check(raw.parse({text.data(), text.size()}), text.size());

  CsvParser parser(grammar, wanted, (options & 64) != 0);
  QuoteScan scan(delimiter);
  std::vector<char> pending;
  for (size_t at = 0; at < text.size() && !scan.is_wrong(); at += piece) {
    const std::vector<char> block(text.begin() + at, text.begin() + std::min(at + piece, text.size()));
    const int64_t end = scan.feed({block.data(), block.size()});
    EXPECT(end >= -1 && end <= static_cast<int64_t>(block.size()));
    const size_t whole = end < 0 ? 0 : static_cast<size_t>(end);
    if (end >= 0) {
      pending.insert(pending.end(), block.begin(), block.begin() + whole);
      const std::vector<char> records(pending.begin(), pending.end());
      check(parser.parse({records.data(), records.size()}), records.size());
      pending.clear();
    }
    pending.insert(pending.end(), block.begin() + whole, block.end());
  }
  if (scan.is_closed()) check(parser.parse({pending.data(), pending.size()}), pending.size());
  return 0;
}
