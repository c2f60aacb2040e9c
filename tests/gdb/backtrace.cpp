// A G whose stack spans many segments, for a debugger to look at.
#include <gmp/gmp.hpp>

#include <cstdio>

namespace {

// Segments of 4, 8, 16, 32 and 64 KiB after the first.
constexpr int depth = 100;
constexpr int frame_bytes = 900;

}  // namespace

// The names that backtrace.sh looks for: not inlined here, nor cloned under other names (-O1, see
// CMakeLists.txt).
extern "C" {

// Where the debugger stops.
[[gnu::noinline]] int gdb_stop_here(int level) {
  asm volatile("" : : "r"(level) : "memory");
  return level;
}

[[gnu::noinline]] int gdb_recurse(int level) {
  volatile char frame[frame_bytes];
  frame[0] = 1;
  const int deepest = level == depth ? gdb_stop_here(level) : gdb_recurse(level + 1);
  return deepest + frame[0] - 1;  // not a tail call
}
}

int main() {
  const int deepest = gmp::run([] { return gdb_recurse(1); });
  std::printf("%d\n", deepest);
  return deepest == depth ? 0 : 1;
}
