#include "sched/panic.hpp"

#include <cxxabi.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <typeinfo>

#include "gmp/runtime.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {
namespace {

std::string exception_type_name() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) return "a foreign exception";
  int status = 0;
  std::unique_ptr<char, void (*)(void*)> plain(
      abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? plain.get() : type->name();
}

std::string exception_message() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (const std::string& text) {
    return text;
  } catch (const char* text) {
    return text;
  } catch (...) {
    return {};
  }
}

void print(const panic_report& report) {
  std::string text = "gmpsched: panic in G " + std::to_string(report.g_id);
  if (!report.name.empty()) text += " \"" + report.name + "\"";
  text += ": " + report.exception_type;
  if (!report.message.empty()) text += ": " + report.message;
  text += "\ngmpsched:   made by G " + std::to_string(report.creator_id);
  for (const auto& [key, value] : report.facts) text += ", " + key + "=" + value;
  text += report.isolated ? "\ngmpsched:   isolated: only this G ends\n"
                          : "\ngmpsched:   critical: the process ends\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

// noexcept: an exception thrown while one is reported ends the process, as std::terminate does.
void panic(g& me) noexcept {
  panic_report report;
  report.g_id = me.id;
  report.creator_id = me.creator_id;
  report.isolated = me.isolated;
  if (me.extra != nullptr) {
    report.name = me.extra->name;
    report.facts = me.extra->facts;
  }
  report.exception_type = exception_type_name();
  report.message = exception_message();
  report.exception = std::current_exception();
  const panic_handler& handler = me.sched->on_panic;
  if (handler) {
    handler(report);
  } else {
    print(report);
  }
  if (!report.isolated) std::abort();
}

}  // namespace gmp::detail
