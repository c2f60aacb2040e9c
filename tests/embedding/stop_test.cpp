// The end of a runtime while a G stalls, the least number of threads, and threads that are refused.
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gmp/mutex.hpp>
#include <gmp/wait_group.hpp>

#include "sched/scheduler.hpp"
#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using clock_type = std::chrono::steady_clock;

class stop_beside : public at_procs {};

struct counted {
  std::atomic<int>& n;
  ~counted() { ++n; }
};

// Stops a runtime while one G does not come back; the others are to be unwound before it does.
template <class Stall>
void others_are_unwound(unsigned procs, Stall stall) {
  constexpr int others = 200;
  std::atomic<int> unwound = 0;
  std::atomic<bool> in = false;
  std::atomic<bool> enough = false;
  auto never_sent = gmp::make_chan<int>();
  gmp::runtime scheduler({.procs = procs});
  for (int i = 0; i < others; ++i) {
    scheduler.go([&, never_sent] {
      counted at_end{unwound};
      never_sent.recv();
    });
  }
  while (receivers_waiting(never_sent) != others) std::this_thread::yield();
  scheduler.go([&] {
    in = true;
    stall(enough);
  });
  while (!in) std::this_thread::yield();
  const auto begun = clock_type::now();
  std::thread watcher([&] {
    // Only the unwinding lets the stalled G go. Far below stop()'s patience.
    while (unwound != others && clock_type::now() - begun < 8s) std::this_thread::yield();
    enough = true;
  });
  scheduler.stop();
  watcher.join();
  EXPECT_EQ(unwound, others);
  EXPECT_LT(clock_type::now() - begun, 8s);
}

TEST_P(stop_beside, a_g_blocked_in_the_kernel) {
  others_are_unwound(GetParam(), [](std::atomic<bool>& enough) {
    while (!enough) ::usleep(20'000);
  });
}

TEST_P(stop_beside, a_g_that_computes) {
  others_are_unwound(GetParam(), [](std::atomic<bool>& enough) {
    while (!enough) {
    }
  });
}

TEST_P(stop_beside, a_g_that_said_it_blocks) {
  others_are_unwound(GetParam(), [](std::atomic<bool>& enough) {
    gmp::blocking([&] {
      while (!enough) ::usleep(1'000);
    });
  });
}

// Comes back, calls the runtime and parks again and again while the others are being unwound.
TEST_P(stop_beside, gs_that_come_back_at_any_moment) {
  for (int round = 0; round < scaled(30); ++round) {
    std::atomic<int> ended = 0;
    constexpr int gs = 24;
    auto ch = gmp::make_chan<int>();
    {
      gmp::runtime scheduler({.procs = GetParam(), .handoff_after = 1ms});
      std::atomic<int> started = 0;
      for (int i = 0; i < gs; ++i) {
        scheduler.go([&, ch, i] {
          counted at_end{ended};
          ++started;
          for (int n = 0;; ++n) {
            gmp::blocking([&] { ::usleep(static_cast<unsigned>(i * 37 + n) % 500); });
            if ((i + n) % 3 == 0) {
              gmp::this_g::sleep_for(100us);
            } else if (i % 2 == 0) {
              ch.send(n);
            } else {
              ch.recv();
            }
          }
        });
      }
      while (started != gs) std::this_thread::yield();
    }
    EXPECT_EQ(ended, gs);
  }
}

GMPSCHED_TEST_AT_PROCS(stop_beside, 1u, 2u, 4u);

class few_threads : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  watchdog guard_;
};

TEST_F(few_threads, one_thread_does_everything_in_turn) {
  gmp::run(
      [] {
        auto ch = gmp::make_chan<int>();
        crowd all;
        for (int i = 0; i < 100; ++i) all.go([&, i] { ch.send(i); });
        int sum = 0;
        for (int i = 0; i < 100; ++i) sum += ch.recv().value_or(0);
        all.wait();
        EXPECT_EQ(sum, 4950);
        EXPECT_EQ(gmp::blocking([] { return 5; }), 5);
        gmp::this_g::sleep_for(1ms);
        EXPECT_EQ(gmp::set_procs(4), 2u);
        EXPECT_EQ(gmp::spawn([] { return 6; }).get(), 6);
        // The M and the monitor.
        EXPECT_LE(gmp::stats().threads, 2u);
      },
      {.procs = 2, .max_threads = 1});
}

// There is no thread that could unwind the others meanwhile: they wait with the one that stalls.
TEST_F(few_threads, with_one_thread_the_others_are_unwound_when_the_stalled_g_comes_back) {
  std::atomic<int> unwound = 0;
  {
    gmp::runtime scheduler({.procs = 1, .max_threads = 1, .handoff_after = 1ms});
    auto never_sent = gmp::make_chan<int>();
    for (int i = 0; i < 2; ++i) {
      scheduler.go([&, never_sent] {
        counted at_end{unwound};
        never_sent.recv();
      });
    }
    while (receivers_waiting(never_sent) != 2) std::this_thread::yield();
    std::atomic<bool> in = false;
    scheduler.go([&] {
      counted at_end{unwound};
      const gmp::detail::scheduler& own = *gmp::detail::this_m()->sched;
      in = true;
      while (!own.unwinding) ::usleep(1'000);
      for (int i = 0; i < 20; ++i) ::usleep(1'000);  // the stall goes on
      EXPECT_EQ(unwound, 0);
    });
    while (!in) std::this_thread::yield();
  }
  EXPECT_EQ(unwound, 3);
}

// A thread that ends while a G waits for what it would have sent: the G goes on waiting, anybody
// else may wake it.
void waits_on(void (*end)()) {
  gmp::runtime scheduler({.procs = 2});
  auto ch = gmp::make_chan<int>();
  auto got = scheduler.spawn([ch] { return ch.recv().value_or(-1); });
  std::thread ends([&] {
    gmp::mutex used;
    std::lock_guard hold(used);
    until_receiver_waits(ch);
    end();
  });
  ends.join();
  EXPECT_FALSE(got.wait_for(1ms));
  ch.send(8);
  EXPECT_EQ(got.get(), 8);
}

TEST_F(few_threads, a_g_waits_on_when_the_thread_that_it_waits_for_returns) {
  waits_on([] {});
}

TEST_F(few_threads, a_g_waits_on_when_the_thread_that_it_waits_for_exits) {
  waits_on([] { ::pthread_exit(nullptr); });
}

#if !GMPSCHED_ASAN && !GMPSCHED_TSAN  // whose runtimes have threads of their own

// As nobody, who has no threads yet: root is not limited.
void allow_threads(rlim_t n) {
  if (::geteuid() == 0 && ::setuid(54'321) != 0) std::_Exit(77);
  const rlimit most{n, n};
  if (::setrlimit(RLIMIT_NPROC, &most) != 0) std::_Exit(77);
}

TEST_F(few_threads, when_the_system_refuses_threads_work_goes_on_with_those_there_are) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a user of its own to count threads";
  EXPECT_EXIT(
      {
        allow_threads(4);
        const int sum = gmp::run(
            [] {
              gmp::wait_group all;
              std::atomic<int> n = 0;
              for (int i = 0; i < 20; ++i)
                all.go([&] {
                  gmp::blocking([] { ::usleep(20'000); });
                  ++n;
                });
              all.wait();
              return n.load();
            },
            {.procs = 2});
        std::fprintf(stderr, "all of %d\n", sum);
        std::_Exit(sum == 20 ? 7 : 1);
      },
      testing::ExitedWithCode(7), "no further thread \\((.|\n)*all of 20");
}

TEST_F(few_threads, without_a_single_thread_there_is_a_clear_end) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a user of its own to count threads";
  EXPECT_DEATH(
      {
        allow_threads(1);
        gmp::run([] {});
      },
      "cannot start a thread");
}

#endif

}  // namespace
