// A panic as text and as JSON.
#include <string>

#include "gmp/runtime.hpp"
#include "sched/json_text.hpp"

namespace gmp {
namespace {

// Each line of the report says whose it is, also within what the user gave.
void append_lines(std::string& to, const std::string& text) {
  for (const char c : text) {
    to += c;
    if (c == '\n') to += "gmpsched:     ";
  }
}

std::string headline(const panic_report& report) {
  std::string text = report.stopping ? "gmpsched: G " : "gmpsched: panic in G ";
  text += std::to_string(report.g_id);
  if (!report.name.empty()) {
    text += " \"";
    append_lines(text, report.name);
    text += '"';
  }
  if (report.stopping) text += " failed while its runtime stopped";
  text += ": " + report.exception_type;
  if (!report.message.empty()) append_lines(text += ": ", report.message);
  return text += '\n';
}

}  // namespace

std::string panic_report::text() const {
  std::string text = headline(*this);
  for (const auto& [type, what] : nested) {
    text += "gmpsched:   caused by " + type;
    if (!what.empty()) append_lines(text += ": ", what);
    text += '\n';
  }
  text += creator_id != 0 ? "gmpsched:   made by G " + std::to_string(creator_id)
                          : "gmpsched:   made by a plain thread";
  for (const auto& [key, value] : facts) append_lines(text += ", ", key + "=" + value);
  text += stopping ? "\ngmpsched:   only this G ends: what it relied on may have ended before it\n"
          : isolated ? "\ngmpsched:   isolated: only this G ends\n"
                     : "\ngmpsched:   critical: the process ends\n";
  if (!stack.empty()) text += "gmpsched:   at\n";
  for (const std::string& line : stack) text += "gmpsched:     " + line + "\n";
  return text += "gmpsched: " + json() + "\n";
}

std::string panic_report::json() const {
  using namespace detail;
  std::string out = "{";
  append_json_field(out, "event", "panic");
  append_json_key(out, "g");
  out += std::to_string(g_id);
  append_json_field(out, "name", name);
  append_json_key(out, "creator");
  out += std::to_string(creator_id);
  append_json_field(out, "class", stopping ? "stopping" : isolated ? "isolated" : "critical");
  append_json_field(out, "type", exception_type);
  append_json_field(out, "message", message);
  append_json_key(out, "nested");
  out += '[';
  for (const auto& [type, what] : nested) {
    out += out.back() == '[' ? "{" : ",{";
    append_json_field(out, "type", type);
    append_json_field(out, "message", what);
    out += '}';
  }
  out += ']';
  append_json_facts(out, facts);
  append_json_stack(out, stack);
  return out += '}';
}

}  // namespace gmp
