// Locks that lean towards one thread and lose it again: taken in bursts by Gs on several Ms and by
// threads that are no Ms, biased after a few takings.
#include <memory>
#include <thread>
#include <vector>

#include "sched/biased_lock.hpp"
#include "support/lengthen.hpp"

namespace {

using namespace gmp_test;
using gmp::detail::biased_lock;

class biased_lock_stress : public stress_test {
 protected:
  biased_lock_stress() { gmp::detail::bias_after = 2; }
  ~biased_lock_stress() override { gmp::detail::bias_after = usual_; }

 private:
  const std::uint32_t usual_ = gmp::detail::bias_after;
};

struct guarded {
  biased_lock lock;
  std::uint64_t count = 0;  // by plain loads and stores
};

void count(guarded& one) {
  one.lock.lock();
  const std::uint64_t before = one.count;
  volatile int length = 0;
  while (length < 3) length = length + 1;
  one.count = before + 1;
  one.lock.unlock();
}

// Everybody walks along the row and takes each lock several times; neighbours too, while it is
// held.
void walk(std::vector<guarded>& row, int who, int bursts) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    guarded& one = row[i];
    guarded& next = row[(i + 1) % row.size()];
    for (int k = 0; k < bursts; ++k) {
      if ((k + who) % 4 != 0 || &next < &one) {
        count(one);
      } else {  // in the order of addresses
        one.lock.lock();
        ++one.count;
        while (!next.lock.try_lock()) std::this_thread::yield();
        next.lock.unlock();
        one.lock.unlock();
      }
    }
    if (i % 8 == 0 && gmp::detail::this_m() != nullptr) gmp::this_g::yield();
  }
}

TEST_F(biased_lock_stress, one_holder_at_a_time) {
  run_each([] {
    constexpr int gs = 4, threads = 2, bursts = 12;
    std::vector<guarded> row(static_cast<std::size_t>(stressed(8'000)));
    std::vector<std::thread> outside;
    crowd inside;
    for (int who = 0; who < gs; ++who) inside.go([&row, who] { walk(row, who, bursts); });
    for (int who = 0; who < threads; ++who)
      outside.emplace_back([&row, who] { walk(row, who, bursts / 4); });
    inside.wait();
    for (auto& t : outside) t.join();
    for (const guarded& one : row) ASSERT_EQ(one.count, gs * bursts + threads * (bursts / 4));
  });
}

// Each channel is used by pairs that meet on one M, then by others.
TEST_F(biased_lock_stress, channels_change_hands) {
  run_each([] {
    const int rounds = stressed(1'500);
    crowd all;
    for (int r = 0; r < rounds; ++r) {
      auto there = gmp::make_chan<int>(static_cast<std::size_t>(r % 3));
      auto back = gmp::make_chan<int>();
      for (int k = 0; k < 2; ++k) {
        all.go([=] {
          for (int v : there) back.send(v + 1);
        });
      }
      all.go([=] {
        for (int i = 0; i < 40; ++i) {
          there.send(i);
          if (i % 10 == 9) gmp::this_g::yield();
          auto got = back.recv();
          ASSERT_TRUE(got);
          ASSERT_EQ(*got, i + 1);
        }
        there.close();
      });
    }
    all.wait();
  });
}

// An M that has the bias and a thread that has not meet at each lock at the same moment.
TEST_F(biased_lock_stress, met_in_the_act) {
  std::vector<guarded> row(static_cast<std::size_t>(stressed(20'000)));
  std::atomic<std::size_t> biased = 0, met = 0;
  std::thread other([&] {
    for (std::size_t i = 0; i < row.size(); ++i) {
      while (biased.load() != i + 1) {
      }
      met.store(i + 1);
      count(row[i]);
      count(row[i]);
      while (met.load() != 0) {
      }
    }
  });
  gmp::run(
      [&] {
        for (std::size_t i = 0; i < row.size(); ++i) {
          for (int k = 0; k < 4; ++k) count(row[i]);
          biased.store(i + 1);
          while (met.load() != i + 1) {
          }
          for (std::size_t k = 0; k < i % 16; ++k) asm volatile("");
          for (int k = 0; k < 4; ++k) count(row[i]);
          met.store(0);
        }
      },
      {.procs = 1});
  other.join();
  for (const guarded& one : row) ASSERT_EQ(one.count, 10u);
}

TEST_F(biased_lock_stress, who_ends_a_bias_waits_for_the_section) {
  guarded one;
  std::atomic<bool> inside = false, over = false, entered = false;
  std::thread other([&] {
    while (!inside) std::this_thread::yield();
    one.lock.lock();
    entered = true;
    EXPECT_TRUE(over);
    one.lock.unlock();
  });
  gmp::run(
      [&] {
        for (int k = 0; k < 4; ++k) count(one);
        one.lock.lock();
        inside = true;
        const auto until = std::chrono::steady_clock::now() + 20ms;
        while (std::chrono::steady_clock::now() < until) EXPECT_FALSE(entered);
        over = true;
        one.lock.unlock();
      },
      {.procs = 1});
  other.join();
  EXPECT_TRUE(entered);
}

TEST_F(biased_lock_stress, a_bias_outlives_its_thread) {
  if (!gmp::detail::membarrier_registered) GTEST_SKIP() << "nothing is biased without membarrier";
  guarded one;
  std::uint64_t taken = 0;
  const auto burst = [&] {
    for (int i = 0; i < 1'000; ++i) count(one);
    taken += 1'000;
  };
  for (int r = 0; r < 3; ++r) {
    gmp::run(burst, {.procs = 1});
    EXPECT_TRUE(one.lock.is_biased());
    std::thread(burst).join();  // not an M: ends the bias, gets none
    EXPECT_FALSE(one.lock.is_biased());
  }
  gmp::run([&] { gmp::run(burst, {.procs = 1}); }, {.procs = 1});  // another M, another seat
  EXPECT_EQ(one.count, taken);
}

}  // namespace
