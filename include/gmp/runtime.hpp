// Runtimes: a scheduler with its Ps and threads, from start to stop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmp/detail/spawn.hpp>
#include <gmp/stats.hpp>
#include <gmp/task.hpp>

namespace gmp {

using namespace std::chrono_literals;  // options{.handoff_after = 5ms}

// Which kernel interface waits for descriptors.
enum class poller_kind { automatic, epoll, io_uring };

// What is known of an exception that left a G.
struct panic_report {
  std::uint64_t g_id = 0;
  std::string name;              // of the G; may be empty
  std::uint64_t creator_id = 0;  // the G that called go(); 0: a plain thread
  bool isolated = false;         // only the G ends; otherwise the process
  // Its runtime was stopping: only the G ends, whatever its class. What it relied on may have been
  // ended before it; `isolated` is true.
  bool stopping = false;
  std::string exception_type;  // demangled
  std::string message;         // what(), or the text thrown
  // What std::throw_with_nested put inside it, from the outermost on: type and text.
  std::vector<std::pair<std::string, std::string>> nested;
  std::vector<std::pair<std::string, std::string>> facts;
  // Where it was thrown (or rethrown) last, one line per frame, newest first; of std::terminate:
  // where that was called. Empty when options::panic_stacks is off.
  std::vector<std::string> stack;
  std::exception_ptr exception;  // empty: std::terminate was called without one

  // As stderr gets it: lines that begin with "gmpsched: ", the last of them json().
  std::string text() const;
  // One line, without its end. Bytes that are not ASCII are passed on as they are.
  std::string json() const;
};

// Called on the G that panics, before the process or the isolated G ends. It must not throw: the
// report goes to stderr then, and the process ends. After
// std::terminate it runs on the thread's own stack, and calls that block do so as on a plain
// thread.
using panic_handler = std::function<void(const panic_report&)>;

// How a runtime is to be. Values out of range: std::invalid_argument that names the option.
struct options {
  // Number of Ps, at most 1,024. 0: GMPSCHED_PROCS, else what affinity mask and cgroup quota (v1,
  // v2) allow, rounded up; asked again about once a second while the runtime works, until
  // set_procs().
  unsigned procs = 0;
  std::size_t stack_size = 2048;     // bytes of a G's first segment: 2,048 to max_stack
  std::size_t max_stack = 1u << 30;  // bytes one G may grow to
  unsigned max_threads = 10'000;     // Ms, at least 1
  poller_kind poller = poller_kind::automatic;
  std::chrono::nanoseconds handoff_after = std::chrono::milliseconds(10);  // positive
  // run(): all Gs blocked for ever => report, exit code 2. The report lists every G as
  // debug::dump() does, and ends in the same as one JSON line.
  bool detect_deadlock = true;
  panic_handler on_panic{};  // empty: report to stderr, and for a critical G abort
  // Keep the stack of the throw point for reports. Costs nothing for exceptions that are caught.
  // GMPSCHED_PANIC_STACKS=0 in the environment switches it off.
  bool panic_stacks = true;
  // List the Gs that nothing can wake on stderr when the runtime stops: debug::find_leaks(). As
  // text and as one JSON line.
  bool report_leaks = false;
  // SIGQUIT writes debug::dump() to stderr, and the program goes on. For the whole process and
  // until its end, once some runtime was made with it; it replaces the signal's former action. Go
  // dumps and exits.
  bool dump_on_quit = false;
};

namespace detail {
class runtime_core;
}  // namespace detail

// One scheduler, for embedding; several may live in one process. All members may be called from any
// thread or G, except that the destructor, stop() and run() must not be called from one of the
// runtime's own Gs (std::logic_error; the destructor aborts). The child of a fork() may only exec:
// calls there abort with a message that names them, and the destructor does nothing.
class runtime {
 public:
  // Starts no thread before there is work; those that run Gs have the caller's signal mask. Throws
  // std::invalid_argument (an option), std::system_error, std::bad_alloc.
  explicit runtime(options wanted = {});
  // stop(), then joins.
  ~runtime();
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  // Starts f(args...) on a new G; arguments are copied or moved as std::thread does. Throws
  // std::system_error when the runtime has stopped or memory is out. Go: go f(args).
  template <class F, class... A>
  void go(F&& f, A&&... args) {
    detail::spawner<detail::scheduler*>::go(scheduler(), std::forward<F>(f),
                                            std::forward<A>(args)...);
  }

  // The same; the task waits for the result.
  template <class F, class... A>
  auto spawn(F&& f, A&&... args)
      -> task<std::invoke_result_t<std::decay_t<F>, std::decay_t<A>...>> {
    return detail::make_task(scheduler(), std::forward<F>(f), std::forward<A>(args)...);
  }

  // Runs f on a new G and blocks this thread until it has returned; returns its result or rethrows
  // its exception.
  template <class F>
  auto run(F&& f) -> std::invoke_result_t<F> {
    using result = std::invoke_result_t<F>;
    struct main_call {
      std::remove_reference_t<F>& function;  // used where it is: run() outlasts it
      detail::outcome<result> out;
      static void fill(void* self) {
        auto& call = *static_cast<main_call*>(self);
        auto body = [&call]() -> result { return std::invoke(static_cast<F&&>(call.function)); };
        call.out.fill(body);
      }
    } call{f, {}};
    run_main(&main_call::fill, &call);
    return call.out.take();
  }

  // Counters since the start. Cheap; the numbers are read while the runtime works.
  runtime_stats stats() const;

  // Unwinds the Gs that are still parked (their destructors run), waits for the others, joins the
  // threads. A G in foreign code keeps no other from being unwound. Gs that do not end within ten
  // seconds are named on stderr and left behind. Idempotent.
  void stop();

 private:
  detail::scheduler* scheduler() const;
  void run_main(void (*body)(void*), void* with);  // on a new G; returns when that has ended

  std::unique_ptr<detail::runtime_core> core_;
};

// A new runtime with f as its main G. Returns what f returns or rethrows what it throws, after the
// runtime has stopped: as in Go, the program does not wait for other Gs; those that are parked are
// unwound.
template <class F>
auto run(F&& f, options wanted = {}) -> std::invoke_result_t<F> {
  runtime scoped(std::move(wanted));
  return scoped.run(std::forward<F>(f));
}

// The number of Ps of the caller's runtime. Go: runtime.GOMAXPROCS(0).
unsigned procs();
// Changes it, 1 to 1,024 (std::invalid_argument otherwise); returns the old value. Ps that are
// given up finish the G that runs on them. From then on affinity and quota change nothing. Go:
// runtime.GOMAXPROCS(n).
unsigned set_procs(unsigned n);

// The caller's runtime's counters.
runtime_stats stats();

// What was built and chosen: version, stack kind.
std::string version_report();

}  // namespace gmp
