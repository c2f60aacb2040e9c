#include <gmp/shared_mutex.hpp>

#include <mutex>
#include <shared_mutex>
#include <thread>

#include <gmp/wait_group.hpp>

#include "support/queues.hpp"

namespace {

using namespace gmp_test;
using namespace std::chrono_literals;

class shared_mutex_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(shared_mutex_at, 1u, 2u, 4u, 8u);
class shared_mutex_unit : public in_runtime {};

static_assert(!std::is_copy_constructible_v<gmp::shared_mutex>);

TEST_F(shared_mutex_unit, tries) {
  run_at(1, [] {
    gmp::shared_mutex m;
    EXPECT_TRUE(m.try_lock());
    EXPECT_FALSE(m.try_lock());
    EXPECT_FALSE(m.try_lock_shared());
    m.unlock();
    EXPECT_TRUE(m.try_lock_shared());
    EXPECT_TRUE(m.try_lock_shared());
    EXPECT_FALSE(m.try_lock());
    m.unlock_shared();
    EXPECT_FALSE(m.try_lock());
    m.unlock_shared();
    { std::unique_lock hold(m); }
    {
      std::shared_lock hold(m);
      EXPECT_FALSE(m.try_lock_for(1ms));
    }
    {
      std::unique_lock hold(m, 1s);
      EXPECT_FALSE(m.try_lock_shared_for(1ms));
    }
    {
      std::shared_lock hold(m, std::chrono::steady_clock::now() + 1s);
      EXPECT_TRUE(hold.owns_lock());
    }
  });
}

TEST_P(shared_mutex_at, readers_hold_it_together) {
  run([&] {
    gmp::shared_mutex m;
    constexpr int n = 8;
    std::atomic<int> inside = 0;
    gmp::wait_group all;
    for (int i = 0; i < n; ++i) {
      all.go([&] {
        std::shared_lock hold(m);
        ++inside;
        until([&] { return inside == n; });
      });
    }
    all.wait();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

TEST_P(shared_mutex_at, a_waiting_writer_blocks_new_readers) {
  run([&] {
    gmp::shared_mutex m;
    m.lock_shared();
    std::atomic<bool> wrote = false;
    auto writer = gmp::spawn([&] {
      m.lock();
      wrote = true;
      m.unlock();
    });
    until_waiting<writers_queue>(m, 1);
    EXPECT_FALSE(m.try_lock_shared());
    EXPECT_FALSE(m.try_lock());
    EXPECT_FALSE(wrote);
    auto reader = gmp::spawn([&] {
      std::shared_lock hold(m);
      EXPECT_TRUE(wrote);
    });
    until_waiting<readers_queue>(m, 1);
    m.unlock_shared();
    writer.get();
    reader.get();
  });
}

// Behind a writer stand a writer and, later, readers: they come in first, and together.
TEST_P(shared_mutex_at, readers_come_in_after_a_writer) {
  run([&] {
    gmp::shared_mutex m;
    m.lock();
    std::atomic<int> reading = 0;
    std::atomic<bool> wrote = false;
    gmp::wait_group all;
    all.go([&] {
      std::lock_guard hold(m);
      EXPECT_EQ(reading, 3);
      wrote = true;
    });
    until_waiting<writers_queue>(m, 1);
    for (int i = 0; i < 3; ++i) {
      all.go([&] {
        std::shared_lock hold(m);
        EXPECT_FALSE(wrote);
        ++reading;
        until([&] { return reading == 3; });
      });
    }
    until_waiting<readers_queue>(m, 3);
    m.unlock();
    all.wait();
    EXPECT_TRUE(wrote);
  });
}

TEST_P(shared_mutex_at, a_writer_that_gives_up_lets_the_readers_in) {
  run([&] {
    gmp::shared_mutex m;
    m.lock_shared();
    auto writer = gmp::spawn([&] { return m.try_lock_for(20ms); });
    until_waiting<writers_queue>(m, 1);
    auto reader = gmp::spawn([&] {
      m.lock_shared();
      m.unlock_shared();
    });
    reader.get();  // while the first reader stays
    EXPECT_FALSE(writer.get());
    m.unlock_shared();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

// The sum of what is inside proves exclusion: a writer counts 10,000, a reader 1. (Go:
// TestRWMutex.)
TEST_P(shared_mutex_at, excludes) {
  run([&] {
    gmp::shared_mutex m;
    std::atomic<int> inside = 0;
    const int rounds = scaled(300);
    auto write = [&] {
      for (int k = 0; k < rounds; ++k) {
        std::lock_guard hold(m);
        EXPECT_EQ(inside.fetch_add(10'000), 0);
        gmp::this_g::yield();
        inside -= 10'000;
      }
    };
    auto read = [&] {
      for (int k = 0; k < rounds; ++k) {
        std::shared_lock hold(m);
        EXPECT_LT(inside.fetch_add(1), 10'000);
        if (k % 4 == 0) gmp::this_g::yield();
        --inside;
      }
    };
    auto hurry = [&] {
      for (int k = 0; k < rounds; ++k) {
        if (m.try_lock_for(std::chrono::microseconds(k % 40))) {
          EXPECT_EQ(inside.fetch_add(10'000), 0);
          inside -= 10'000;
          m.unlock();
        }
        if (m.try_lock_shared_for(std::chrono::microseconds(k % 40))) {
          EXPECT_LT(inside.fetch_add(1), 10'000);
          --inside;
          m.unlock_shared();
        }
      }
    };
    gmp::wait_group all;
    all.go(write);
    for (int i = 0; i < 5; ++i) all.go(read);
    all.go(write);
    all.go(hurry);
    all.go(hurry);
    std::thread outside(read), also(write);
    all.wait();
    outside.join();
    also.join();
    EXPECT_EQ(inside, 0);
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

TEST_P(shared_mutex_at, waiters_are_unwound_at_the_end) {
  gmp::shared_mutex m;
  m.lock();
  run([&] {
    gmp::go([&] {
      m.lock();
      ADD_FAILURE();
    });
    gmp::go([&] {
      m.lock_shared();
      ADD_FAILURE();
    });
    until_waiting<writers_queue>(m, 1);
    until_waiting<readers_queue>(m, 1);
  });
  m.unlock();
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

using shared_mutex_death_test = shared_mutex_unit;
TEST_F(shared_mutex_death_test, misuse_names_the_call) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        gmp::shared_mutex m;
        m.unlock();
      },
      "gmp::shared_mutex::unlock of");
  EXPECT_DEATH(
      {
        gmp::shared_mutex m;
        m.lock_shared();
        m.unlock();
      },
      "gmp::shared_mutex::unlock of");
  EXPECT_DEATH(
      {
        gmp::shared_mutex m;
        m.unlock_shared();
      },
      "gmp::shared_mutex::unlock_shared of");
  EXPECT_DEATH(
      {
        gmp::shared_mutex m;
        m.lock();
        m.unlock_shared();
      },
      "gmp::shared_mutex::unlock_shared of");
}

}  // namespace
