// Timers and sleeping: what Go's time tests check, one timer at a time.
#include <csignal>
#include <random>

#include <gmp/timer.hpp>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using clock_type = std::chrono::steady_clock;
using gmp::chan_status;

class timer_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(timer_conformance, 1u, 2u, 4u);

void no_effect(int) {}

// Go: TestSleep: a signal in the midst does not shorten it; runtime
// TestSpuriousWakeupsNeverHangSemasleep: nor lengthen it.
TEST_P(timer_conformance, a_sleep_interrupted_by_signals_lasts_as_long_as_asked) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = &no_effect;
  action.sa_flags = SA_ONSTACK;
  ::sigaction(SIGUSR1, &action, &before);
  run([] {
    auto stop = gmp::make_chan<void>();
    std::thread shots([stop] {
      while (stop.recv_for(1ms) == chan_status::would_block) ::kill(::getpid(), SIGUSR1);
    });
    const auto start = clock_type::now();
    gmp::this_g::sleep_for(30ms);
    const auto took = clock_type::now() - start;
    stop.close();
    shots.join();
    EXPECT_GE(took, 30ms);
    EXPECT_LT(took, 10s);
  });
  ::sigaction(SIGUSR1, &before, nullptr);
}

// Go: TestAfterFunc: ten in a row, each started by the one before, in Gs that may block.
void chain(int left, gmp::chan<void> done) {
  gmp::after(0s).recv();
  if (left == 0) {
    done.send();
  } else {
    gmp::go(&chain, left - 1, done);
    gmp::chan<void>().recv();  // blocks its own G only
  }
}
TEST_P(timer_conformance, timers_start_gs_that_start_timers) {
  run([] {
    auto done = gmp::make_chan<void>();
    gmp::go(&chain, 10, done);
    EXPECT_TRUE(done.recv());
  });
}

// Go: TestAfter, TestAfterTick
TEST_P(timer_conformance, after_is_not_early) {
  run([] {
    for (int i = 0; i < 5; ++i) {
      const auto start = clock_type::now();
      const auto value = gmp::after(5ms).recv();
      EXPECT_GE(clock_type::now() - start, 5ms);
      EXPECT_GE(*value, start + 5ms);
    }
  });
}

// Go: TestAfterStop
TEST_P(timer_conformance, a_stopped_timer_does_not_fire) {
  run([] {
    gmp::timer early(1h), late(1h), short_one(2ms);
    EXPECT_TRUE(early.stop());
    EXPECT_FALSE(early.stop());
    EXPECT_TRUE(late.stop());
    EXPECT_TRUE(short_one.channel().recv());
    EXPECT_FALSE(short_one.stop());
    EXPECT_EQ(early.channel().len(), 0u);
    std::optional<clock_type::time_point> value;
    EXPECT_EQ(early.channel().try_recv(value), chan_status::would_block);
  });
}

// The slots in the order in which their timers fired, and whether each fired late enough.
std::vector<int> fire_queued(const std::vector<int>& slots) {
  const auto start = clock_type::now() + 10ms;
  auto results = gmp::make_chan<std::pair<int, clock_type::time_point>>(slots.size());
  crowd all;
  for (int slot : slots) {
    auto ch = gmp::after(start + slot * 3ms - clock_type::now());
    all.go([=] { results.send({slot, *ch.recv()}); });
  }
  all.wait();
  results.close();
  std::vector<std::pair<clock_type::time_point, int>> fired;
  for (auto [slot, when] : results) {
    EXPECT_GE(when, start + slot * 3ms - 1ms);
    fired.emplace_back(when, slot);
  }
  std::sort(fired.begin(), fired.end());
  std::vector<int> order;
  for (auto& [when, slot] : fired) order.push_back(slot);
  return order;
}

// Go: TestAfterQueuing: in the order of the deadlines, whatever the order of the making. As there,
// another try if a thread stood still between a look at the clock and the timer made by it.
TEST_P(timer_conformance, timers_fire_in_the_order_of_their_deadlines) {
  run([] {
    const std::vector<int> slots{5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0};
    constexpr int tries = 10;
    bool in_order = false;
    for (int i = 0; i < tries && !in_order; ++i) {
      const std::vector<int> order = fire_queued(slots);
      EXPECT_EQ(order.size(), slots.size());
      in_order = std::is_sorted(order.begin(), order.end());
    }
    EXPECT_TRUE(in_order);
  });
}

// Go: TestTimerStopStress
TEST_P(timer_conformance, a_hundred_stopped_timers_stay_silent) {
  run([] {
    std::vector<gmp::timer> timers;
    for (int i = 0; i < 100; ++i) timers.emplace_back(20ms);
    for (auto& each : timers) each.stop();
    gmp::this_g::sleep_for(30ms);  // past their time
    int fired = 0;
    for (auto& each : timers) {
      std::optional<clock_type::time_point> value;
      fired += each.channel().try_recv(value) == chan_status::ok;
    }
    EXPECT_EQ(fired, 0);
  });
}

// Go: TestSleepZeroDeadlock
TEST_P(timer_conformance, sleeping_for_nothing_does_not_park) {
  run([] {
    auto ch = gmp::make_chan<int>();
    gmp::go([ch] {
      for (int i = 0; i < 100; ++i) {
        gmp::this_g::sleep_for(0s);
        ch.send(i);
      }
      ch.close();
    });
    int got = 0;
    for (int v : ch) {
      gmp::this_g::sleep_for(0ns);
      EXPECT_EQ(v, got++);
    }
    EXPECT_EQ(got, 100);
  });
}

// Go: TestReset
TEST_P(timer_conformance, reset_moves_the_deadline_and_says_whether_it_was_pending) {
  run([] {
    const auto start = clock_type::now();
    gmp::timer t(1h);
    EXPECT_TRUE(t.reset(2h));
    EXPECT_TRUE(t.reset(4ms));
    EXPECT_TRUE(t.channel().recv());
    EXPECT_GE(clock_type::now() - start, 4ms);
    EXPECT_FALSE(t.reset(1ms));
    EXPECT_TRUE(t.channel().recv());
    EXPECT_FALSE(t.stop());
  });
}

// Go: TestOverflowSleep, TestOverflowPeriodRuntimeTimer
TEST_P(timer_conformance, the_longest_durations_neither_fire_nor_disturb) {
  run([] {
    static constexpr auto longest = std::chrono::nanoseconds::max();
    auto far = gmp::after(longest), farther = gmp::after(std::chrono::hours::max());
    gmp::timer reset_far(1ms);
    reset_far.reset(longest);
    gmp::ticker slow(longest);
    const auto start = clock_type::now();
    EXPECT_EQ(
        gmp::select(gmp::on_recv(far), gmp::on_recv(farther), gmp::on_recv(reset_far.channel()),
                    gmp::on_recv(slow.channel()), gmp::on_recv(gmp::after(5ms))),
        4u);
    EXPECT_GE(clock_type::now() - start, 5ms);
    EXPECT_TRUE(gmp::after(std::chrono::nanoseconds::min()).recv());
    gmp::this_g::sleep_for(std::chrono::nanoseconds::min());
    EXPECT_EQ(gmp::select(gmp::on_recv(far), gmp::on_timeout(1ms)), 1u);
    gmp::go([] { gmp::this_g::sleep_for(longest); });
    yield_often();
    EXPECT_EQ(gmp::stats().live, 2u);
  });
}

// Go: TestZeroTimer
TEST_P(timer_conformance, timers_of_no_duration_are_never_lost) {
  run([] {
    const int n = scaled(20'000);
    int late = 0;
    gmp::timer reused(0s);
    reused.channel().recv();
    for (int i = 0; i < n; ++i) {
      const auto start = clock_type::now();
      if (i % 2 == 0) {
        gmp::after(0s).recv();
      } else {
        reused.reset(0s);
        reused.channel().recv();
      }
      late += clock_type::now() - start > 2s;
    }
    EXPECT_EQ(late, 0);
  });
}

// Go: TestTimerModifiedEarlier
TEST_P(timer_conformance, a_timer_moved_into_the_past_fires_promptly) {
  run([] {
    for (int i = 0; i < 10; ++i) {
      gmp::timer t(1h);
      t.stop();
      t.reset(-1s);
      EXPECT_EQ(gmp::select(gmp::on_recv(t.channel()), gmp::on_timeout(5s)), 0u);
    }
  });
}

// Go: TestAdjustTimers
TEST_P(timer_conformance, a_short_timer_among_many_that_move_is_in_time) {
  run([] {
    std::vector<gmp::timer> many;
    for (int i = 0; i < 100; ++i) many.emplace_back(1h);
    std::mt19937 random(7);
    for (int round = 0; round < 20; ++round) {
      const auto start = clock_type::now();
      auto soon = gmp::after(1ms);
      for (int k = 0; k < 50; ++k) {
        gmp::timer& one = many[random() % many.size()];
        switch (random() % 3) {
          case 0:
            one.reset(std::chrono::milliseconds(random() % 20));
            break;
          case 1:
            one.reset(std::chrono::minutes(1 + random() % 60));
            break;
          default:
            one.stop();
        }
      }
      soon.recv();
      EXPECT_LT(clock_type::now() - start, 750ms);
    }
  });
}

// Go: TestAfterTimes: a value that is read late carries the time at which it should have fired.
TEST_P(timer_conformance, a_value_read_late_tells_when_it_was_due) {
  run([] {
    const auto start = clock_type::now();
    auto ch = gmp::after(2ms);
    gmp::this_g::sleep_for(40ms);
    EXPECT_LT(*ch.recv() - start, 30ms);
  });
}

// Go: TestAfterFuncStarvation
TEST_P(timer_conformance, a_timer_fires_beside_a_pair_that_never_rests) {
  run([] {
    auto ch = gmp::make_chan<bool>(1);
    auto stop = gmp::make_chan<void>();
    crowd pair;
    pair.go([=] {
      while (gmp::select(gmp::on_recv(stop), gmp::on_send(ch, true)) != 0) {
      }
    });
    pair.go([=] {
      while (gmp::select(gmp::on_recv(stop), gmp::on_recv(ch)) != 0) {
      }
    });
    EXPECT_TRUE(gmp::after(1us).recv());
    stop.close();
    pair.wait();
  });
}

}  // namespace
