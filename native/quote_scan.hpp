// Whether the quotes of a CSV file are closed where they should be.
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

  void feed(std::string_view block) {
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
    while (at < end && state_ != State::bad) {
      if (state_ == State::closing) {
        state_ = *at == '"' ? State::inside : ends_value(*at) ? State::outside : State::bad;
        before_ = *at++;
        continue;
      }
      const char* quote = static_cast<const char*>(std::memchr(at, '"', end - at));
      if (state_ == State::outside) before_ = !quote ? end[-1] : quote > at ? quote[-1] : before_;
      if (!quote) return;
      if (state_ == State::inside)
        state_ = State::closing;
      else if (ends_value(before_))
        state_ = State::inside;
      before_ = '"';
      at = quote + 1;
    }
  }

  // Of the whole file, once all of it was fed.
  bool is_closed() const { return state_ == State::outside || state_ == State::closing; }

 private:
  enum class State : uint8_t { outside, inside, closing, bad };

  bool ends_value(char c) const { return c == delimiter_ || c == '\n' || c == '\r'; }

  char delimiter_, before_ = '\n';
  int mark_ = 0;
  State state_ = State::outside;
};

}  // namespace manyhot
