// Blocks of whole records of separated values, taken apart into the bytes of the wanted columns.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "array.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace manyhot {

// Of R rows: offsets (R+1), the bytes between them, and a bit a row that is 0 where the value is empty.
struct CsvColumn {
  Array<int64_t> offsets;
  Array<uint8_t> data, valid;
  int64_t num_empty = 0;
};

// Lines count from 0, starts and ends are places in the block. A bad record has another number of values.
struct CsvRecords {
  std::vector<CsvColumn> columns;
  std::vector<int32_t> lines, starts, ends, bad_lines, bad_starts, bad_ends, bad_counts;
  int32_t num_lines = 0;
};

// quote: values may stand in quotes, which must be as QuoteScan likes them. empty_rows: an empty line is a row of one
// empty value, else it is none.
struct CsvGrammar {
  char delimiter;
  bool quote, empty_rows;
  int32_t num_columns;
};

class CsvParser {
 public:
  // wanted: numbers of columns, below num_columns, each once. header: the first line that is not empty is none of the
  // rows, nor are the empty ones before it.
  CsvParser(const CsvGrammar& grammar, const std::vector<int32_t>& wanted, bool header)
      : grammar_(grammar), slots_(grammar.num_columns, -1), buffers_(wanted.size()), header_(header) {
    for (size_t i = 0; i < wanted.size(); i++) slots_[wanted[i]] = static_cast<int32_t>(i);
    for (const char c : {grammar.delimiter, '\n', '\r'}) stops_[static_cast<uint8_t>(c)] = true;
  }

  CsvParser(const CsvParser&) = delete;

  CsvRecords parse(std::string_view block) {
    CsvRecords out;
    begin_ = at_ = block.data(), end_ = begin_ + block.size();
    for (Buffer& buffer : buffers_) buffer.begin();
    while (at_ < end_) {
      const int32_t line = out.num_lines, start = offset(at_);
      const int32_t count = record(out.num_lines);
      const int32_t stop = offset(at_);
      end_line(out.num_lines);
      const bool empty = stop == start;
      if (header_) {
        header_ = empty;
      } else if (empty && !grammar_.empty_rows) {
        continue;
      } else if (count == grammar_.num_columns) {
        out.lines.push_back(line), out.starts.push_back(start), out.ends.push_back(stop);
        for (Buffer& buffer : buffers_) buffer.keep();
        continue;
      } else {
        out.bad_lines.push_back(line), out.bad_starts.push_back(start), out.bad_ends.push_back(stop);
        out.bad_counts.push_back(count);
      }
      for (Buffer& buffer : buffers_) buffer.drop();
    }
    for (Buffer& buffer : buffers_) out.columns.push_back(buffer.take());
    return out;
  }

 private:
  static constexpr int64_t kWide = 16;  // bytes that are compared and copied at once

  // The values of one column. What was written and not kept is overwritten.
  struct Buffer {
    Array<uint8_t> data;
    std::vector<int64_t> offsets;
    uint8_t *at = nullptr, *limit = nullptr;
    size_t expected = 0;

    void begin() {
      data = Array<uint8_t>(expected + 2 * kWide);
      at = data.data.get(), limit = at + data.size;
      offsets.assign(1, 0);
    }

    // Where `length` bytes and as many as are copied at once go.
    uint8_t* room(int64_t length) {
      if (limit - at < length + kWide) grow(length);
      return at;
    }

    void grow(int64_t length) {
      const size_t used = at - data.data.get();
      Array<uint8_t> larger((used + length + kWide) * 2);
      std::copy_n(data.data.get(), used, larger.data.get());
      data = std::move(larger);
      at = data.data.get() + used, limit = data.data.get() + data.size;
    }

    void keep() { offsets.push_back(at - data.data.get()); }
    void drop() { at = data.data.get() + offsets.back(); }

    CsvColumn take() {
      CsvColumn out;
      const size_t rows = offsets.size() - 1;
      data.size = offsets.back();
      expected = data.size + data.size / 8;
      out.data = std::move(data);
      for (size_t row = 0; row < rows; row++) out.num_empty += offsets[row] == offsets[row + 1];
      if (out.num_empty) {
        out.valid = Array<uint8_t>((rows + 7) / 8);
        std::fill_n(out.valid.data.get(), out.valid.size, uint8_t{0});
        for (size_t row = 0; row < rows; row++)
          out.valid[row / 8] |= static_cast<uint8_t>(offsets[row] != offsets[row + 1]) << row % 8;
      }
      out.offsets = Array<int64_t>(rows + 1);
      std::copy_n(offsets.data(), rows + 1, out.offsets.data.get());
      return out;
    }
  };

  int32_t offset(const char* at) const { return static_cast<int32_t>(at - begin_); }

  // Values up to the end of the line or block; their number. Lines end inside quotes, too.
  int32_t record(int32_t& num_lines) {
    int32_t count = 0;
    for (;; at_++) {
      const int32_t slot = count < grammar_.num_columns ? slots_[count] : -1;
      if (grammar_.quote && at_ < end_ && *at_ == '"')
        quoted(slot, num_lines);
      else
        plain(slot);
      count++;
      if (at_ == end_ || *at_ != grammar_.delimiter) return count;
    }
  }

  void plain(int32_t slot) {
    const char* const start = at_;
#ifdef __SSE2__
    const __m128i delimiter = _mm_set1_epi8(grammar_.delimiter), line = _mm_set1_epi8('\n'),
                  carriage = _mm_set1_epi8('\r');
    for (; end_ - at_ >= kWide; at_ += kWide) {
      const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
      const __m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(text, delimiter), _mm_cmpeq_epi8(text, line)),
                                        _mm_cmpeq_epi8(text, carriage));
      const uint32_t found = static_cast<uint32_t>(_mm_movemask_epi8(stop));
      if (!found) continue;
      const bool is_short = at_ == start;
      at_ += __builtin_ctz(found);
      if (slot < 0) return;
      if (!is_short) return write(slot, start, at_ - start);
      Buffer& buffer = buffers_[slot];
      _mm_storeu_si128(reinterpret_cast<__m128i*>(buffer.room(0)), text);
      buffer.at += at_ - start;
      return;
    }
#endif
    while (at_ < end_ && !stops_[static_cast<uint8_t>(*at_)]) at_++;
    if (slot >= 0) write(slot, start, at_ - start);
  }

  void write(int32_t slot, const char* from, int64_t length) {
    Buffer& buffer = buffers_[slot];
    std::memcpy(buffer.room(length), from, length);
    buffer.at += length;
  }

  void quoted(int32_t slot, int32_t& num_lines) {
    const char* start = ++at_;
    for (; at_ < end_; at_++) {
      if (*at_ == '"') {
        if (at_ + 1 == end_ || at_[1] != '"') break;
        at_++;  // "" is one quote: it ends this part, and the next one starts behind it
        if (slot >= 0) write(slot, start, at_ - start);
        start = at_ + 1;
      } else if (*at_ == '\n' || (*at_ == '\r' && (at_ + 1 == end_ || at_[1] != '\n'))) {
        num_lines++;
      }
    }
    if (slot >= 0) write(slot, start, at_ - start);
    if (at_ < end_) at_++;
  }

  void end_line(int32_t& num_lines) {
    num_lines++;
    if (at_ == end_) return;
    if (*at_ == '\r' && at_ + 1 < end_ && at_[1] == '\n') at_++;
    at_++;
  }

  CsvGrammar grammar_;
  std::vector<int32_t> slots_;  // of each column: its place among the wanted ones, or -1
  std::vector<Buffer> buffers_;
  bool header_;
  bool stops_[256] = {};
  const char *begin_ = nullptr, *at_ = nullptr, *end_ = nullptr;
};

}  // namespace manyhot
