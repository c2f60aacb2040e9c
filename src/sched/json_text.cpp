#include "sched/json_text.hpp"

namespace gmp::detail {
namespace {

void append_json_quoted(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        to += "\\\"";
        break;
      case '\\':
        to += "\\\\";
        break;
      case '\n':
        to += "\\n";
        break;
      case '\r':
        to += "\\r";
        break;
      case '\t':
        to += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) {
          to += c;
        } else {
          constexpr char digits[] = "0123456789abcdef";
          to += "\\u00";
          to += digits[c >> 4];
          to += digits[c & 15];
        }
    }
  }
  to += '"';
}

}  // namespace

void append_json_key(std::string& to, std::string_view key) {
  if (to.back() != '{') to += ',';
  append_json_quoted(to, key);
  to += ':';
}

void append_json_field(std::string& to, std::string_view key, std::string_view value) {
  append_json_key(to, key);
  append_json_quoted(to, value);
}

void append_json_facts(std::string& to,
                       const std::vector<std::pair<std::string, std::string>>& facts) {
  append_json_key(to, "facts");
  to += '{';
  for (const auto& [key, value] : facts) append_json_field(to, key, value);
  to += '}';
}

void append_json_stack(std::string& to, const std::vector<std::string>& stack) {
  append_json_key(to, "stack");
  to += '[';
  for (const std::string& line : stack) {
    if (to.back() != '[') to += ',';
    append_json_quoted(to, line);
  }
  to += ']';
}

}  // namespace gmp::detail
