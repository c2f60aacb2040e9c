// The same recursions for Gs and for threads: compiled with split stacks in one program, without
// them in the other.
#pragma once

#include <cstdint>

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

}  // namespace bench
