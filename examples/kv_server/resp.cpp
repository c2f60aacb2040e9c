#include "resp.hpp"

namespace kv {
namespace {

bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char escaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

}  // namespace

resp_parser::outcome resp_parser::next(std::string_view data) {
  if (fresh_) {
    at_ = 0;
    wanted_ = 1;
    missing_ = -1;
    bulk_ = -1;
    pieces_.clear();
    views_.clear();
    if (data.empty()) return outcome::more;
    fresh_ = false;
  }
  if (data.front() != '*') return read_inline(data);
  step did = missing_ < 0 ? read_header(data) : step::done;
  while (did == step::done && missing_ > 0) did = read_bulk(data);
  if (did == step::done) return finish(data);
  return did == step::broken ? outcome::broken : outcome::more;
}

resp_parser::outcome resp_parser::finish(std::string_view data) {
  views_.resize(pieces_.size());
  for (std::size_t i = 0; i < pieces_.size(); ++i)
    views_[i] = std::string_view(data.data() + pieces_[i].offset, pieces_[i].size);
  fresh_ = true;
  return outcome::command;
}

resp_parser::outcome resp_parser::fail(std::string_view complaint) {
  complaint_ = complaint;
  return outcome::broken;
}

// The decimal number at `from` with the end of its line; moves at_ behind it. Strict as Redis: no
// plus sign, no zeros in front. A wrong byte is wrong as soon as it is there, so that it does not
// matter where the bytes are split.
resp_parser::step resp_parser::read_number(std::string_view data, std::size_t from,
                                           std::int64_t& value) {
  constexpr std::size_t most_digits = 18;
  std::size_t at = from;
  const bool negative = at < data.size() && data[at] == '-';
  if (negative) ++at;
  const std::size_t first = at;
  std::int64_t number = 0;
  for (; at < data.size() && data[at] >= '0' && data[at] <= '9'; ++at) {
    if (at - first == most_digits || (at > first && number == 0)) return step::broken;
    number = number * 10 + (data[at] - '0');
  }
  wanted_ = at + 2;
  if (at == data.size()) return step::more;
  if (data[at] != '\r' || at == first || (negative && number == 0)) return step::broken;
  if (at + 1 == data.size()) return step::more;
  if (data[at + 1] != '\n') return step::broken;
  value = negative ? -number : number;
  at_ = at + 2;
  return step::done;
}

resp_parser::step resp_parser::read_header(std::string_view data) {
  std::int64_t count = 0;
  const step did = read_number(data, 1, count);
  if (did == step::broken || (did == step::done && count > limits_.arguments)) {
    fail("Protocol error: invalid multibulk length");
    return step::broken;
  }
  if (did == step::done) missing_ = count > 0 ? count : 0;
  return did;
}

resp_parser::step resp_parser::read_bulk(std::string_view data) {
  if (bulk_ < 0) {
    wanted_ = at_ + 4;
    if (at_ == data.size()) return step::more;
    if (data[at_] != '$') {
      fail("Protocol error: expected '$', got '");
      const char got = data[at_];
      complaint_ += got >= ' ' && got < 127 ? got : ' ';  // the answer stays one line
      complaint_ += '\'';
      return step::broken;
    }
    std::int64_t size = 0;
    const step did = read_number(data, at_ + 1, size);
    if (did == step::broken || (did == step::done && (size < 0 || size > limits_.bulk))) {
      fail("Protocol error: invalid bulk length");
      return step::broken;
    }
    if (did == step::more) return did;
    bulk_ = size;
  }
  const auto size = static_cast<std::size_t>(bulk_);
  const std::size_t end = at_ + size;
  wanted_ = end + 2;
  if (wanted_ > limits_.command) {
    fail("");
    return step::broken;
  }
  const bool wrong_end =
      (data.size() > end && data[end] != '\r') || (data.size() > end + 1 && data[end + 1] != '\n');
  if (wrong_end) {
    fail("Protocol error: invalid bulk length");
    return step::broken;
  }
  if (data.size() < end + 2) return step::more;
  pieces_.push_back({at_, size});  // [R2]
  at_ = end + 2;
  bulk_ = -1;
  --missing_;
  return step::done;
}

// One line of words, for people with telnet.
resp_parser::outcome resp_parser::read_inline(std::string_view data) {
  const std::size_t newline = data.find('\n', at_);
  if (newline == std::string_view::npos ? data.size() > limits_.line : newline > limits_.line)
    return fail("Protocol error: too big inline request");
  if (newline == std::string_view::npos) {
    at_ = data.size();
    wanted_ = at_ + 1;
    return outcome::more;
  }
  std::string_view line = data.substr(0, newline);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  unquoted_.clear();
  unquoted_.reserve(line.size());  // views of it are made while it grows
  if (!split_line(line)) return fail("Protocol error: unbalanced quotes in request");
  at_ = newline + 1;
  fresh_ = true;
  return outcome::command;
}

bool resp_parser::split_line(std::string_view line) {
  std::size_t at = 0;
  for (;;) {
    while (at < line.size() && blank(line[at])) ++at;
    if (at == line.size()) return true;
    const std::size_t first = at;
    while (at < line.size() && !blank(line[at]) && line[at] != '"' && line[at] != '\'') ++at;
    if (at == line.size() || blank(line[at])) {
      views_.push_back(line.substr(first, at - first));
      continue;
    }
    const std::size_t start = unquoted_.size();
    unquoted_.append(line.substr(first, at - first));
    if (!unquote(line, at)) return false;
    views_.emplace_back(unquoted_.data() + start, unquoted_.size() - start);
  }
}

// The rest of a word that has quotes, from the first of them on. A closing quote ends the word.
bool resp_parser::unquote(std::string_view line, std::size_t& at) {
  char quote = 0;
  for (; at < line.size(); ++at) {
    const char c = line[at];
    const std::size_t left = line.size() - at - 1;
    if (quote == 0) {
      if (blank(c)) return true;
      if (c == '"' || c == '\'')
        quote = c;
      else
        unquoted_ += c;
    } else if (c == quote) {
      ++at;
      return at == line.size() || blank(line[at]);
    } else if (c == '\\' && quote == '"' && left >= 3 && line[at + 1] == 'x' &&
               hex_digit(line[at + 2]) >= 0 && hex_digit(line[at + 3]) >= 0) {
      unquoted_ += static_cast<char>(hex_digit(line[at + 2]) * 16 + hex_digit(line[at + 3]));
      at += 3;
    } else if (c == '\\' && quote == '"' && left >= 1) {
      unquoted_ += escaped(line[++at]);
    } else if (c == '\\' && quote == '\'' && left >= 1 && line[at + 1] == '\'') {
      unquoted_ += line[++at];
    } else {
      unquoted_ += c;
    }
  }
  return quote == 0;
}

}  // namespace kv
