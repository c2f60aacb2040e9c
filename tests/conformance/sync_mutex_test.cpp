// mutex, shared_mutex and once: what Go's sync tests check.
#include <mutex>
#include <shared_mutex>

#include <gmp/mutex.hpp>
#include <gmp/once.hpp>
#include <gmp/semaphore.hpp>
#include <gmp/shared_mutex.hpp>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class mutex_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(mutex_conformance, 1u, 2u, 4u);
class handoff_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(handoff_conformance, 1u, 2u);

// Go: TestSemaphore
TEST_P(mutex_conformance, a_semaphore_of_one_excludes) {
  run([] {
    gmp::semaphore one(1);
    const int rounds = scaled(1'000);
    int inside = 0, wrong = 0;
    crowd all;
    for (int k = 0; k < 10; ++k) {
      all.go([&] {
        for (int i = 0; i < rounds; ++i) {
          one.acquire();
          wrong += ++inside != 1;
          if (i % 16 == 0) gmp::this_g::yield();
          --inside;
          one.release();
        }
      });
    }
    all.wait();
    EXPECT_EQ(wrong, 0);
  });
}

// Go: TestMutex
TEST_P(mutex_conformance, lock_and_try_lock_exclude) {
  run([] {
    gmp::mutex lock;
    ASSERT_TRUE(lock.try_lock());
    EXPECT_FALSE(lock.try_lock());
    lock.unlock();
    EXPECT_TRUE(lock.try_lock());
    lock.unlock();
    const int rounds = scaled(1'000);
    int inside = 0, wrong = 0;
    long done = 0;
    crowd all;
    for (int k = 0; k < 10; ++k) {
      all.go([&] {
        for (int i = 0; i < rounds; ++i) {
          if (i % 3 == 0) {
            if (!lock.try_lock()) continue;
          } else {
            lock.lock();
          }
          wrong += ++inside != 1;
          if (i % 16 == 0) gmp::this_g::yield();
          --inside;
          ++done;
          lock.unlock();
        }
      });
    }
    all.wait();
    EXPECT_EQ(wrong, 0);
    EXPECT_GE(done, 10L * (rounds * 2 / 3));
  });
}

// Go: TestMutexFairness: one holds it nearly always, the other nearly never wants it, and gets it.
TEST_P(mutex_conformance, who_wants_it_rarely_gets_it_from_who_holds_it_nearly_always) {
  run([] {
    gmp::mutex lock;
    auto stop = gmp::make_chan<void>();
    std::atomic<int> got = 0;
    crowd two;
    two.go([&] {
      for (bool over = false; !over;) {
        lock.lock();
        gmp::this_g::sleep_for(100us);  // what it does with the lock
        lock.unlock();
        gmp::select(gmp::on_recv(stop, [&] { over = true; }), gmp::otherwise());
      }
    });
    two.go([&] {
      for (int i = 0; i < 10; ++i) {
        gmp::this_g::sleep_for(100us);  // what it does without
        std::lock_guard hold(lock);
        ++got;
      }
      stop.close();
    });
    two.wait();
    EXPECT_EQ(got, 10);
  });
}

// Go: TestSemaHandoff, TestSemaHandoff1, TestSemaHandoff2, in the form this library has: a starving
// mutex goes straight to the waiter, before the releaser can take it again.
TEST_P(handoff_conformance, a_starving_waiter_comes_before_the_releaser) {
  run([] {
    int handed = 0;
    const int rounds = 20;
    for (int i = 0; i < rounds; ++i) {
      gmp::mutex lock;
      lock.lock();
      bool waiter_had_it = false;
      std::atomic<bool> started = false;
      crowd one;
      one.go([&] {
        started = true;
        lock.lock();
        waiter_had_it = true;
        lock.unlock();
      });
      until([&] { return started.load(); });
      for (int turn = 0; turn < 3;
           ++turn) {  // it wakes, finds the lock taken, and has waited long by then
        gmp::this_g::sleep_for(1500us);  // longer than a waiter is patient
        lock.unlock();
        lock.lock();
        if (waiter_had_it) break;
      }
      handed += waiter_had_it;
      lock.unlock();
      one.wait();
    }
    EXPECT_GT(handed, rounds * 2 / 3);
  });
}

// Go: TestParallelReaders, runtime TestParallelRWMutexReaders
TEST_P(mutex_conformance, readers_hold_it_at_the_same_time) {
  run([] {
    for (int readers : {1, 3, 4}) {
      gmp::shared_mutex lock;
      auto inside = gmp::make_chan<void>(), leave = gmp::make_chan<void>();
      crowd all;
      for (int i = 0; i < readers; ++i) {
        all.go([&lock, inside, leave] {
          std::shared_lock hold(lock);
          inside.send();
          leave.recv();
        });
      }
      int at_once = 0;
      for (int i = 0; i < readers; ++i) at_once += inside.recv();
      EXPECT_EQ(at_once, readers);
      EXPECT_FALSE(lock.try_lock());
      leave.close();
      all.wait();
      EXPECT_TRUE(lock.try_lock());
      lock.unlock();
    }
  });
}

// Go: TestRWMutex, the table.
TEST_P(mutex_conformance, who_may_come_in_beside_whom) {
  run([] {
    gmp::shared_mutex lock;
    lock.lock();
    EXPECT_FALSE(lock.try_lock());
    EXPECT_FALSE(lock.try_lock_shared());
    lock.unlock();
    EXPECT_TRUE(lock.try_lock());
    lock.unlock();
    lock.lock_shared();
    EXPECT_FALSE(lock.try_lock());
    EXPECT_TRUE(lock.try_lock_shared());
    lock.unlock_shared();
    lock.unlock_shared();
    EXPECT_TRUE(lock.try_lock());
    lock.unlock();
  });
}

// Writers count 10,000, readers 1: the sum tells who is inside.
void hammer(int readers, int rounds) {
  gmp::shared_mutex lock;
  std::atomic<int> activity = 0, wrong = 0;
  crowd all;
  for (int w = 0; w < 2; ++w) {
    all.go([&, rounds] {
      for (int i = 0; i < rounds; ++i) {
        std::lock_guard hold(lock);
        if (activity.fetch_add(10'000) != 0) ++wrong;
        if (i % 8 == 0) gmp::this_g::yield();
        activity -= 10'000;
      }
    });
  }
  for (int r = 0; r < readers; ++r) {
    all.go([&, rounds] {
      for (int i = 0; i < rounds; ++i) {
        std::shared_lock hold(lock);
        const int before = activity.fetch_add(1);
        if (before < 0 || before >= 10'000) ++wrong;
        if (i % 8 == 0) gmp::this_g::yield();
        activity -= 1;
      }
    });
  }
  all.wait();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(activity, 0);
}

// Go: TestRWMutex, HammerRWMutex; runtime TestRWMutex
TEST_P(mutex_conformance, readers_and_writers_exclude_each_other) {
  run([] {
    for (int readers : {1, 3, 10}) hammer(readers, scaled(500));
  });
}

// Go: TestRLocker: a view that locks for reading; a writer waits for both.
TEST_P(mutex_conformance, a_writer_waits_for_every_reader) {
  run([] {
    gmp::shared_mutex lock;
    auto written = gmp::make_chan<void>(1);
    std::shared_lock one(lock), two(lock);
    std::atomic<bool> started = false;
    crowd writer;
    writer.go([&lock, &started, written] {
      started = true;
      lock.lock();
      written.send();
      lock.unlock();
    });
    until([&] { return started.load(); });
    yield_often();
    EXPECT_EQ(written.len(), 0u);
    one.unlock();
    yield_often();
    EXPECT_EQ(written.len(), 0u);
    two.unlock();
    EXPECT_TRUE(written.recv());
    writer.wait();
  });
}

// Go: TestOnce
TEST_P(mutex_conformance, once_runs_once_and_everybody_sees_it) {
  run([] {
    gmp::once only;
    int runs = 0;
    std::atomic<int> blind = 0;
    crowd all;
    for (int i = 0; i < 10; ++i) {
      all.go([&] {
        only([&] {
          gmp::this_g::yield();
          ++runs;
        });
        if (runs != 1) ++blind;
      });
    }
    all.wait();
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(blind, 0);
  });
}

// Go: TestOncePanic; here the next caller tries, as std::call_once does.
TEST_P(mutex_conformance, after_an_exception_the_next_caller_of_once_tries) {
  run([] {
    gmp::once only;
    int attempts = 0;
    EXPECT_THROW(only([&] {
                   ++attempts;
                   throw std::runtime_error("first");
                 }),
                 std::runtime_error);
    only([&] { ++attempts; });
    only([&] { ++attempts; });
    EXPECT_EQ(attempts, 2);
  });
}

}  // namespace
