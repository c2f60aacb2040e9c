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
  char frame[frame_bytes];
  // Its address escapes: a compiler shrinks an array, volatile or not, to the elements in use.
  asm volatile("" : : "r"(&frame[0]) : "memory");
  const int deepest = level == depth ? gdb_stop_here(level) : gdb_recurse(level + 1);
  asm volatile("" : : "r"(&frame[0]) : "memory");  // not a tail call
  return deepest;
}
}

int main() {
  const int deepest = gmp::run([] { return gdb_recurse(1); });
  std::printf("%d\n", deepest);
  return deepest == depth ? 0 : 1;
}
