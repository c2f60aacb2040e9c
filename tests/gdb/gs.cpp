// Gs that wait, one far down its stack, for a debugger to look at.
#include <gmp/gmp.hpp>

#include <atomic>
#include <cstdio>

// The names that gs.sh looks for: not inlined, nor cloned under other names (-O1).
extern "C" {

[[gnu::noinline]] void gdb_stop_here() { asm volatile("" : : : "memory"); }

[[gnu::noinline]] void gdb_waits(const gmp::chan<int>& ch) {
  ch.recv();
  asm volatile("" : : : "memory");
}

[[gnu::noinline]] void gdb_waits_far_down(const gmp::chan<int>& ch, int level) {
  char frame[900];
  asm volatile("" : : "r"(&frame[0]) : "memory");
  if (level == 0) {
    gdb_waits(ch);
  } else {
    gdb_waits_far_down(ch, level - 1);
  }
  asm volatile("" : : "r"(&frame[0]) : "memory");
}

[[gnu::noinline]] void gdb_computes(std::atomic<bool>& begun, std::atomic<bool>& over) {
  begun = true;
  while (!over) asm volatile("pause");
}
}

int main() {
  gmp::run(
      [] {
        auto ch = gmp::make_chan<int>();
        std::atomic<bool> begun = false, over = false;
        gmp::go({.name = "reader"}, [ch] { gdb_waits(ch); });
        gmp::go({.name = "deep"}, [ch] { gdb_waits_far_down(ch, 30); });
        gmp::go({.name = "computes"}, [&] { gdb_computes(begun, over); });
        const auto waiting = [] {
          int n = 0;
          for (const auto& one : gmp::debug::list()) n += one.state == "waiting";
          return n;
        };
        while (!begun || waiting() < 2) gmp::this_g::yield();
        gdb_stop_here();
        over = true;
        ch.close();
      },
      {.procs = 2});
  std::puts("done");
}
