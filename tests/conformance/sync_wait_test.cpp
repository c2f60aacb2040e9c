// condition_variable and wait_group: what Go's sync tests check.
#include <cstdint>
#include <memory>
#include <mutex>
#include <type_traits>

#include <gmp/condition_variable.hpp>
#include <gmp/mutex.hpp>
#include <gmp/wait_group.hpp>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class wait_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(wait_conformance, 1u, 2u, 4u);

// Go: TestCondCopy: copies do not compile.
static_assert(!std::is_copy_constructible_v<gmp::condition_variable>);
static_assert(!std::is_copy_constructible_v<gmp::mutex>);
static_assert(!std::is_copy_constructible_v<gmp::wait_group>);

// Go: TestCondSignal
TEST_P(wait_conformance, a_signal_wakes_exactly_one) {
  run([] {
    gmp::mutex lock;
    gmp::condition_variable condition;
    const int n = 2;
    auto awake = gmp::make_chan<void>(n);
    int waiting = 0;
    crowd all;
    for (int i = 0; i < n; ++i) {
      all.go([&, awake] {
        std::unique_lock hold(lock);
        ++waiting;
        condition.wait(hold);
        awake.send();
      });
    }
    until([&] {
      std::lock_guard hold(lock);
      return waiting == n;
    });
    for (int left = n; left > 0; --left) {
      EXPECT_EQ(awake.try_recv(), gmp::chan_status::would_block);
      {
        std::lock_guard hold(lock);
        condition.notify_one();
      }
      EXPECT_TRUE(awake.recv());
      yield_often(8);
      EXPECT_EQ(awake.len(), 0u);
    }
    condition.notify_one();  // nobody there
    all.wait();
  });
}

// Go: TestCondSignalGenerations
TEST_P(wait_conformance, signals_wake_in_the_order_of_waiting) {
  run([] {
    gmp::mutex lock;
    gmp::condition_variable condition;
    const int n = 100;
    auto running = gmp::make_chan<void>(n);
    auto awake = gmp::make_chan<int>(n);
    int wrong = 0;
    crowd all;
    for (int i = 0; i < n; ++i) {
      all.go([&, running, awake, i] {
        std::unique_lock hold(lock);
        running.send();
        condition.wait(hold);
        awake.send(i);
      });
      if (i > 0) wrong += *awake.recv() != i - 1;
      running.recv();
      std::lock_guard hold(lock);
      condition.notify_one();
    }
    wrong += *awake.recv() != n - 1;
    all.wait();
    EXPECT_EQ(wrong, 0);
  });
}

// Go: TestCondBroadcast
TEST_P(wait_conformance, a_broadcast_wakes_everybody_once) {
  run([] {
    gmp::mutex lock;
    gmp::condition_variable condition;
    const int n = scaled(200), rounds = 20;
    std::atomic<bool> over = false;
    auto running = gmp::make_chan<int>(static_cast<std::size_t>(n));
    auto awake = gmp::make_chan<int>(static_cast<std::size_t>(n));
    crowd all;
    for (int i = 0; i < n; ++i) {
      all.go([&, running, awake, i] {
        std::unique_lock hold(lock);
        while (!over) {
          running.send(i);
          condition.wait(hold);
          awake.send(i);
        }
      });
    }
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < n; ++i) running.recv();
      if (round == rounds - 1) over = true;
      EXPECT_EQ(awake.len(), 0u);
      {
        std::lock_guard hold(lock);
        condition.notify_all();
      }
      std::vector<char> seen(static_cast<std::size_t>(n));
      int twice = 0;
      for (int i = 0; i < n; ++i) twice += seen[static_cast<std::size_t>(*awake.recv())]++;
      EXPECT_EQ(twice, 0);
    }
    all.wait();
    EXPECT_EQ(running.len(), 0u);
  });
}

// Go: TestRace: a state handed from G to G; who wakes holds the lock.
TEST_P(wait_conformance, a_state_is_handed_on_under_the_lock) {
  run([] {
    gmp::mutex lock;
    gmp::condition_variable condition;
    int state = 0, wrong = 0;
    crowd three;
    three.go([&] {
      std::unique_lock hold(lock);
      state = 1;
      condition.wait(hold);
      wrong += state != 2;
      state = 3;
      condition.notify_one();
    });
    three.go([&] {
      std::unique_lock hold(lock);
      while (state != 1) {
        hold.unlock();
        gmp::this_g::yield();
        hold.lock();
      }
      state = 2;
      condition.notify_one();
    });
    three.go([&] {
      std::unique_lock hold(lock);
      while (state != 2 && state != 3) {
        hold.unlock();
        gmp::this_g::yield();
        hold.lock();
      }
      if (state == 2) {
        condition.wait(hold);
        wrong += state != 3;
      }
    });
    three.wait();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(state, 3);
  });
}

// Go: TestCondSignalStealing: a broadcast that races with a new wait still wakes the old waiter.
TEST_P(wait_conformance, a_new_waiter_does_not_steal_an_old_ones_wake_up) {
  run([] {
    for (int round = 0; round < scaled(300); ++round) {
      gmp::mutex lock;
      gmp::condition_variable condition;
      crowd all;
      auto ready = gmp::make_chan<void>();
      bool late_may_go = false;
      all.go([&, ready] {
        std::unique_lock hold(lock);
        ready.send();
        condition.wait(hold);  // the old one: no predicate to look at again
        ready.send();
      });
      ready.recv();
      lock.lock();  // it waits now
      lock.unlock();
      all.go([&] {
        std::unique_lock hold(lock);
        condition.wait(hold, [&] { return late_may_go; });
      });
      gmp::go([&condition] { condition.notify_all(); });
      ready.recv();  // the old one is awake, whatever the late one did
      {
        std::lock_guard hold(lock);
        late_may_go = true;
        condition.notify_all();
      }
      all.wait();
      // The notifier may still be inside notify_all().
      until([] { return gmp::stats().live == 1; });
    }
    SUCCEED();
  });
}

void use_as_barrier(gmp::wait_group& first, gmp::wait_group& second) {
  const int n = 16;
  first.add(n);
  second.add(n);
  std::atomic<int> exited = 0;
  auto early = gmp::make_chan<bool>(n);
  crowd all;
  for (int i = 0; i < n; ++i) {
    all.go([&, early] {
      first.done();
      second.wait();
      early.send(exited == 0);
    });
  }
  first.wait();
  for (int i = 0; i < n; ++i) {
    EXPECT_EQ(early.len(), 0u);  // the second one is not over yet
    if (i == n - 1) break;
    second.done();
  }
  second.done();
  all.wait();
  EXPECT_EQ(early.len(), static_cast<std::size_t>(n));
}

// Go: TestWaitGroup
TEST_P(wait_conformance, two_groups_as_a_barrier_eight_times) {
  run([] {
    gmp::wait_group first, second;
    for (int i = 0; i < 8; ++i) use_as_barrier(first, second);
  });
}

// Go: TestWaitGroupMisuse
TEST_P(wait_conformance, a_negative_count_is_an_error) {
  run([] {
    gmp::wait_group group;
    group.add(1);
    group.done();
    EXPECT_THROW(group.done(), std::logic_error);
    group.add(3);
    group.add(-3);
    EXPECT_THROW(group.add(-1), std::logic_error);
    group.wait();
  });
}

// Go: TestWaitGroupRace: no return before both are done.
TEST_P(wait_conformance, wait_does_not_return_early) {
  run([] {
    int early = 0;
    for (int i = 0; i < scaled(1'000); ++i) {
      auto group = std::make_shared<gmp::wait_group>();
      auto n = std::make_shared<std::atomic<int>>(0);
      for (int k = 0; k < 2; ++k) {
        group->add(1);
        gmp::go([=] {
          ++*n;
          group->done();
        });
      }
      group->wait();
      early += *n != 2;
    }
    EXPECT_EQ(early, 0);
  });
}

// Go: TestWaitGroupAlign
TEST_P(wait_conformance, a_group_inside_a_packed_neighbourhood) {
  run([] {
    struct odd {
      char before = 0;
      gmp::wait_group group;
      char after = 0;
    } object;
    object.group.add(1);
    gmp::go([&] { object.group.done(); });
    object.group.wait();
    EXPECT_EQ(object.before + object.after, 0);
  });
}

// Go: TestWaitGroupGo
TEST_P(wait_conformance, go_counts_for_itself) {
  run([] {
    gmp::wait_group group;
    std::atomic<int> ran = 0;
    for (int i = 0; i < 10; ++i) group.go([&] { ++ran; });
    group.wait();
    EXPECT_EQ(ran, 10);
  });
}

}  // namespace
