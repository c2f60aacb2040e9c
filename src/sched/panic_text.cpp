// A panic as text and as JSON.
#include <cstdio>
#include <string>
#include <string_view>

#include "gmp/runtime.hpp"

namespace gmp {
namespace {

void append_quoted(std::string& to, std::string_view text) {
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

void append_field(std::string& to, std::string_view key, std::string_view value) {
  if (to.back() != '{') to += ',';
  append_quoted(to, key);
  to += ':';
  append_quoted(to, value);
}

std::string headline(const panic_report& report) {
  std::string text = "gmpsched: panic in G " + std::to_string(report.g_id);
  if (!report.name.empty()) text += " \"" + report.name + "\"";
  text += ": " + report.exception_type;
  if (!report.message.empty()) text += ": " + report.message;
  return text += '\n';
}

}  // namespace

std::string panic_report::text() const {
  std::string text = headline(*this);
  for (const auto& [type, what] : nested) {
    text += "gmpsched:   caused by " + type;
    if (!what.empty()) text += ": " + what;
    text += '\n';
  }
  text += creator_id != 0 ? "gmpsched:   made by G " + std::to_string(creator_id)
                          : "gmpsched:   made by a plain thread";
  for (const auto& [key, value] : facts) text += ", " + key + "=" + value;
  text += isolated ? "\ngmpsched:   isolated: only this G ends\n"
                   : "\ngmpsched:   critical: the process ends\n";
  if (!stack.empty()) text += "gmpsched:   at\n";
  for (const std::string& line : stack) text += "gmpsched:     " + line + "\n";
  return text += "gmpsched: " + json() + "\n";
}

std::string panic_report::json() const {
  std::string out = "{";
  append_field(out, "event", "panic");
  out += ",\"g\":" + std::to_string(g_id);
  append_field(out, "name", name);
  out += ",\"creator\":" + std::to_string(creator_id);
  append_field(out, "class", isolated ? "isolated" : "critical");
  append_field(out, "type", exception_type);
  append_field(out, "message", message);
  out += ",\"nested\":[";
  for (const auto& [type, what] : nested) {
    out += out.back() == '[' ? "{" : ",{";
    append_field(out, "type", type);
    append_field(out, "message", what);
    out += '}';
  }
  out += "],\"facts\":{";
  for (const auto& [key, value] : facts) append_field(out, key, value);
  out += "},\"stack\":[";
  for (const std::string& line : stack) {
    if (out.back() != '[') out += ',';
    append_quoted(out, line);
  }
  return out += "]}";
}

}  // namespace gmp
