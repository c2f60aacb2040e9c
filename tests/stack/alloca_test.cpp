// alloca and variable-length arrays on small segments: enough memory, no leak, nothing freed too
// early.
#if GMPSCHED_SPLIT_STACKS  // reserved stacks: slots_test.cpp
#include <alloca.h>

#include <cstring>
#include <stdexcept>
#include <vector>

#include "depths.hpp"

namespace {

struct node {
  node* next;
  int value;
};

[[gnu::noinline]] void fill(char* p, std::size_t n, int value) { std::memset(p, value, n); }
[[gnu::noinline]] bool all_are(const char* p, std::size_t n, int value) {
  for (std::size_t i = 0; i < n; ++i)
    if (p[i] != static_cast<char>(value)) return false;
  return true;
}

[[gnu::noinline]] bool once(std::size_t n, int value) {
  char* const p = static_cast<char*>(alloca(n));
  fill(p, n, value);
  return all_are(p, n, value);
}

// The list lives as long as this frame, whatever runs in between.
[[gnu::noinline]] int list_of(int n) {
  node* head = nullptr;
  for (int i = 0; i < n; ++i) {
    node* const fresh = static_cast<node*>(alloca(sizeof(node) + 100));
    *fresh = {head, i};
    head = fresh;
    if (!once(500, i)) return -1;
  }
  int sum = 0;
  for (const node* p = head; p != nullptr; p = p->next) sum += p->value;
  return sum;
}

[[gnu::noinline]] bool nested(int levels, std::size_t n) {
  char* const mine = static_cast<char*>(alloca(n));
  fill(mine, n, levels);
  const bool below = levels == 0 || nested(levels - 1, n);
  return below && once(n, 77) && all_are(mine, n, levels);
}

[[gnu::noinline]] bool arrays_in_a_loop(int rounds) {
  for (int i = 1; i <= rounds; ++i) {
    char array[static_cast<std::size_t>(i % 7) * 300 + 200];
    fill(array, sizeof(array), i);
    if (!all_are(array, sizeof(array), i)) return false;
  }
  return true;
}

[[gnu::noinline]] void leave_by_exception(std::size_t n) {
  char* const p = static_cast<char*>(alloca(n));
  fill(p, n, 1);
  if (p[n - 1] == 1) throw std::runtime_error("left");
}

TEST(alloca, at_every_depth) {
  fake::at_every_depth([] {
    EXPECT_TRUE(once(16, 1));
    EXPECT_TRUE(once(1000, 2));
    EXPECT_TRUE(once(10000, 3));
    EXPECT_TRUE(once(3000000, 4));
  });
}

TEST(alloca, lists_live_as_long_as_the_frame) {
  fake::at_every_depth([] { EXPECT_EQ(list_of(200), 19900); });
}

TEST(alloca, frames_within_frames) {
  fake::at_every_depth([] { EXPECT_TRUE(nested(20, 700)); });
}

TEST(alloca, variable_length_arrays) {
  fake::at_every_depth([] { EXPECT_TRUE(arrays_in_a_loop(50)); });
}

// Nothing of gtest in the function that loops: it is to stay on its first segment.
[[gnu::noinline]] bool many_times(int rounds) {
  for (int i = 0; i < rounds; ++i)
    if (!once(1500, i)) return false;
  return true;
}

template <class F>
[[gnu::noinline]] bool at_depth(int levels, F f) {
  volatile char pad[16];
  pad[0] = 0;
  return (levels == 0 ? f() : at_depth(levels - 1, f)) && pad[0] == 0;
}

TEST(alloca, repeated_calls_do_not_pile_up) {
  for (int levels = 0; levels < 40; ++levels) {
    bool ok = false;
    fake::g one([&ok, levels] {
      ok = at_depth(levels, [] {
        const bool fine = many_times(300);
        fake::g::park();
        return fine;
      });
    });
    one.resume();
    EXPECT_LE(one.used(), std::size_t{16} * 1024) << "at depth " << levels;
    one.resume();
    EXPECT_TRUE(one.ended() && ok);
  }
}

TEST(alloca, left_by_an_exception) {
  fake::at_every_depth([] {
    for (int i = 0; i < 10; ++i) EXPECT_THROW(leave_by_exception(2000), std::runtime_error);
  });
}

TEST(alloca, on_a_plain_thread) {
  EXPECT_TRUE(once(100000, 1));
  EXPECT_EQ(list_of(200), 19900);
  EXPECT_TRUE(arrays_in_a_loop(50));
}

}  // namespace
#endif
