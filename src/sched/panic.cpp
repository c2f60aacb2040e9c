#include "sched/panic.hpp"

#include <cxxabi.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "gmp/runtime.hpp"
#include "sched/backtrace.hpp"
#include "sched/park.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {
namespace {

constexpr std::size_t most_nested = 16;

std::string exception_type_name() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  int status = 0;
  std::unique_ptr<char, void (*)(void*)> plain(
      abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? plain.get() : type->name();
}

std::string text_of(const char* text) { return text != nullptr ? text : ""; }

std::string exception_message() {
  try {
    throw;
  } catch (const std::exception& error) {
    return text_of(error.what());
  } catch (const std::string& text) {
    return text;
  } catch (const char* text) {
    return text_of(text);
  } catch (...) {
    return {};
  }
}

// What the exception that is being handled carries inside; null: nothing.
std::exception_ptr inner_exception() {
  try {
    throw;
  } catch (const std::nested_exception& outer) {
    return outer.nested_ptr();
  } catch (...) {
    return nullptr;
  }
}

void describe_nested(panic_report& report) {
  std::exception_ptr inner = inner_exception();
  while (inner != nullptr && report.nested.size() < most_nested) {
    try {
      std::rethrow_exception(std::exchange(inner, nullptr));
    } catch (...) {
      report.nested.emplace_back(exception_type_name(), exception_message());
      inner = inner_exception();
    }
  }
}

void describe_exception(panic_report& report) {
  report.exception = std::current_exception();
  if (report.exception == nullptr) {
    // Of another language: libstdc++ would take what lies before it for a header of its own, and it
    // is gone after a second handler.
    report.exception_type = "a foreign exception";
    return;
  }
  report.exception_type = exception_type_name();
  report.message = exception_message();
  describe_nested(report);
}

struct lines_request {
  const raw_stack* found;
  std::vector<std::string>* lines;
};

GMPSCHED_HOME_FUNCTION(lines_home)(void* arg) {
  auto& request = *static_cast<lines_request*>(arg);
  *request.lines = stack_lines(*request.found);
}

void describe_stack(panic_report& report, const raw_stack* found) {
  if (found == nullptr) return;
  lines_request request{found, &report.stack};
  call_on_home(&lines_home, &request);
}

panic_report report_on(const g& me) {
  panic_report report;
  report.g_id = me.id;
  report.creator_id = me.creator_id;
  report.stopping = must_unwind(me);
  report.isolated = me.isolated || report.stopping;
  if (me.extra != nullptr) {
    report.name = me.extra->name;
    report.facts = me.extra->facts;
  }
  return report;
}

void write(const panic_report& report) {
  const std::string text = report.text();
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

// Not a handler for everything: a wait in the user's would throw when the runtime stops.
struct written_if_thrown {
  const panic_report& report;
  const int before = std::uncaught_exceptions();
  ~written_if_thrown() {
    if (std::uncaught_exceptions() > before) write(report);  // nobody else tells of it
  }
};

void tell(const g& me, const panic_report& report) {
  if (const panic_handler& handler = me.sched->on_panic; handler) {
    const written_if_thrown guard{report};
    handler(report);
  } else {
    write(report);
  }
}

}  // namespace

// noexcept: an exception thrown while one is reported ends the process, as std::terminate does.
void panic(g& me) noexcept {
  bool survives;
  {
    const std::unique_ptr<raw_stack, void (*)(void*)> thrown(std::exchange(me.thrown, nullptr),
                                                             &std::free);
    panic_report report = report_on(me);
    describe_exception(report);
    describe_stack(report, thrown.get());
    // Others were unwound before it, and that may be all that is wrong: no reason to end the
    // process of a runtime that ends anyway.
    survives = report.isolated;
    tell(me, report);
  }
  if (!survives) std::abort();
}

void thread_ended(g& me) noexcept {
  panic_report report = report_on(me);
  report.isolated = report.stopping = false;
  report.exception_type = "forced unwinding";
  report.message = "pthread_exit or pthread_cancel on a G: the thread is not its own";
  tell(me, report);
  std::abort();
}

bool terminated(g& me) noexcept {
  panic_report report = report_on(me);
  const bool thrown = std::current_exception() != nullptr;
  const bool in_flight = std::uncaught_exceptions() != 0;
  report.isolated = report.stopping = report.stopping && (thrown || in_flight);
  if (thrown) {
    describe_exception(report);
  } else {
    report.exception_type = "std::terminate";
    report.message =
        in_flight ? "called while an exception was in flight" : "called without an exception";
  }
  if (me.sched->config.panic_stacks) {
    raw_stack here;
    backtrace_here(here);
    describe_stack(report, &here);
  }
  tell(me, report);
  return report.isolated;
}

}  // namespace gmp::detail
