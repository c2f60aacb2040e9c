// The P hand-off: whatever one G does with its thread, the others go on. Times are generous: they
// tell a P that was handed over from one that was not, no more; bench/stall has the figures.
#include <poll.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

#include <gmp/chan.hpp>
#include <gmp/mutex.hpp>
#include <gmp/timer.hpp>
#include <gmp/wait_group.hpp>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using clock_type = std::chrono::steady_clock;

class handoff : public testing::Test {
 protected:
  watchdog guard_;
};

// Long enough that nobody who waits for the G that stalls could have gone on within half of it.
constexpr auto stall = sanitized ? 3'000ms : 1'500ms;

void compute_for(std::chrono::milliseconds length) {
  const auto end = clock_type::now() + length;
  volatile unsigned long turns = 0;
  while (clock_type::now() < end) turns = turns + 1;
}

// Runs `hold` on a G at one P, and counts how often another G's timer of 1 ms goes off meanwhile.
template <class Hold>
int ticks_beside(Hold hold, gmp::options how = {.procs = 1}) {
  return gmp::run(
      [&] {
        std::atomic<bool> over = false;
        std::atomic<int> ticks = 0;
        gmp::wait_group done;
        done.add(1);
        gmp::go([&] {
          while (!over) {
            gmp::this_g::sleep_for(1ms);
            ++ticks;
          }
          done.done();
        });
        gmp::this_g::sleep_for(5ms);
        const int before = ticks;
        hold();
        const int during = ticks - before;
        over = true;
        done.wait();
        return during;
      },
      how);
}

TEST_F(handoff, others_run_while_a_g_computes) {
  EXPECT_GT(ticks_beside([] { compute_for(stall); }), 10);
}

TEST_F(handoff, others_run_while_a_g_blocks_in_the_kernel) {
  EXPECT_GT(ticks_beside([] { std::this_thread::sleep_for(stall); }), 10);
}

TEST_F(handoff, others_run_while_a_g_blocks_as_announced) {
  // So long a limit that only the announcement can have handed the P over.
  const gmp::options patient{.procs = 1, .handoff_after = 1h};
  EXPECT_GT(ticks_beside([] { gmp::blocking([] { compute_for(stall); }); }, patient), 10);
}

TEST_F(handoff, a_limit_of_hours_leaves_a_computing_g_alone) {
  EXPECT_LE(ticks_beside([] { compute_for(200ms); }, {.procs = 1, .handoff_after = 1h}), 1);
}

TEST_F(handoff, a_mutex_of_the_threads_world_may_be_held_over_a_park) {
  gmp::run(
      [] {
        std::mutex world;
        int turns = 0;
        gmp::wait_group done;
        done.add(8);
        for (int k = 0; k < 8; ++k) {
          gmp::go([&] {
            for (int i = 0; i < 5; ++i) {
              // Not lock_guard on one G: glibc's plain mutex may be unlocked by any thread.
              world.lock();
              gmp::this_g::sleep_for(1ms);
              ++turns;
              world.unlock();
            }
            done.done();
          });
        }
        done.wait();
        EXPECT_EQ(turns, 40);
      },
      {.procs = 1});
}

TEST_F(handoff, a_static_may_be_initialised_over_a_park) {
  gmp::run(
      [] {
        auto value = [] {
          static const int once = [] {
            gmp::this_g::sleep_for(20ms);
            return 42;
          }();
          return once;
        };
        std::atomic<int> sum = 0;
        gmp::wait_group done;
        done.add(6);
        for (int k = 0; k < 6; ++k)
          gmp::go([&] {
            sum += value();
            done.done();
          });
        done.wait();
        EXPECT_EQ(sum, 6 * 42);
      },
      {.procs = 1});
}

TEST_F(handoff, blocking_gives_results_references_and_exceptions) {
  gmp::run([] {
    int variable = 1;
    static_assert(
        std::is_same_v<decltype(gmp::blocking([&]() -> int& { return variable; })), int&>);
    gmp::blocking([&]() -> int& { return variable; }) = 7;
    EXPECT_EQ(variable, 7);
    EXPECT_EQ(*gmp::blocking([] { return std::make_unique<int>(3); }), 3);
    gmp::blocking([&] { variable = 8; });
    EXPECT_EQ(variable, 8);
    EXPECT_THROW(gmp::blocking([] { throw std::runtime_error("out"); }), std::runtime_error);
    EXPECT_EQ(gmp::blocking([] { return gmp::blocking([] { return 5; }); }), 5);
  });
  EXPECT_EQ(gmp::blocking([] { return 9; }), 9);  // on a plain thread
}

TEST_F(handoff, everything_works_without_a_p) {
  gmp::run(
      [] {
        gmp::mutex lock;
        auto ch = gmp::make_chan<int>(1);
        auto echo = gmp::make_chan<int>();
        gmp::go([=] {
          for (int v : ch) echo.send(v + 1);
        });
        int children = 0;
        gmp::blocking([&] {
          for (int i = 0; i < 50; ++i) {
            ch.send(i);
            EXPECT_EQ(echo.recv(), i + 1);
            lock.lock();
            gmp::spawn([&] { ++children; }).wait();
            lock.unlock();
            gmp::this_g::yield();
            gmp::this_g::sleep_for(100us);
            EXPECT_THROW(gmp::blocking([] { throw 1; }), int);
          }
        });
        EXPECT_EQ(children, 50);
        ch.close();
      },
      {.procs = 1});
}

// A G that blocks again and again, and others that want the P all the time.
TEST_F(handoff, who_comes_back_gets_its_turn) {
  gmp::run(
      [] {
        std::atomic<bool> over = false;
        gmp::wait_group done;
        done.add(3);
        for (int k = 0; k < 3; ++k)
          gmp::go([&] {
            while (!over) gmp::this_g::yield();
            done.done();
          });
        for (int i = 0; i < 100; ++i) gmp::blocking([] { ::usleep(50); });
        over = true;
        done.wait();
        EXPECT_GE(gmp::stats().handoffs, 100u);
      },
      {.procs = 1});
}

TEST_F(handoff, a_thousand_blocked_gs_leave_the_others_running_and_the_threads_go) {
  const int many = sanitized ? 100 : 1'000;
  gmp::runtime scheduler({.procs = 2});
  scheduler.run([&] {
    gmp::wait_group blocked;
    blocked.add(many);
    for (int k = 0; k < many; ++k)
      gmp::go([&] {
        ::poll(nullptr, 0, 2'000);
        blocked.done();
      });
    std::atomic<bool> over = false;
    int ticks = 0;
    gmp::wait_group ticker;
    ticker.add(1);
    gmp::go([&] {
      while (!over) {
        gmp::this_g::sleep_for(1ms);
        ++ticks;
      }
      ticker.done();
    });
    blocked.wait();
    over = true;
    ticker.wait();
    EXPECT_GT(ticks, 20);
    EXPECT_GT(scheduler.stats().threads, static_cast<unsigned>(many) / 4);
  });
  const auto start = clock_type::now();
  const unsigned base = 2 + 4 + 1;
  while (scheduler.stats().threads > base) {
    ASSERT_LT(clock_type::now() - start, 60s) << scheduler.stats().threads;
    std::this_thread::sleep_for(50ms);
  }
  // Those that left are used again.
  scheduler.run([] {
    gmp::wait_group blocked;
    blocked.add(20);
    for (int k = 0; k < 20; ++k)
      gmp::go([&] {
        gmp::blocking([] { ::usleep(50'000); });
        blocked.done();
      });
    blocked.wait();
  });
}

TEST_F(handoff, one_thread_means_that_who_stalls_keeps_the_p) {
  testing::internal::CaptureStderr();
  EXPECT_LE(ticks_beside([] { compute_for(100ms); }, {.procs = 1, .max_threads = 1}), 1);
  EXPECT_LE(ticks_beside([] { gmp::blocking([] { ::usleep(100'000); }); },
                         {.procs = 1, .max_threads = 1}),
            1);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("max_threads is 1"), std::string::npos) << said;
}

TEST_F(handoff, past_max_threads_work_goes_on_as_threads_come_free) {
  testing::internal::CaptureStderr();
  gmp::run(
      [] {
        std::atomic<int> ended = 0;
        gmp::wait_group done;
        done.add(20);
        for (int k = 0; k < 20; ++k)
          gmp::go([&] {
            ::usleep(20'000);
            ++ended;
            done.done();
          });
        done.wait();
        EXPECT_EQ(ended, 20);
      },
      {.procs = 2, .max_threads = 4});
  const std::string said = testing::internal::GetCapturedStderr();
  const auto first = said.find("max_threads is 4");
  EXPECT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find("max_threads is 4", first + 1), std::string::npos) << said;
}

TEST_F(handoff, stop_waits_for_a_g_in_foreign_code_that_comes_back) {
  std::atomic<int> unwound = 0;
  {
    gmp::runtime scheduler({.procs = 1});
    struct mark {
      std::atomic<int>& count;
      ~mark() { ++count; }
    };
    auto in = std::make_shared<std::atomic<bool>>(false);
    scheduler.go([&unwound] {
      mark here{unwound};
      gmp::this_g::sleep_for(1h);
    });
    scheduler.go([&unwound, in] {
      mark here{unwound};
      *in = true;
      ::usleep(300'000);
      gmp::this_g::sleep_for(1h);
    });
    while (!*in) std::this_thread::yield();
  }
  EXPECT_EQ(unwound, 2);
}

// The sum of all threads' context switches that were asked for by the thread.
long voluntary_switches() {
  long sum = 0;
  const std::string out = [] {
    std::string text;
    FILE* pipe = ::popen(
        ("cat /proc/" + std::to_string(::getpid()) + "/task/*/status | grep '^voluntary' | cut -f2")
            .c_str(),
        "r");
    char buffer[4096];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
      text.append(buffer, n);
    ::pclose(pipe);
    return text;
  }();
  for (std::size_t at = 0; at < out.size(); at = out.find('\n', at) + 1) sum += std::atol(&out[at]);
  return sum;
}

TEST_F(handoff, an_idle_runtime_does_not_wake_up) {
  gmp::runtime scheduler({.procs = 2});
  auto never = gmp::make_chan<void>();
  scheduler.run([&] {
    for (int k = 0; k < 10; ++k) gmp::go([never] { never.recv(); });
    compute_for(50ms);
  });
  // A noisy machine may be late with the last of it; some second is quiet.
  long least = 1'000'000;
  for (int i = 0; i < 10 && least > 15; ++i) {
    const long before = voluntary_switches();
    std::this_thread::sleep_for(1s);
    least = std::min(least, voluntary_switches() - before);
  }
  EXPECT_LE(least, 15);  // those of this thread and of what it does to count
  never.close();
}

}  // namespace
