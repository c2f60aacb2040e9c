#include <gmp/mutex.hpp>

#include <mutex>
#include <thread>
#include <vector>

#include <gmp/condition_variable.hpp>
#include <gmp/wait_group.hpp>

#include "support/queues.hpp"

namespace {

using namespace gmp_test;
using namespace std::chrono_literals;

class mutex_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(mutex_at, 1u, 2u, 4u, 8u);
class mutex_unit : public in_runtime {};

static_assert(!std::is_copy_constructible_v<gmp::mutex> &&
              !std::is_move_constructible_v<gmp::mutex>);
static_assert(sizeof(gmp::mutex) <= 32);
constinit gmp::mutex global_mutex;

TEST_F(mutex_unit, is_a_standard_lockable) {
  run_at(1, [] {
    gmp::mutex a, b;
    {
      std::lock_guard hold(a);
      EXPECT_FALSE(b.try_lock() && a.try_lock());
    }
    b.unlock();
    {
      std::scoped_lock both(a, b);
      EXPECT_FALSE(a.try_lock());
      EXPECT_FALSE(b.try_lock());
    }
    std::unique_lock hold(a, std::defer_lock);
    EXPECT_TRUE(hold.try_lock());
    hold.unlock();
    EXPECT_TRUE(hold.try_lock_for(1s));
    hold.unlock();
    EXPECT_TRUE(hold.try_lock_until(std::chrono::steady_clock::now()));
  });
}

TEST_F(mutex_unit, works_without_a_runtime) {
  long counted = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < scaled(20'000); ++k) {
        std::lock_guard hold(global_mutex);
        ++counted;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(counted, 4L * scaled(20'000));
}

// Everybody counts with a plain variable, and gives others turns while holding the lock.
TEST_P(mutex_at, excludes) {
  const long rounds = scaled(2'000);
  long counted = 0;
  run([&] {
    gmp::mutex m;
    gmp::wait_group all;
    for (int i = 0; i < 10; ++i) {
      all.go([&, i] {
        for (long k = 0; k < rounds; ++k) {
          if (i % 3 == 0 && !m.try_lock()) m.lock();
          if (i % 3 != 0) m.lock();
          const long before = counted;
          if (k % 16 == i) gmp::this_g::yield();
          counted = before + 1;
          m.unlock();
        }
      });
    }
    all.wait();
  });
  EXPECT_EQ(counted, 10 * rounds);
}

TEST_P(mutex_at, gs_and_threads_exclude_each_other) {
  const long rounds = scaled(2'000);
  long counted = 0;
  gmp::mutex m;
  auto work = [&] {
    for (long k = 0; k < rounds; ++k) {
      std::lock_guard hold(m);
      const long before = counted;
      if (k % 64 == 0) gmp::this_g::yield();
      counted = before + 1;
    }
  };
  run([&] {
    std::thread one(work), two(work);
    gmp::wait_group all;
    for (int i = 0; i < 4; ++i) all.go(work);
    all.wait();
    one.join();
    two.join();
  });
  EXPECT_EQ(counted, 6 * rounds);
}

TEST_P(mutex_at, timed_locks_give_up_or_get_it) {
  run([&] {
    gmp::mutex m;
    m.lock();
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(m.try_lock_for(3ms));
    EXPECT_GE(std::chrono::steady_clock::now() - start, 3ms);
    EXPECT_FALSE(m.try_lock_for(-1s));
    EXPECT_FALSE(m.try_lock_until(std::chrono::system_clock::now() - 1s));
    EXPECT_EQ(count_in(m, mutex_queue{}), 0u);
    std::atomic<int> got = 0;
    gmp::wait_group all;
    for (int i = 0; i < 3; ++i) {
      all.go([&] {
        if (!m.try_lock_for(1h)) return;
        ++got;
        m.unlock();
      });
    }
    until_waiting<mutex_queue>(m, 3);
    std::thread outside([&] { EXPECT_FALSE(m.try_lock_for(2ms)); });
    outside.join();
    m.unlock();
    all.wait();
    EXPECT_EQ(got, 3);
  });
}

// Time limits about as long as the lock is held: wake-ups meet time-outs.
TEST_P(mutex_at, timed_stress) {
  std::atomic<long> got = 0;
  long counted = 0;
  run([&] {
    gmp::mutex m;
    gmp::wait_group all;
    for (int i = 0; i < 8; ++i) {
      all.go([&, i] {
        for (int k = 0; k < scaled(300); ++k) {
          if (i % 2 == 0) {
            m.lock();
          } else if (!m.try_lock_for(std::chrono::microseconds(k % 50))) {
            continue;
          }
          ++got;
          const long before = counted;
          for (int y = 0; y < k % 8; ++y) gmp::this_g::yield();
          counted = before + 1;
          m.unlock();
        }
      });
    }
    all.wait();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
  EXPECT_EQ(counted, got);
}

// One G holds it nearly always; another must get through: starvation mode. (Go: TestMutexFairness.)
TEST_P(mutex_at, is_fair_to_the_slow) {
  run([&] {
    gmp::mutex m;
    std::atomic<bool> over = false;
    gmp::wait_group hogs;
    hogs.go([&] {
      while (!over) {
        m.lock();
        gmp::this_g::sleep_for(100us);
        m.unlock();
      }
    });
    for (int i = 0; i < 10; ++i) {
      gmp::this_g::sleep_for(100us);
      std::lock_guard hold(m);
    }
    over = true;
    hogs.wait();
  });
}

// Those who starve are served in the order in which they came.
TEST_F(mutex_unit, hands_over_in_order_under_starvation) {
  run_at(1, [] {
    gmp::mutex m;
    m.lock();
    std::vector<int> order;
    gmp::wait_group all;
    for (std::size_t i = 0; i < 5; ++i) {
      all.go([&, i] {
        m.lock();
        order.push_back(static_cast<int>(i));
        m.unlock();
      });
      until_waiting<mutex_queue>(m, i + 1);
    }
    gmp::this_g::sleep_for(2ms);
    m.unlock();
    m.lock();  // faster than the one that was woken, which now calls for a hand-over
    yield_often(4);
    EXPECT_TRUE(order.empty());
    m.unlock();
    EXPECT_FALSE(m.try_lock());  // handed over already
    all.wait();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

TEST_F(mutex_unit, another_g_may_unlock) {
  run_at(2, [] {
    gmp::mutex m;
    m.lock();
    gmp::spawn([&] { m.unlock(); }).get();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

// What a runtime that stops leaves parked in lock() is unwound; a destructor's unlock of what it
// never got is forgiven.
TEST_P(mutex_at, waiters_are_unwound_at_the_end) {
  gmp::mutex m;
  std::atomic<int> unwound = 0;
  struct count_at_exit {
    std::atomic<int>& n;
    ~count_at_exit() { ++n; }
  };
  struct locks_in_destructor {
    gmp::mutex& m;
    ~locks_in_destructor() { std::lock_guard hold(m); }
  };
  m.lock();
  run([&] {
    for (int i = 0; i < 4; ++i) {
      gmp::go([&] {
        count_at_exit counter{unwound};
        locks_in_destructor also{m};
        m.lock();
        ADD_FAILURE() << "nobody unlocked it";
      });
    }
    until_waiting<mutex_queue>(m, 4);
  });
  EXPECT_EQ(unwound, 4);
  EXPECT_EQ(count_in(m, mutex_queue{}), 0u);
  if (!m.try_lock()) m.unlock();
}

using mutex_death_test = mutex_unit;
TEST_F(mutex_death_test, unlock_of_an_unlocked_mutex) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        gmp::mutex m;
        m.unlock();
      },
      "gmp::mutex::unlock of an unlocked mutex");
  EXPECT_DEATH(run_at(1,
                      [] {
                        gmp::mutex m;
                        m.lock();
                        m.unlock();
                        m.unlock();
                      }),
               "gmp::mutex::unlock of an unlocked mutex");
}

}  // namespace
