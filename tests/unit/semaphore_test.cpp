#include <gmp/semaphore.hpp>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <thread>

#include <gmp/wait_group.hpp>

#include "support/queues.hpp"

namespace {

using namespace gmp_test;
using namespace std::chrono_literals;

class semaphore_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(semaphore_at, 1u, 2u, 4u, 8u);
class semaphore_unit : public in_runtime {};

TEST_F(semaphore_unit, counts) {
  gmp::semaphore s(3);
  s.acquire();
  s.acquire(2);
  s.acquire(0);
  EXPECT_FALSE(s.try_acquire());
  EXPECT_TRUE(s.try_acquire(0));
  s.release();
  EXPECT_FALSE(s.try_acquire(2));
  EXPECT_TRUE(s.try_acquire());
  EXPECT_FALSE(s.try_acquire_for(1ms));
  EXPECT_FALSE(s.try_acquire_for(2, 1ms));
  s.release(3);
  EXPECT_TRUE(s.try_acquire_for(3, 1ms));
  EXPECT_THROW(gmp::semaphore(-1), std::invalid_argument);
  EXPECT_THROW(s.acquire(-1), std::invalid_argument);
  EXPECT_THROW((void)s.try_acquire(-1), std::invalid_argument);
  EXPECT_THROW(s.release(-1), std::invalid_argument);
  s.release(1);
  EXPECT_THROW(s.release(std::numeric_limits<std::ptrdiff_t>::max()), std::overflow_error);
  EXPECT_TRUE(s.try_acquire());
  EXPECT_FALSE(s.try_acquire());
}

TEST_P(semaphore_at, a_large_request_is_not_overtaken) {
  run([&] {
    gmp::semaphore s(2);
    s.acquire(2);
    std::atomic<int> first = 0;
    gmp::wait_group all;
    for (std::ptrdiff_t k : {3, 1, 2}) {
      all.go([&, k] {
        s.acquire(k);
        int nobody = 0;
        first.compare_exchange_strong(nobody, static_cast<int>(k));
        s.release(k);
      });
      until_waiting<semaphore_queue>(s, k == 3 ? 1 : k == 1 ? 2 : 3);
    }
    s.release(2);
    yield_often();
    EXPECT_FALSE(s.try_acquire());  // two are there, but somebody waits for three
    EXPECT_EQ(count_in(s, semaphore_queue{}), 3u);
    s.release(1);
    all.wait();
    EXPECT_EQ(first, 3);
    EXPECT_TRUE(s.try_acquire(3));
  });
}

TEST_P(semaphore_at, a_large_request_that_gives_up_lets_the_others_go_on) {
  run([&] {
    gmp::semaphore s(1);
    auto large = gmp::spawn([&] { return s.try_acquire_for(5, 10ms); });
    until_waiting<semaphore_queue>(s, 1);
    auto small = gmp::spawn([&] { s.acquire(); });
    small.get();
    EXPECT_FALSE(large.get());
    s.release();
    EXPECT_TRUE(s.try_acquire());
  });
}

TEST_P(semaphore_at, bounds_what_is_inside) {
  run([&] {
    constexpr std::ptrdiff_t most = 5;
    gmp::semaphore s(most);
    std::atomic<std::ptrdiff_t> inside = 0;
    auto work = [&] {
      for (int i = 0; i < scaled(500); ++i) {
        const std::ptrdiff_t k = i % most + 1;
        if (i % 7 == 0) {
          if (!s.try_acquire_for(k, std::chrono::microseconds(i % 50))) continue;
        } else {
          s.acquire(k);
        }
        EXPECT_LE(inside += k, most);
        if (i % 4 == 0) gmp::this_g::yield();
        inside -= k;
        s.release(k);
      }
    };
    gmp::wait_group all;
    for (int i = 0; i < 8; ++i) all.go(work);
    std::thread outside(work);
    all.wait();
    outside.join();
    EXPECT_TRUE(s.try_acquire(most));
  });
}

TEST_P(semaphore_at, waiters_are_unwound_at_the_end) {
  gmp::semaphore s(1);
  run([&] {
    gmp::go([&] {
      s.acquire(2);
      ADD_FAILURE();
    });
    gmp::go([&] {
      s.acquire(3);
      ADD_FAILURE();
    });
    until_waiting<semaphore_queue>(s, 2);
  });
  EXPECT_TRUE(s.try_acquire());
}

}  // namespace
