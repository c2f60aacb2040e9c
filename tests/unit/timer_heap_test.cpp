// The heap of timers, without a scheduler.
#include <deque>
#include <random>

#include "queue/timer_heap.hpp"
#include "support/harness.hpp"

namespace {

using namespace gmp_test;
using gmp::detail::nanos;
using gmp::detail::never;
using gmp::detail::timer_heap;
using gmp::detail::timer_node;

// Notes when it fired; may ask to fire again.
struct noting {
  timer_node node;
  std::vector<nanos>* log = nullptr;
  nanos period = 0;
  int fired = 0;

  noting() = default;
  explicit noting(std::vector<nanos>& to) : log(&to) { node.fire = &fire; }
  static nanos fire(timer_node& timer, nanos when, nanos) {
    auto& self = reinterpret_cast<noting&>(timer);
    self.log->push_back(when);
    ++self.fired;
    return self.period != 0 ? when + self.period : never;
  }
};

TEST(timer_heap_unit, fires_in_order_and_only_what_is_due) {
  std::vector<nanos> log;
  timer_heap heap;
  std::deque<noting> timers;
  std::mt19937 random(3);
  for (int i = 0; i < 1'000; ++i) {
    timers.emplace_back(log);
    heap.add(timers.back().node, static_cast<nanos>(random() % 10'000));
  }
  EXPECT_EQ(heap.size(), 1'000u);
  for (nanos now = 0; now < 10'000; now += 500) {
    const nanos next = heap.expire(now);
    EXPECT_GT(next, now);
    EXPECT_EQ(next, heap.next_when());
    EXPECT_TRUE(log.empty() || log.back() <= now);
  }
  heap.expire(10'000);
  EXPECT_EQ(log.size(), 1'000u);
  EXPECT_TRUE(std::is_sorted(log.begin(), log.end()));
  EXPECT_EQ(heap.next_when(), never);
  EXPECT_EQ(heap.size(), 0u);
}

TEST(timer_heap_unit, add_tells_whether_it_is_the_earliest) {
  std::vector<nanos> log;
  timer_heap heap;
  noting a(log), b(log), c(log);
  EXPECT_TRUE(heap.add(a.node, 100));
  EXPECT_FALSE(heap.add(b.node, 200));
  EXPECT_TRUE(heap.add(c.node, 50));
  EXPECT_EQ(heap.next_when(), 50);
  EXPECT_TRUE(timer_heap::stop(c.node));
  EXPECT_EQ(heap.next_when(), 100);
  EXPECT_FALSE(timer_heap::stop(c.node));
  EXPECT_TRUE(timer_heap::stop_and_wait(a.node));
  EXPECT_TRUE(timer_heap::stop(b.node));
  EXPECT_EQ(heap.next_when(), never);
  EXPECT_TRUE(log.empty());
}

// Go: TestAdjustTimers, on the heap alone, against a plain list.
TEST(timer_heap_unit, adding_stopping_and_moving_at_random_agrees_with_a_list) {
  std::vector<nanos> log;
  timer_heap heap;
  std::deque<noting> timers;
  std::vector<nanos> due(200, never);
  for (std::size_t i = 0; i < due.size(); ++i) timers.emplace_back(log);
  std::mt19937 random(11);
  for (int step = 0; step < scaled(20'000); ++step) {
    const std::size_t i = random() % due.size();
    const nanos when = static_cast<nanos>(random() % 1'000'000);
    switch (random() % 3) {
      case 0:
        EXPECT_EQ(timer_heap::stop(timers[i].node), due[i] != never);
        due[i] = never;
        break;
      case 1:
        if (due[i] == never) {
          heap.add(timers[i].node, when);
          due[i] = when;
          break;
        }
        [[fallthrough]];
      default:
        EXPECT_EQ(timer_heap::rearm(timers[i].node, when), due[i] != never);
        if (due[i] != never) due[i] = when;
    }
    ASSERT_LE(heap.next_when(), *std::min_element(due.begin(), due.end()));  // [TH6]
  }
  std::vector<nanos> expected;
  for (nanos when : due) {
    if (when != never) expected.push_back(when);
  }
  std::sort(expected.begin(), expected.end());
  for (nanos now = 0; now <= 1'000'000; now += 10'000) {
    const nanos next = heap.expire(now);
    EXPECT_EQ(next, heap.next_when());
    const auto later = std::upper_bound(expected.begin(), expected.end(), now);
    ASSERT_EQ(log.size(), static_cast<std::size_t>(later - expected.begin()));
    EXPECT_LE(next, later == expected.end() ? never : *later);
  }
  EXPECT_EQ(log, expected);
  EXPECT_EQ(heap.next_when(), never);
}

TEST(timer_heap_unit, moved_to_later_and_to_another_heap_it_fires_at_its_last_time) {
  std::vector<nanos> log;
  timer_heap heap, other;
  noting a(log), b(log);
  heap.add(a.node, 10);
  heap.add(b.node, 20);
  EXPECT_TRUE(timer_heap::rearm(a.node, 30));
  EXPECT_TRUE(timer_heap::rearm(b.node, 40));
  EXPECT_TRUE(timer_heap::rearm(b.node, 25));  // earlier again, but not than it stands
  heap.expire(24);
  EXPECT_TRUE(log.empty());
  EXPECT_TRUE(timer_heap::rearm(a.node, 50));
  heap.move_all_to(other);
  EXPECT_EQ(other.next_when(), 25);
  other.expire(49);
  EXPECT_EQ(log, std::vector<nanos>{25});
  other.expire(50);
  EXPECT_EQ(log, (std::vector<nanos>{25, 50}));
}

TEST(timer_heap_unit, a_callback_may_ask_for_another_time) {
  std::vector<nanos> log;
  timer_heap heap;
  noting tick(log);
  tick.period = 10;
  heap.add(tick.node, 10);
  EXPECT_EQ(heap.expire(5), 10);
  EXPECT_EQ(heap.expire(10), 20);
  EXPECT_EQ(heap.expire(45), 50);  // catches up
  EXPECT_EQ(tick.fired, 4);
  EXPECT_TRUE(timer_heap::stop(tick.node));
  EXPECT_EQ(heap.expire(1'000), never);
}

struct stops_itself {
  timer_node node;
  bool prevented = true;
};

TEST(timer_heap_unit, a_callback_that_stops_or_moves_its_own_timer) {
  timer_heap heap;
  stops_itself one;
  one.node.fire = [](timer_node& timer, nanos when, nanos) -> nanos {
    reinterpret_cast<stops_itself&>(timer).prevented = timer_heap::stop(timer);
    return when + 10;  // no use: it was stopped
  };
  heap.add(one.node, 1);
  EXPECT_EQ(heap.expire(5), never);
  EXPECT_FALSE(one.prevented);
  stops_itself two;
  two.node.fire = [](timer_node& timer, nanos when, nanos) -> nanos {
    if (when < 50) timer_heap::rearm(timer, 50);
    return never;
  };
  heap.add(two.node, 1);
  EXPECT_EQ(heap.expire(5), 50);
  EXPECT_EQ(heap.expire(60), never);
}

TEST(timer_heap_unit, all_timers_can_move_to_another_heap) {
  std::vector<nanos> log;
  timer_heap from, to;
  std::deque<noting> timers;
  for (int i = 0; i < 50; ++i) {
    timers.emplace_back(log);
    (i % 2 == 0 ? from : to).add(timers.back().node, 100 - i);
  }
  from.move_all_to(to);
  EXPECT_EQ(from.next_when(), never);
  EXPECT_EQ(to.size(), 50u);
  EXPECT_TRUE(timer_heap::stop(timers[0].node));  // it knows where it is
  to.expire(1'000);
  EXPECT_EQ(log.size(), 49u);
  EXPECT_TRUE(std::is_sorted(log.begin(), log.end()));
}

TEST(timer_heap_unit, stopping_while_another_thread_expires) {
  timer_heap heap;
  for (int round = 0; round < scaled(2'000); ++round) {
    std::vector<nanos> log;
    auto timer = std::make_unique<noting>(log);
    heap.add(timer->node, 1);
    std::thread other([&] { heap.expire(2); });
    const bool prevented = timer_heap::stop_and_wait(timer->node);
    const int fired = timer->fired;
    EXPECT_EQ(fired, prevented ? 0 : 1);
    timer.reset();  // nobody touches it any more
    other.join();
  }
}

TEST(timer_heap_unit, only_those_that_may_fire_early_do) {
  timer_heap heap;
  std::vector<nanos> log;
  noting early(log), late(log);
  early.node.may_fire_early = true;
  heap.add(late.node, 10);
  heap.add(early.node, 20);
  heap.fire_early();
  EXPECT_EQ(early.fired, 1);
  EXPECT_EQ(late.fired, 0);
  EXPECT_EQ(heap.size(), 1u);
  EXPECT_FALSE(timer_heap::stop(early.node));
  EXPECT_TRUE(timer_heap::stop(late.node));
}

}  // namespace
