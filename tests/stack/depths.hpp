// Runs something at every distance from the end of a first segment, so that each function it calls
// splits.
#pragma once

#include <gtest/gtest.h>

#include "fake_g.hpp"

namespace fake {

template <class F>
[[gnu::noinline]] int descend(int levels, F& f) {
  volatile char pad[24];
  pad[0] = static_cast<char>(levels);
  if (levels == 0)
    f();
  else
    descend(levels - 1, f);
  return pad[0];
}

// f must report by EXPECT_*; it runs on 48 Gs that differ in how much of the segment is used.
template <class F>
void at_every_depth(F f) {
  for (int levels = 0; levels < 48; ++levels) {
    g one([&f, levels] { descend(levels, f); });
    one.resume();
    ASSERT_TRUE(one.ended());
    ASSERT_TRUE(one.canary_ok()) << "at depth " << levels;
    ASSERT_EQ(one.used(), gmp::detail::min_stack_size) << "at depth " << levels;
  }
}

}  // namespace fake
