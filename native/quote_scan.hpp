// Whether the quotes of a CSV file are closed where they should be, and where its records end.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace manyhot {

// Fed block by block. The grammar is that of Python's csv module, strict: a quote opens where a value starts, "" inside
// is one quote, and after the closing one a value ends; any other quote is text.
class QuoteScan {
 public:
  explicit QuoteScan(char delimiter) : delimiter_(delimiter) {}

  // Where in the block the last record ends for certain: behind a line end that stands outside quotes and before any
  // wrong one; -1: nowhere. A carriage return at the end of the block may be half a line end. 0: behind the one that
  // ended the block before.
  int64_t feed(std::string_view block) {
    const char* const begin = block.data();
    while (mark_ < 3 && !block.empty()) {  // a byte order mark before the first value is no text
      if (block.front() != "\xef\xbb\xbf"[mark_]) {
        mark_ = 3;
        break;
      }
      before_ = ++mark_ == 3 ? '\n' : block.front();
      block.remove_prefix(1);
    }
    const char* at = block.data();
    const char* const end = at + block.size();
    int64_t last = -1;
    if (open_return_ && at < end && state_ == State::outside && *at != '\n') last = 0;
    const char* outside = at;  // where the text outside quotes began
    while (at < end && state_ != State::bad) {
      if (state_ == State::closing) {
        state_ = *at == '"' ? State::inside : ends_value(*at) ? State::outside : State::bad;
        outside = at;
        before_ = *at++;
        continue;
      }
      const char* quote = static_cast<const char*>(std::memchr(at, '"', end - at));
      if (state_ == State::outside) before_ = !quote ? end[-1] : quote > at ? quote[-1] : before_;
      if (!quote) {
        at = end;
        break;
      }
      if (state_ == State::inside) {
        state_ = State::closing;
      } else if (ends_value(before_)) {
        state_ = State::inside;
        note_end(outside, quote, end, begin, last);
      }
      before_ = '"';
      at = quote + 1;
    }
    if (state_ == State::outside) note_end(outside, end, end, begin, last);
    if (!block.empty()) open_return_ = state_ == State::outside && before_ == '\r';
    return last;
  }

  // Of the whole file, once all of it was fed.
  bool is_closed() const { return state_ == State::outside || state_ == State::closing; }

  // No more text can make it right.
  bool is_wrong() const { return state_ == State::bad; }

 private:
  enum class State : uint8_t { outside, inside, closing, bad };

  bool ends_value(char c) const { return c == delimiter_ || c == '\n' || c == '\r'; }

  // Moves `last` behind the last line end in [from, to).
  static void note_end(const char* from, const char* to, const char* end, const char* begin, int64_t& last) {
    for (const char* at = to; at > from; at--) {
      if (at[-1] == '\n' || (at[-1] == '\r' && at < end && *at != '\n')) {
        last = at - begin;
        return;
      }
    }
  }

  char delimiter_, before_ = '\n';
  int mark_ = 0;
  bool open_return_ = false;
  State state_ = State::outside;
};

}  // namespace manyhot
