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
  // Since when it waits. Empty: not known; waits are not timed, because that would cost every one.
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

}  // namespace debug
}  // namespace gmp
