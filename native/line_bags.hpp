// Lines of libsvm, libffm and VW text into single values and bags. Grammar: docs/experiment-file.md, "Lines of pairs".
#pragma once
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text_bags.hpp"

namespace manyhot {

enum class LineFormat : int32_t { libsvm, libffm, vw };

// Beside the faults of text bags, which keep their numbers.
enum class LineFault : int32_t { not_three_parts = 11, no_bar = 12, too_many_values = 13, no_name = 14 };

// One text or null a row, in Arrow's layout.
struct TextColumn {
  std::vector<uint8_t> bytes, present;
  std::vector<int32_t> offsets{0};

  void push(std::string_view text) {  // no data: null
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(static_cast<int32_t>(bytes.size()));
    present.push_back(text.data() != nullptr);
  }
};

// One list of (token, weight) a row, in Arrow's layout.
struct BagColumn {
  std::vector<uint8_t> bytes;
  std::vector<int32_t> token_ends{0}, offsets{0};
  std::vector<float> weights;

  void push(std::string_view token, float weight) {
    bytes.insert(bytes.end(), token.begin(), token.end());
    token_ends.push_back(static_cast<int32_t>(bytes.size()));
    weights.push_back(weight);
  }
  void end_row() { offsets.push_back(static_cast<int32_t>(weights.size())); }
  void forget_row() {
    weights.resize(offsets.back());
    token_ends.resize(weights.size() + 1);
    bytes.resize(token_ends.back());
  }
};

// Reads a block of whole lines of UTF-8 text, smaller than 2^31 bytes. A bad line is no row; blank lines, and those of
// libsvm that begin with #, are neither rows nor bad.
class LineBags {
 public:
  // names: of the bags that are kept; libsvm's only bag is called "features", and so is VW's namespace without a name.
  LineBags(LineFormat format, const std::vector<std::string>& names)
      : texts(format == LineFormat::vw ? 4 : 2), bags(names.size()), format_(format), wanted_(names) {
    for (size_t i = 0; i < wanted_.size(); i++) known_.emplace(wanted_[i], static_cast<int32_t>(i));
  }

  LineBags(const LineBags&) = delete;  // what is known by name points into this object

  std::vector<TextColumn> texts;  // libsvm: label, qid; libffm: label, comment; vw: label, importance, base, tag
  std::vector<BagColumn> bags;    // by name
  std::vector<int64_t> lines;     // of each row, from 0
  std::vector<int64_t> bad_lines, bad_starts;
  std::vector<int32_t> bad_lengths, faults;  // the piece of text that is at fault
  std::set<std::string> others;              // some names of bags that are not kept

  void parse(std::string_view block) {
    const char* const start = block.data();
    last_name_ = {};  // lay in the block before
    for (int64_t line = 0; !block.empty(); line++) {
      const size_t end = block.find('\n');
      const std::string_view text = trimmed(block.substr(0, end));
      block = end == std::string_view::npos ? std::string_view{} : block.substr(end + 1);
      if (text.empty() || (format_ == LineFormat::libsvm && text.front() == '#')) continue;
      values_.assign(texts.size(), {});
      piece_ = text;
      const int32_t fault = format_ == LineFormat::vw ? vw(text) : pairs(text);
      if (fault) {
        for (BagColumn& bag : bags) bag.forget_row();
        bad_lines.push_back(line), faults.push_back(fault);
        bad_starts.push_back(piece_.data() - start), bad_lengths.push_back(static_cast<int32_t>(piece_.size()));
        continue;
      }
      lines.push_back(line);
      for (size_t i = 0; i < texts.size(); i++) texts[i].push(values_[i]);
      for (BagColumn& bag : bags) bag.end_row();
    }
  }

 private:
  static constexpr size_t most_others = 1000;
  static constexpr std::string_view features = "features";

  LineFormat format_;
  std::vector<std::string> wanted_;
  std::unordered_map<std::string_view, int32_t> known_;
  std::string_view last_name_;
  BagColumn* last_bag_ = nullptr;
  std::vector<std::string_view> values_;
  std::string_view piece_;

  static int32_t fault_of(TextFault fault) { return static_cast<int32_t>(fault); }
  static int32_t fault_of(LineFault fault) { return static_cast<int32_t>(fault); }

  // The next piece of a line that spaces and tabs separate; empty at the end.
  static std::string_view next_piece(std::string_view& rest) {
    const size_t begin = std::min(rest.find_first_not_of(" \t"), rest.size());
    const size_t end = std::min(rest.find_first_of(" \t", begin), rest.size());
    const std::string_view piece = rest.substr(begin, end - begin);
    rest.remove_prefix(end);
    return piece;
  }

  // -1 is 0, and "+1" and "1.0" are "1"; other text stays as it is, for the Encoder to judge.
  static std::string_view label_of(std::string_view text) {
    float number = 0;
    if (parse_weight(text, number)) return text;
    return number == 1 ? "1" : number == 0 || number == -1 ? "0" : text;
  }

  // Null where the bag is not kept.
  BagColumn* bag_of(std::string_view name) {
    if (name == last_name_ && last_name_.data()) return last_bag_;
    const auto found = known_.find(name);
    last_bag_ = found == known_.end() ? nullptr : &bags[found->second];
    if (!last_bag_ && others.size() < most_others) others.emplace(name);
    last_name_ = name;
    return last_bag_;
  }

  int32_t add(std::string_view name, std::string_view token, float weight) {
    if (token.empty()) return fault_of(TextFault::empty_token);
    if (BagColumn* bag = bag_of(name)) bag->push(token, weight);
    return 0;
  }

  // libsvm: [label] [qid:N] token:weight ... [# comment]; libffm: [label] name:token:weight ... [%comment]
  int32_t pairs(std::string_view rest) {
    const bool with_names = format_ == LineFormat::libffm;
    if (with_names) {
      const size_t percent = rest.find('%');
      if (percent != std::string_view::npos) {
        const std::string_view comment = trimmed(rest.substr(percent + 1));
        if (!comment.empty()) values_[1] = comment;
        rest = rest.substr(0, percent);
      }
    }
    piece_ = next_piece(rest);
    if (piece_.find(':') == std::string_view::npos && !piece_.empty()) {
      values_[0] = label_of(piece_);
      piece_ = next_piece(rest);
    }
    if (!with_names && piece_.substr(0, 4) == "qid:") {
      values_[1] = piece_.substr(4);
      if (values_[1].empty()) return fault_of(TextFault::empty_token);
      piece_ = next_piece(rest);
    }
    for (; !piece_.empty(); piece_ = next_piece(rest)) {
      if (!with_names && piece_.front() == '#') break;
      const size_t last = piece_.rfind(':'), first = with_names ? piece_.find(':') : last;
      if (last == std::string_view::npos || (with_names && first == last))
        return with_names ? fault_of(LineFault::not_three_parts) : fault_of(TextFault::no_weight);
      float weight = 0;
      if (const int32_t fault = parse_weight(piece_.substr(last + 1), weight)) return fault;
      if (with_names && first == 0) return fault_of(LineFault::no_name);
      const std::string_view name = with_names ? piece_.substr(0, first) : features;
      const size_t begin = with_names ? first + 1 : 0;
      if (const int32_t fault = add(name, piece_.substr(begin, last - begin), weight)) return fault;
    }
    return 0;
  }

  // [label [importance [base]]] ['tag]|namespace[:scale] token[:weight] ... |namespace ...
  int32_t vw(std::string_view rest) {
    const size_t bar = rest.find('|');
    if (bar == std::string_view::npos) return fault_of(LineFault::no_bar);
    if (const int32_t fault = vw_values(rest.substr(0, bar))) return fault;
    for (rest = rest.substr(bar); !rest.empty();) {
      const size_t next = std::min(rest.find('|', 1), rest.size());
      if (const int32_t fault = vw_namespace(rest.substr(1, next - 1))) return fault;
      rest.remove_prefix(next);
    }
    return 0;
  }

  int32_t vw_values(std::string_view rest) {
    std::vector<std::string_view> words;
    for (piece_ = next_piece(rest); !piece_.empty(); piece_ = next_piece(rest)) {
      words.push_back(piece_);
      if (words.size() > 4) return fault_of(LineFault::too_many_values);
    }
    // As Vowpal Wabbit has it: a last word that touches the bar, or begins with an apostrophe, is the tag.
    const char* const bar = rest.data() + rest.size();
    if (!words.empty() && (words.back().front() == '\'' || words.back().data() + words.back().size() == bar)) {
      std::string_view tag = words.back();
      words.pop_back();
      if (tag.front() == '\'') tag.remove_prefix(1);
      if (!tag.empty()) values_[3] = tag;
    }
    if (words.size() > 3) {
      piece_ = words.back();
      return fault_of(LineFault::too_many_values);
    }
    values_[1] = "1";
    for (size_t i = 0; i < words.size(); i++) values_[i] = i == 0 ? label_of(words[0]) : words[i];
    return 0;
  }

  int32_t vw_namespace(std::string_view rest) {
    std::string_view name = features;
    float scale = 1;
    if (!rest.empty() && rest.front() != ' ' && rest.front() != '\t') {
      piece_ = name = next_piece(rest);
      const size_t colon = piece_.rfind(':');
      if (colon != std::string_view::npos) {
        name = piece_.substr(0, colon);
        if (const int32_t fault = parse_weight(piece_.substr(colon + 1), scale)) return fault;
      }
      if (name.empty()) return fault_of(LineFault::no_name);
    }
    for (piece_ = next_piece(rest); !piece_.empty(); piece_ = next_piece(rest)) {
      const size_t colon = piece_.rfind(':');
      float weight = 1;
      if (colon != std::string_view::npos)
        if (const int32_t fault = parse_weight(piece_.substr(colon + 1), weight)) return fault;
      weight *= scale;
      if (!std::isfinite(weight)) return fault_of(TextFault::not_finite);
      if (const int32_t fault = add(name, piece_.substr(0, colon), weight)) return fault;
    }
    return 0;
  }
};

}  // namespace manyhot
