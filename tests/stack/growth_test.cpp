// Stacks that grow: deep recursion, segments given back, stacks parked and moved between threads.
#if GMPSCHED_SPLIT_STACKS  // reserved stacks: slots_test.cpp
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "depths.hpp"

namespace {

#define NOIPA __attribute__((noinline))

NOIPA int recursive(int n) {
  volatile char frame[200];
  frame[0] = 1;
  return n == 0 ? 0 : recursive(n - 1) + frame[0];
}

NOIPA int deep(int n) {
  volatile char frame[64];
  frame[0] = 1;
  return n == 0 ? 0 : deep(n - 1) + frame[0];
}

TEST(growth, a_hundred_thousand_frames) {
  fake::run([] { EXPECT_EQ(deep(100000), 100000); });
}

TEST(growth, segments_go_back) {
  fake::g one([] {
    for (int i = 0; i < 100; ++i) {
      deep(20000);
      fake::g::park();
    }
  });
  while (one.resume()) EXPECT_LE(one.used(), std::size_t{16} * 1024);
  EXPECT_EQ(one.used(), gmp::detail::min_stack_size);
}

NOIPA int park_deep(int n) {
  volatile char frame[700];
  frame[0] = 1;
  if (n == 0) {
    fake::g::park();
    return 0;
  }
  const int below = park_deep(n - 1);
  if (n % 10 == 0) fake::g::park();
  return below + frame[0];
}

// Segments taken on one thread are given back on another.
TEST(growth, moves_between_threads) {
  std::vector<std::unique_ptr<fake::g>> all;
  int sum = 0;
  for (int i = 0; i < 20; ++i)
    all.push_back(std::make_unique<fake::g>([&sum] { sum += park_deep(100) + recursive(2000); }));
  for (bool again = true; again;)
    std::thread([&all, &again] {
      again = false;
      for (auto& one : all)
        if (!one->ended() && one->resume()) again = true;
      gmp::detail::thread_stacks_leave(fake::thread());
    }).join();
  EXPECT_EQ(sum, 20 * 2100);
  for (auto& one : all) EXPECT_TRUE(one->canary_ok());
}

TEST(growth, parked_on_a_grown_stack) {
  std::vector<std::unique_ptr<fake::g>> all;
  for (int i = 0; i < 200; ++i)
    all.push_back(std::make_unique<fake::g>([i] {
      volatile char frame[3000];
      for (std::size_t k = 0; k < sizeof(frame); ++k) frame[k] = static_cast<char>(i);
      fake::g::park();
      for (std::size_t k = 0; k < sizeof(frame); ++k) ASSERT_EQ(frame[k], static_cast<char>(i));
      EXPECT_EQ(deep(1000), 1000);
    }));
  for (auto& one : all) one->resume();
  for (auto& one : all) one->resume();
  for (auto& one : all) EXPECT_TRUE(one->ended() && one->canary_ok());
}

}  // namespace
#endif
