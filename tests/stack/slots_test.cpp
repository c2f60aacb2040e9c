// Slots of first segments, of both kinds of stacks: taking, giving, reuse, guards.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "stack/stack.hpp"

namespace {

using namespace gmp::detail;

struct walk {
  std::set<void*> tops;
  std::size_t bytes = 0;
};

void collect(void* top, std::size_t bytes, void* arg) {
  auto* const w = static_cast<walk*>(arg);
  if (bytes != w->bytes) return;
  w->tops.insert(top);
}

TEST(slots, sizes_are_rounded) {
  EXPECT_EQ(round_stack_size(0), 2048u);
  EXPECT_EQ(round_stack_size(2048), 2048u);
  EXPECT_EQ(round_stack_size(2049), 2112u);
  EXPECT_EQ(round_stack_size(100000), 100032u);
}

TEST(slots, do_not_overlap) {
  const std::size_t bytes = 2048;
  std::vector<void*> tops(3000);
  ASSERT_EQ(first_segments_take(bytes, tops.data(), tops.size()), tops.size());
  std::vector<void*> sorted = tops;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const auto top = reinterpret_cast<std::uintptr_t>(sorted[i]);
    EXPECT_EQ(top % 64, 0u);
    if (i == 0) continue;
    EXPECT_GE(top - reinterpret_cast<std::uintptr_t>(sorted[i - 1]), bytes);
  }
  for (void* top : tops) {
    first_segment_init(top, bytes, 1 << 20);
    std::memset(static_cast<char*>(top) - 1024, 0x5a, 1024);
  }
  for (void* top : tops) EXPECT_TRUE(first_segment_canary_ok(top, bytes));
  first_segments_give(bytes, tops.data(), tops.size());
}

TEST(slots, control_block_is_left_alone) {
  const std::size_t bytes = 4096;
  void* top = nullptr;
  ASSERT_EQ(first_segments_take(bytes, &top, 1), 1u);
  char* const block = static_cast<char*>(top) - control_block_bytes;
  EXPECT_EQ(std::count(block, block + control_block_bytes, 0),
            static_cast<int>(control_block_bytes))
      << "zero when fresh";
  std::memset(block, 0x77, control_block_bytes);
  first_segment_init(top, bytes, 1 << 20);
  first_segments_give(bytes, &top, 1);
  EXPECT_EQ(std::count(block, block + control_block_bytes, 0x77),
            static_cast<int>(control_block_bytes));
  void* again = nullptr;
  ASSERT_EQ(first_segments_take(bytes, &again, 1), 1u);
  EXPECT_EQ(again, top) << "the one given last comes back first";
  EXPECT_EQ(block[5], 0x77);
  first_segments_give(bytes, &again, 1);
}

TEST(slots, all_are_walked) {
  walk seen;
  seen.bytes = 3072;
  std::vector<void*> tops(100);
  ASSERT_EQ(first_segments_take(seen.bytes, tops.data(), tops.size()), tops.size());
  EXPECT_GE(slabs_for_each_slot(&collect, &seen), tops.size());
  EXPECT_EQ(seen.tops, std::set<void*>(tops.begin(), tops.end()));
  first_segments_give(seen.bytes, tops.data(), tops.size());
  slabs_for_each_slot(&collect, &seen);
  EXPECT_EQ(seen.tops.size(), tops.size()) << "free ones, too";
}

TEST(slots, from_several_threads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int round = 0; round < 200; ++round) {
        void* tops[16];
        ASSERT_EQ(first_segments_take(2048, tops, 16), 16u);
        for (void* top : tops) first_segment_init(top, 2048, 1 << 20);
        for (void* top : tops) ASSERT_TRUE(first_segment_canary_ok(top, 2048));
        first_segments_give(2048, tops, 16);
      }
    });
  for (std::thread& t : threads) t.join();
}

TEST(slots, large_ones_have_a_guard) {
  const std::size_t bytes = 256 * 1024;
  void* top = nullptr;
  ASSERT_EQ(first_segments_take(bytes, &top, 1), 1u);
  first_segment_init(top, bytes, 1 << 30);
  char* const lowest = static_cast<char*>(first_segment_base(top, bytes));
  std::memset(lowest, 0, 4096);
  const auto guard =
      reinterpret_cast<volatile char*>(reinterpret_cast<std::uintptr_t>(lowest) / 4096 * 4096 - 1);
  EXPECT_DEATH(*guard = 1, "");
  first_segments_give(bytes, &top, 1);
}

#if !GMPSCHED_SPLIT_STACKS
TEST(slots, a_guard_hit_is_reported) {
  EXPECT_DEATH(
      {
        thread_stacks stacks;
        thread_stacks_enter(stacks);
        void* top = nullptr;
        first_segments_take(2048, &top, 1);
        static_cast<volatile char*>(first_segment_base(top, 2048))[-1] = 1;
      },
      "stack overflow: a G needs more than its max_stack");
}
#endif

TEST(slots, kind_is_named) {
  EXPECT_STREQ(stack_kind_name(), GMPSCHED_SPLIT_STACKS ? "segmented" : "reserved");
}

}  // namespace
