// Looking at a running program: what every G is at.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gmp {

// One G. Go: an entry of a goroutine profile.
struct g_info {
  std::uint64_t id = 0;
  std::string name;         // may be empty
  std::string state;        // "waiting", "runnable" or "running"
  std::string wait_reason;  // of a waiting one: "chan receive", "mutex", "sleep", ...
  // What it waits for: "chan 0x7f12 (0 of 4, 2 references)", "mutex 0x7f34"; may be empty.
  std::string object;
  // Since when it waits, to about ten milliseconds or an eighth of the wait: no wait reads a clock,
  // the time is found out afterwards. Empty: it does not wait, or the world could not be stopped.
  std::optional<std::chrono::steady_clock::time_point> waiting_since;
  std::uint64_t creator_id = 0;  // the G that called go(); 0: a plain thread
  std::vector<std::pair<std::string, std::string>> facts;
  // One line per frame, newest first: "name+0x1a (module+0x1234)"; the second half is for
  // addr2line. Empty for a G that runs or has not begun, and where the world could not be stopped
  // in time.
  std::vector<std::string> stack;
};

namespace debug {

// Every G of every runtime of the process that has not begun to stop, ordered by id within a
// runtime. No G is resumed while stacks are read (about a microsecond per frame); those that run go
// on meanwhile, and everything else afterwards. Any thread or G, not a signal handler. Throws
// std::bad_alloc.
std::vector<g_info> list();

// The same as text. Throws what writing to `out` throws, and std::bad_alloc. Go: a traceback of all
// goroutines, as SIGQUIT prints it.
void dump(std::ostream& out);

// Gs that nothing can wake any more: leaks (a channel or task to which only such Gs have a
// reference, a nil channel) and partial deadlocks (a circle of Gs over mutexes, channels and
// tasks). No false alarms: whatever time, a descriptor, a context, another thread, another runtime
// or a pointer anywhere in memory could end is left out, so that some leaks are not found; in a
// program that has other threads, or Gs that compute meanwhile, only those over mutexes and over
// channels that Gs were given by go() itself. Gs that share a mutex must unlock it themselves.
//
// Every runtime stands still while all memory in use is read (about a second per 2 GiB), twice if
// anything was found. Nothing is found where the runtimes cannot be stopped within two seconds. Any
// thread or G, not a signal handler. Throws std::bad_alloc, std::system_error: no /proc/self/mem.
// Go: the goroutineleak profile.
std::vector<g_info> find_leaks();

}  // namespace debug
}  // namespace gmp
