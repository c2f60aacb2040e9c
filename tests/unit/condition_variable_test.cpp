#include <gmp/condition_variable.hpp>

#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include <gmp/mutex.hpp>
#include <gmp/wait_group.hpp>

#include "support/queues.hpp"

namespace {

using namespace gmp_test;
using namespace std::chrono_literals;

class condition_variable_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(condition_variable_at, 1u, 2u, 4u, 8u);
class condition_variable_unit : public in_runtime {};

TEST_P(condition_variable_at, a_notification_wakes_one_waiter) {
  run([&] {
    gmp::mutex m;
    gmp::condition_variable cv;
    constexpr int n = 8;
    std::atomic<int> awake = 0;
    gmp::wait_group all;
    for (int i = 0; i < n; ++i) {
      all.go([&] {
        std::unique_lock hold(m);
        cv.wait(hold);
        EXPECT_TRUE(hold.owns_lock());
        ++awake;
      });
    }
    until_waiting<condition_queue>(cv, n);
    for (int i = 0; i < n; ++i) {
      yield_often(8);
      EXPECT_EQ(awake, i);
      cv.notify_one();
      until([&] { return awake == i + 1; });
    }
    cv.notify_one();  // nobody: forgotten
    all.wait();
  });
}

// In the order of the calls of wait(); who comes later cannot take it. (Go:
// TestCondSignalGenerations.)
TEST_P(condition_variable_at, notifications_go_to_the_oldest) {
  run([&] {
    gmp::mutex m;
    gmp::condition_variable cv;
    const int n = 100;
    auto inside = gmp::make_chan<void>(n);
    auto awake = gmp::make_chan<int>(n);
    gmp::wait_group all;
    for (int i = 0; i < n; ++i) {
      all.go([&, i] {
        std::unique_lock hold(m);
        inside.send();
        cv.wait(hold);
        awake.send(i);
      });
      if (i > 0) {
        EXPECT_EQ(awake.recv(), i - 1);
      }
      inside.recv();
      std::lock_guard hold(m);  // it has begun to wait
      cv.notify_one();
    }
    EXPECT_EQ(awake.recv(), n - 1);
    all.wait();
  });
}

// The notification comes while the waiter gives its lock back: it must not park any more.
TEST_F(condition_variable_unit, a_waiter_that_has_not_parked_yet_is_woken) {
  run_at(1, [] {
    gmp::condition_variable cv;
    struct notifying_lock {
      gmp::condition_variable& cv;
      void lock() {}
      void unlock() { cv.notify_one(); }
    } lock{cv};
    cv.wait(lock);
    EXPECT_EQ(cv.wait_for(lock, 1h), std::cv_status::no_timeout);
    struct failing_lock {
      void lock() {}
      void unlock() { throw 7; }
    } failing;
    EXPECT_THROW(cv.wait(failing), int);
    EXPECT_EQ(count_in(cv, condition_queue{}), 0u);
  });
}

TEST_P(condition_variable_at, a_broadcast_wakes_all_once) {
  run([&] {
    gmp::mutex m;
    gmp::condition_variable cv;
    const int n = scaled(200), rounds = scaled(50);
    int round = 0, arrived = 0;
    gmp::condition_variable full;
    gmp::wait_group all;
    for (int i = 0; i < n; ++i) {
      all.go([&] {
        std::unique_lock hold(m);
        for (int mine = 0; mine < rounds; ++mine) {
          if (++arrived == n) full.notify_one();
          cv.wait(hold);
          EXPECT_EQ(round, mine + 1);
        }
      });
    }
    std::unique_lock hold(m);
    for (int k = 0; k < rounds; ++k) {
      full.wait(hold, [&] { return arrived == n; });
      arrived = 0;
      ++round;
      cv.notify_all();
    }
    hold.unlock();
    all.wait();
  });
}

// Items pass through a bounded buffer between Gs and threads; nothing is lost and nobody sleeps on.
TEST_P(condition_variable_at, bounded_buffer) {
  run([&] {
    gmp::mutex m;
    gmp::condition_variable room, items;
    int stored = 0;
    long received = 0;
    const int each = scaled(500);
    auto produce = [&] {
      for (int k = 0; k < each; ++k) {
        std::unique_lock hold(m);
        room.wait(hold, [&] { return stored < 3; });
        ++stored;
        items.notify_one();
      }
    };
    auto consume = [&] {
      for (int k = 0; k < each; ++k) {
        std::unique_lock hold(m);
        while (
            !items.wait_for(hold, std::chrono::microseconds(k % 100), [&] { return stored > 0; })) {
        }
        --stored;
        ++received;
        room.notify_one();
      }
    };
    gmp::wait_group all;
    for (int i = 0; i < 3; ++i) {
      all.go(produce);
      all.go(consume);
    }
    std::thread outside(produce), also(consume);
    all.wait();
    outside.join();
    also.join();
    EXPECT_EQ(received, 4L * each);
    EXPECT_EQ(stored, 0);
  });
}

TEST_P(condition_variable_at, times_out) {
  run([&] {
    std::mutex m;  // any BasicLockable
    gmp::condition_variable cv;
    auto check = [&] {
      std::unique_lock hold(m);
      const auto start = std::chrono::steady_clock::now();
      EXPECT_EQ(cv.wait_for(hold, 3ms), std::cv_status::timeout);
      EXPECT_GE(std::chrono::steady_clock::now() - start, 3ms);
      EXPECT_TRUE(hold.owns_lock());
      EXPECT_EQ(cv.wait_until(hold, std::chrono::steady_clock::now() - 1s),
                std::cv_status::timeout);
      EXPECT_FALSE(
          cv.wait_until(hold, std::chrono::system_clock::now() + 1ms, [] { return false; }));
      EXPECT_TRUE(cv.wait_for(hold, -1s, [] { return true; }));
    };
    check();
    std::thread(check).join();
    EXPECT_EQ(count_in(cv, condition_queue{}), 0u);
  });
}

TEST_P(condition_variable_at, a_stop_request_ends_the_wait) {
  run([&] {
    gmp::mutex m;
    gmp::condition_variable cv;
    for (int k = 0; k < scaled(100); ++k) {
      std::stop_source source;
      auto waiter = gmp::spawn([&, token = source.get_token()] {
        std::unique_lock hold(m);
        const bool answer = cv.wait(hold, token, [] { return false; });
        EXPECT_TRUE(hold.owns_lock());
        return answer;
      });
      if (k % 2 == 0) until_waiting<condition_queue>(cv, 1);
      source.request_stop();
      EXPECT_FALSE(waiter.get());
    }
    std::stop_source source;
    std::unique_lock hold(m);
    EXPECT_TRUE(cv.wait(hold, source.get_token(), [] { return true; }));
    EXPECT_FALSE(cv.wait_for(hold, source.get_token(), 1ms, [] { return false; }));
    source.request_stop();
    EXPECT_FALSE(cv.wait(hold, source.get_token(), [] { return false; }));
    EXPECT_FALSE(cv.wait(hold, std::stop_token(source.get_token()), [] { return false; }));
  });
}

TEST_P(condition_variable_at, waiters_are_unwound_at_the_end) {
  gmp::mutex m;
  gmp::condition_variable cv;
  std::atomic<int> unwound = 0;
  struct waits_in_destructor {
    gmp::mutex& m;
    gmp::condition_variable& cv;
    std::atomic<int>& n;
    ~waits_in_destructor() {
      std::unique_lock hold(m, std::try_to_lock);
      if (hold) cv.wait(hold, [] { return false; });  // ends at once
      ++n;
    }
  };
  run([&] {
    for (int i = 0; i < 4; ++i) {
      gmp::go([&] {
        waits_in_destructor also{m, cv, unwound};
        std::unique_lock hold(m);
        cv.wait(hold, [] { return false; });
        ADD_FAILURE();
      });
    }
    until_waiting<condition_queue>(cv, 4);
  });
  EXPECT_EQ(unwound, 4);
  EXPECT_EQ(count_in(cv, condition_queue{}), 0u);
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

}  // namespace
