// The queues of runnable Gs: everything that goes in comes out once, whoever takes it.
#include <memory>
#include <set>
#include <thread>

#include "queue/global_queue.hpp"
#include "queue/run_queue.hpp"
#include "support/harness.hpp"

namespace {

using namespace gmp_test;
using gmp::detail::g;
using gmp::detail::global_queue;
using gmp::detail::newborn_deque;
using gmp::detail::ready_ring;
using gmp::detail::run_queue;

constexpr std::uint32_t slots = ready_ring::slots;

// Gs that never run; which is which is known by their number.
class queues : public testing::Test {
 protected:
  queues() {
    for (std::size_t i = 0; i <= newborn_deque::slots; ++i) {
      gs_.push_back(std::make_unique<g>());
      gs_.back()->id = i;
    }
  }
  g* at(std::size_t i) { return gs_[i].get(); }

 private:
  std::vector<std::unique_ptr<g>> gs_;
};

// Go: TestSchedLocalQueue
TEST_F(queues, a_ring_gives_back_in_order_at_every_fill_level) {
  ready_ring ring;
  for (std::uint32_t fill = 0; fill <= slots; ++fill) {
    for (std::uint32_t i = 0; i < fill; ++i) ASSERT_TRUE(ring.push(at(i)));
    ASSERT_EQ(ring.size(), fill);
    ASSERT_EQ(ring.empty(), fill == 0);
    for (std::uint32_t i = 0; i < fill; ++i) ASSERT_EQ(ring.pop(), at(i));
    ASSERT_EQ(ring.pop(), nullptr);
  }
  for (std::uint32_t i = 0; i < slots; ++i) ASSERT_TRUE(ring.push(at(i)));
  EXPECT_FALSE(ring.push(at(slots)));
}

// Go: TestSchedLocalQueueSteal
TEST_F(queues, a_thief_takes_half_and_each_exists_once_at_every_fill_level) {
  for (std::uint32_t fill = 0; fill <= slots; ++fill) {
    ready_ring ring;
    for (std::uint32_t i = 0; i < fill; ++i) ASSERT_TRUE(ring.push(at(i)));
    g* stolen[slots / 2] = {};
    const std::uint32_t n = ring.steal(stolen, slots / 2);
    ASSERT_EQ(n, fill - fill / 2);
    std::set<g*> seen(stolen, stolen + n);
    while (g* rest = ring.pop()) ASSERT_TRUE(seen.insert(rest).second);
    ASSERT_EQ(seen.size(), fill);
  }
}

TEST_F(queues, a_thief_takes_no_more_than_it_has_room_for) {
  ready_ring ring;
  for (std::uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(ring.push(at(i)));
  g* stolen[3] = {};
  EXPECT_EQ(ring.steal(stolen, 3), 3u);
  EXPECT_EQ(stolen[0], at(0));
  EXPECT_EQ(stolen[2], at(2));
  EXPECT_EQ(ring.size(), 7u);
}

TEST_F(queues, newborns_are_newest_first_for_the_owner_and_oldest_first_for_thieves) {
  newborn_deque deque;
  for (std::uint32_t fill = 0; fill <= slots; ++fill) {
    for (std::uint32_t i = 0; i < fill; ++i) ASSERT_TRUE(deque.push(at(i)));
    ASSERT_EQ(deque.size(), fill);
    ASSERT_EQ(deque.empty(), fill == 0);
    std::uint32_t low = 0, high = fill;
    bool raced = false;
    while (low < high) {
      if ((low + high) % 2 == 0) {
        ASSERT_EQ(deque.take_oldest(raced), at(low++));
      } else {
        ASSERT_EQ(deque.pop(), at(--high));
      }
    }
    ASSERT_EQ(deque.pop(), nullptr);
    ASSERT_EQ(deque.take_oldest(raced), nullptr);
    ASSERT_FALSE(raced);
  }
  for (std::uint32_t i = 0; i < newborn_deque::slots; ++i) ASSERT_TRUE(deque.push(at(i)));
  EXPECT_FALSE(deque.push(at(newborn_deque::slots)));
}

// Owner and thieves at the same time: counts how often each G was taken.
template <class Queue, class OwnerTakes, class ThiefTakes>
int taken_other_than_once(Queue& queue, std::vector<g*> all, int rounds, OwnerTakes owner,
                          ThiefTakes thief) {
  std::vector<std::atomic<int>> taken(all.size());
  std::atomic<bool> over = false;
  std::vector<std::thread> thieves;
  for (int t = 0; t < 2; ++t) {
    thieves.emplace_back([&] {
      g* out[slots];
      auto note = [&](std::uint32_t n) {
        for (std::uint32_t i = 0; i < n; ++i) ++taken[out[i]->id];
      };
      while (!over) note(thief(queue, out));
      note(thief(queue, out));
    });
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      while (!queue.push(all[i])) {
        if (g* own = owner(queue)) ++taken[own->id];
      }
      if (i % 3 == 0) {
        if (g* own = owner(queue)) ++taken[own->id];
      }
    }
    while (g* own = owner(queue)) ++taken[own->id];
  }
  over = true;
  for (auto& each : thieves) each.join();
  while (g* own = owner(queue)) ++taken[own->id];
  int wrong = 0;
  for (auto& times : taken) wrong += times != rounds;
  return wrong;
}

TEST_F(queues, owner_and_thieves_of_a_ring_take_each_once) {
  ready_ring ring;
  std::vector<g*> all;
  for (std::size_t i = 0; i < slots; ++i) all.push_back(at(i));
  EXPECT_EQ(taken_other_than_once(
                ring, all, scaled(2'000), [](ready_ring& q) { return q.pop(); },
                [](ready_ring& q, g** out) { return q.steal(out, slots / 2); }),
            0);
}

TEST_F(queues, owner_and_thieves_of_newborns_take_each_once) {
  newborn_deque deque;
  std::vector<g*> all;
  for (std::size_t i = 0; i < slots; ++i) all.push_back(at(i));
  EXPECT_EQ(taken_other_than_once(
                deque, all, scaled(2'000), [](newborn_deque& q) { return q.pop(); },
                [](newborn_deque& q, g** out) {
                  bool raced = false;
                  out[0] = q.take_oldest(raced);
                  return out[0] != nullptr ? 1u : 0u;
                }),
            0);
}

// Go: TestSchedLocalQueueEmpty: a G leaves next for the ring; nobody may find the queue empty
// meanwhile.
TEST_F(queues, a_queue_is_not_empty_while_a_g_moves_inside_it) {
  run_queue queue;
  std::atomic<unsigned> phase = 0;  // odd: at least one G is in the queue
  std::atomic<bool> over = false;
  std::atomic<int> empty = 0;
  std::thread checker([&] {
    while (!over) {
      const unsigned before = phase;
      const bool seen_empty = queue.empty();
      if (before % 2 == 0 || phase != before) continue;
      empty += seen_empty;
    }
  });
  for (int i = 0; i < scaled(20'000); ++i) {
    queue.next.store(at(0));
    ++phase;
    // Another G is readied: it takes the place in next. Then it runs, and the first one is alone in
    // the ring.
    g* old = queue.next.load();
    queue.next.store(at(1), std::memory_order_release);
    if (!queue.ring.push(old)) std::abort();
    static_cast<void>(queue.take_next());
    ++phase;
    static_cast<void>(queue.ring.pop());
    if (i % 64 == 0) std::this_thread::yield();
  }
  over = true;
  checker.join();
  EXPECT_EQ(empty, 0);
  EXPECT_TRUE(queue.empty());
}

TEST_F(queues, all_parts_count) {
  run_queue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.take_next(), nullptr);
  queue.next.store(at(0));
  EXPECT_FALSE(queue.empty());
  ASSERT_TRUE(queue.ring.push(at(1)));
  ASSERT_TRUE(queue.newborn.push(at(2)));
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.take_next(), at(0));
  EXPECT_EQ(queue.ring.pop(), at(1));
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.newborn.pop(), at(2));
  EXPECT_TRUE(queue.empty());
}

TEST_F(queues, the_global_queue_is_first_in_first_out_and_shares) {
  global_queue global;
  EXPECT_TRUE(global.empty());
  EXPECT_EQ(global.pop_batch(10, 1).head, nullptr);
  for (std::size_t i = 0; i < 10; ++i) global.push(at(i));
  auto batch = global.pop_batch(100, 4);  // 10 / 4 + 1
  EXPECT_EQ(batch.size, 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(batch.pop_front(), at(i));
  EXPECT_EQ(batch.pop_front(), nullptr);
  EXPECT_EQ(global.pop_batch(1, 1).head, at(3));
  EXPECT_EQ(global.size(), 6u);
  auto rest = global.pop_batch(100, 1);
  EXPECT_EQ(rest.size, 6u);
  EXPECT_TRUE(global.empty());
  global.push_all(rest);
  EXPECT_EQ(rest.head, nullptr);
  EXPECT_EQ(global.size(), 6u);
}

}  // namespace
