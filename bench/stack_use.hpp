// The same recursions for Gs and for threads: compiled with split stacks in one program, without
// them in the other.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cwchar>

#include "harness.hpp"

namespace bench {

// `depth` calls deep with small frames. The volatile frame keeps the compiler from turning the
// recursion into a loop.
[[gnu::noinline]] inline std::uint64_t descend(std::uint64_t depth) {
  volatile std::uint64_t frame[6];
  frame[depth % 6] = depth;
  if (depth == 0) return frame[0];
  std::uint64_t below = descend(depth - 1);
  return below + frame[depth % 6];
}

// About `kib` KiB of stack, a frame for each.
[[gnu::noinline]] inline std::uint64_t use_stack(unsigned kib) {
  volatile unsigned char frame[1000];
  frame[kib % 1000] = static_cast<unsigned char>(kib);
  if (kib == 0) return frame[0];
  std::uint64_t below = use_stack(kib - 1);
  return below + frame[kib % 1000];
}

// A function that is called through a pointer.
[[gnu::noinline]] inline int plus_one(int i) {
  asm volatile("" : "+r"(i));
  return i + 1;
}

// A function of this program; one of libc that uses no stack; one of libc that has a frame. Only
// the variables name libc's: a function that did would be given so large a stack in a G that no
// call needs more.
inline int (*volatile own_target)(int) = &plus_one;
inline int (*volatile leaf_target)(int) = &std::abs;
inline int (*volatile libc_target)(std::wint_t) = &std::wctob;

// ns per call.
template <class F>
[[gnu::noinline]] double ns_per_call(std::uint64_t n, F* const volatile& target) {
  int value = 0;
  stopwatch watch;
  for (std::uint64_t i = 0; i < n; ++i) value = target(value & 0x3f);
  const double ns = watch.ns();
  asm volatile("" : : "r"(value));
  return ns / static_cast<double>(n);
}

struct indirect_times {
  double own, leaf, libc;

  [[gnu::noinline]] void measure(std::uint64_t n) {
    own = ns_per_call(n, own_target);
    leaf = ns_per_call(n, leaf_target);
    libc = ns_per_call(n, libc_target);
  }
  report lines() const {
    return {{"indirect", own, "ns"}, {"indirect_leaf", leaf, "ns"}, {"indirect_libc", libc, "ns"}};
  }
};

}  // namespace bench
