// Text like "wechat:0.9, weibo:0.5" into token spans and weights.
#pragma once
#include <locale.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "checks.hpp"
#include "token_table.hpp"

namespace manyhot {

enum class TextFault : int32_t { empty_token = 1, no_weight = 2, bad_weight = 3, not_finite = 4 };

struct TextBags {
  std::vector<int64_t> starts;
  std::vector<int32_t> lengths, offsets;
  std::vector<float> weights;
  std::vector<int64_t> bad_rows;
  std::vector<int32_t> bad_faults;
};

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// The usual "0.93" or "310", exactly: digits and one point, at most 15 digits. Then both the digits as a whole number
// and the power of ten are doubles, and one division rounds as a full parser does (Clinger 1990). False: something
// else.
inline bool parse_short_decimal(std::string_view text, double& number) {
  static constexpr double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  if (text.size() > 16) return false;
  int64_t whole = 0;
  int digits = 0, decimals = 0;
  bool point = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      whole = whole * 10 + (c - '0');
      digits++;
      decimals += point;
    } else if (c == '.' && !point) {
      point = true;
    } else {
      return false;
    }
  }
  if (digits == 0 || digits > 15) return false;
  number = static_cast<double>(whole) / powers[decimals];
  return true;
}

// Of a number that no double holds: 0 or an infinity. Only strtod tells the two apart, and it must not ask the locale
// whether a comma is the point.
inline double out_of_range(std::string_view text) {
  static const locale_t plain = newlocale(LC_ALL_MASK, "C", nullptr);
  return strtod_l(std::string(text).c_str(), nullptr, plain);
}

// 0 and the number, or why it is none. Too small for a double is 0; too large, "inf" and "nan" are not finite.
inline int32_t parse_weight(std::string_view text, float& weight) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double number = 0;
  if (parse_short_decimal(text, number)) {
    weight = static_cast<float>(number);
    return 0;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error == std::errc::invalid_argument || end != text.data() + text.size())
    return static_cast<int32_t>(TextFault::bad_weight);
  if (error == std::errc::result_out_of_range) number = out_of_range(text);
  weight = static_cast<float>(number);
  return std::isfinite(weight) ? 0 : static_cast<int32_t>(TextFault::not_finite);
}

// One bag for each text; a bad text gives an empty bag and an entry in bad_rows. weight_separator 0: tokens only.
inline TextBags parse_text_bags(const Spans& texts, char pair_separator, char weight_separator) {
  TextBags out;
  out.offsets.reserve(texts.count + 1);
  out.offsets.push_back(0);
  for (int64_t row = 0; row < texts.count; row++) {
    const size_t kept = out.starts.size();
    if (row == 1024) {  // room for as many pairs a row as so far, and an eighth more: growing costs as much as parsing
      int64_t bytes = texts.count;
      for (int64_t i = 0; i < texts.count; i++) bytes += texts.lengths[i];
      const size_t most = bytes / 2 + 1;  // a pair is a byte and a separator at least
      const size_t expected = std::min(most, kept * (texts.count / 1024 + 1) / 8 * 9);
      out.starts.reserve(expected), out.lengths.reserve(expected), out.weights.reserve(weight_separator ? expected : 0);
    }
    std::string_view rest = trimmed(texts[row]);
    int32_t fault = 0;
    while (!rest.empty() && !fault) {
      const size_t cut = rest.find(pair_separator);
      std::string_view pair = trimmed(rest.substr(0, cut));
      rest = cut == std::string_view::npos ? std::string_view{} : rest.substr(cut + 1);
      if (cut != std::string_view::npos && rest.empty()) fault = static_cast<int32_t>(TextFault::empty_token);
      float weight = 1;
      if (weight_separator && !fault) {
        const size_t colon = pair.rfind(weight_separator);
        if (colon == std::string_view::npos) {
          fault = static_cast<int32_t>(pair.empty() ? TextFault::empty_token : TextFault::no_weight);
        } else {
          fault = parse_weight(trimmed(pair.substr(colon + 1)), weight);
          pair = trimmed(pair.substr(0, colon));
        }
      }
      if (!fault && pair.empty()) fault = static_cast<int32_t>(TextFault::empty_token);
      out.starts.push_back(pair.data() - texts.data);
      out.lengths.push_back(static_cast<int32_t>(pair.size()));
      if (weight_separator) out.weights.push_back(weight);
    }
    if (fault) {
      out.starts.resize(kept), out.lengths.resize(kept), out.weights.resize(weight_separator ? kept : 0);
      out.bad_rows.push_back(row), out.bad_faults.push_back(fault);
    }
    if (out.starts.size() > size_t{kMostPairs})
      throw std::length_error("a batch has more than 2^31 - 1 pairs; give it in smaller pieces");
    out.offsets.push_back(static_cast<int32_t>(out.starts.size()));
  }
  return out;
}

}  // namespace manyhot
