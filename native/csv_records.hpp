// A block of whole records of separated values, taken apart into the bytes of the wanted columns.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "array.hpp"

namespace manyhot {

// Of R rows: offsets (R+1), the bytes between them, and a bit a row that is 0 where the value is empty.
struct CsvColumn {
  Array<uint8_t> data, valid;
  Array<int64_t> offsets;
  int64_t num_empty = 0;
};

struct CsvRecords {
  std::vector<CsvColumn> columns;
  std::vector<int32_t> lines, starts, ends;  // of each row: its line, from 0; its bytes in the block
  std::vector<int32_t> bad_lines, bad_starts, bad_ends, bad_counts;  // records that have not num_columns values
  int32_t num_lines = 0;
  bool header = false;  // a header was to be skipped and was there
};

struct CsvGrammar {
  char delimiter;
  bool quote;       // "" around a value; the block's quotes must be closed as QuoteScan says
  bool empty_rows;  // an empty line is a row of one empty value; else it is none
  int32_t num_columns;
};

class CsvParser {
 public:
  // wanted: numbers of columns, below num_columns, each once.
  CsvParser(const CsvGrammar& grammar, const std::vector<int32_t>& wanted)
      : grammar_(grammar), slots_(grammar.num_columns, -1), num_wanted_(wanted.size()) {
    for (size_t i = 0; i < wanted.size(); i++) slots_[wanted[i]] = static_cast<int32_t>(i);
    stops_[static_cast<uint8_t>(grammar.delimiter)] = stops_['\n'] = stops_['\r'] = true;
  }

  // header: the first line that is not empty is none of the rows, nor are empty ones before it.
  CsvRecords parse(std::string_view block, bool header) {
    CsvRecords out;
    begin_ = block.data(), at_ = begin_, end_ = begin_ + block.size();
    while (at_ < end_) {
      const int32_t line = out.num_lines, start = offset(at_);
      const size_t kept = values_.size();
      const int32_t count = record(out.num_lines);
      const int32_t stop = offset(at_);
      out.num_lines += end_line();
      const bool empty = stop == start;
      if (header && !out.header) {
        out.header = !empty;
        values_.resize(kept);
      } else if (empty && !grammar_.empty_rows) {
        values_.resize(kept);
      } else if (count != grammar_.num_columns) {
        values_.resize(kept);
        out.bad_lines.push_back(line), out.bad_starts.push_back(start), out.bad_ends.push_back(stop);
        out.bad_counts.push_back(count);
      } else {
        out.lines.push_back(line), out.starts.push_back(start), out.ends.push_back(stop);
      }
    }
    for (size_t i = 0; i < num_wanted_; i++) out.columns.push_back(column(i, out.lines.size()));
    values_.clear();
    return out;
  }

 private:
  struct Value {
    int32_t start, length;
    bool doubled;  // it holds "", which is one quote
  };

  int32_t offset(const char* at) const { return static_cast<int32_t>(at - begin_); }

  // Values up to the end of the line or block, the wanted ones kept; their number. Lines end inside quotes, too.
  int32_t record(int32_t& num_lines) {
    int32_t count = 0;
    values_.resize(values_.size() + num_wanted_);  // rows before columns
    Value* const row = values_.data() + values_.size() - num_wanted_;
    for (;; at_++) {
      Value value = grammar_.quote && at_ < end_ && *at_ == '"' ? quoted(num_lines) : plain();
      if (count < grammar_.num_columns && slots_[count] >= 0) row[slots_[count]] = value;
      count++;
      if (at_ == end_ || *at_ != grammar_.delimiter) return count;
    }
  }

  Value plain() {
    const char* const start = at_;
    while (at_ < end_ && !stops_[static_cast<uint8_t>(*at_)]) at_++;
    return {offset(start), static_cast<int32_t>(at_ - start), false};
  }

  Value quoted(int32_t& num_lines) {
    const char* const start = ++at_;
    bool doubled = false;
    for (; at_ < end_; at_++) {
      if (*at_ == '"') {
        if (at_ + 1 == end_ || at_[1] != '"') break;
        doubled = true, at_++;
      } else if (*at_ == '\n' || (*at_ == '\r' && (at_ + 1 == end_ || at_[1] != '\n'))) {
        num_lines++;
      }
    }
    const Value value{offset(start), static_cast<int32_t>(at_ - start), doubled};
    while (at_ < end_ && !stops_[static_cast<uint8_t>(*at_)]) at_++;  // past the quote
    return value;
  }

  int32_t end_line() {
    if (at_ == end_) return 1;
    if (*at_ == '\r' && at_ + 1 < end_ && at_[1] == '\n') at_++;
    at_++;
    return 1;
  }

  CsvColumn column(size_t slot, size_t num_rows) const {
    CsvColumn out;
    int64_t size = 0;
    for (size_t row = 0; row < num_rows; row++) size += values_[row * num_wanted_ + slot].length;
    out.data = Array<uint8_t>(size), out.offsets = Array<int64_t>(num_rows + 1);
    out.valid = Array<uint8_t>((num_rows + 7) / 8);
    std::fill_n(out.valid.data.get(), out.valid.size, uint8_t{0});
    uint8_t* to = out.data.data.get();
    out.offsets.data[0] = 0;
    for (size_t row = 0; row < num_rows; row++) {
      const Value value = values_[row * num_wanted_ + slot];
      const char* const from = begin_ + value.start;
      if (value.doubled) {
        for (int32_t i = 0; i < value.length; i++) {
          *to++ = static_cast<uint8_t>(from[i]);
          i += from[i] == '"';
        }
      } else {
        std::memcpy(to, from, value.length);
        to += value.length;
      }
      out.offsets.data[row + 1] = to - out.data.data.get();
      out.num_empty += value.length == 0;
      out.valid.data[row / 8] |= static_cast<uint8_t>(value.length > 0) << row % 8;
    }
    out.data.size = out.offsets.data[num_rows];
    return out;
  }

  CsvGrammar grammar_;
  std::vector<int32_t> slots_;  // of each column: its place among the wanted ones, or -1
  size_t num_wanted_;
  bool stops_[256] = {};
  std::vector<Value> values_;  // rows x wanted
  const char *begin_ = nullptr, *at_ = nullptr, *end_ = nullptr;
};

}  // namespace manyhot
