// Tickers, and timers under contention: nothing stale, nothing lost.
#include <gmp/timer.hpp>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using clock_type = std::chrono::steady_clock;
using gmp::chan_status;

class ticker_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(ticker_conformance, 1u, 2u, 4u);

// Go: TestTicker
TEST_P(ticker_conformance, n_ticks_take_n_periods_and_reset_changes_the_period) {
  run([] {
    const int n = 5;
    const auto period = 4ms;
    auto start = clock_type::now();
    gmp::ticker ticks(period);
    for (int i = 0; i < n; ++i) ticks.channel().recv();
    EXPECT_GE(clock_type::now() - start, (n - 1) * period);
    start = clock_type::now();
    ticks.reset(2 * period);
    for (int i = 0; i < n; ++i) ticks.channel().recv();
    EXPECT_GE(clock_type::now() - start, (n - 1) * 2 * period);
    ticks.stop();
    gmp::this_g::sleep_for(5 * period);
    std::optional<clock_type::time_point> value;
    EXPECT_EQ(ticks.channel().try_recv(value), chan_status::would_block);
  });
}

// Go: TestTickerStress, TestTickerConcurrentStress
TEST_P(ticker_conformance, the_fastest_ticker_serves_one_and_ten_receivers) {
  run([] {
    for (int receivers : {1, 10}) {
      gmp::ticker ticks(1ns);
      std::atomic<int> got = 0;
      crowd all;
      for (int r = 0; r < receivers; ++r) {
        all.go([&, ch = ticks.channel()] {
          for (int i = 0; i < 100; ++i) got += ch.recv().has_value();
        });
      }
      all.wait();
      EXPECT_EQ(got, 100 * receivers);
    }
  });
}

// Go: TestTeardown
TEST_P(ticker_conformance, making_and_stopping_does_not_hang) {
  run([] {
    int made = 0;
    for (int i = 0; i < scaled(200); ++i) {
      gmp::ticker ticks(20us);
      if (i % 3 == 0) ticks.channel().recv();
      ticks.stop();
      ++made;
    }
    EXPECT_EQ(made, scaled(200));
  });
}

// Go: TestNewTickerLtZeroDuration, TestTickerResetLtZeroDuration
TEST_P(ticker_conformance, periods_must_be_positive) {
  run([] {
    EXPECT_THROW(gmp::ticker(0s), std::invalid_argument);
    EXPECT_THROW(gmp::ticker(-1s), std::invalid_argument);
    gmp::ticker ticks(1h);
    EXPECT_THROW(ticks.reset(0s), std::invalid_argument);
    EXPECT_THROW(ticks.reset(-1s), std::invalid_argument);
  });
}

// Go: TestTickerStopWithDirectInitialization: stopping what is stopped already, or moved from, does
// no harm.
TEST_P(ticker_conformance, stopping_twice_or_when_moved_from_is_harmless) {
  run([] {
    gmp::ticker a(1h);
    a.stop();
    a.stop();
    gmp::ticker b = std::move(a);
    a.stop();
    b.reset(100us);
    EXPECT_TRUE(b.channel().recv());
  });
}

// Go: TestTickTimes
TEST_P(ticker_conformance, a_tick_read_late_tells_when_it_was_due) {
  run([] {
    const auto start = clock_type::now();
    gmp::ticker ticks(5ms);
    gmp::this_g::sleep_for(60ms);
    EXPECT_LT(*ticks.channel().recv() - start, 50ms);
  });
}

// Go: TestMultiWakeupTicker, TestMultiWakeupTimer
TEST_P(ticker_conformance, many_selects_wait_for_one_timer) {
  run([] {
    gmp::ticker ticks(50us);
    gmp::timer once(1ms);
    std::atomic<int> woken = 0;
    crowd all;
    for (int i = 0; i < 10; ++i) {
      all.go([&, tick = ticks.channel(), one = once.channel()] {
        for (int k = 0; k < 20; ++k) {
          gmp::select(gmp::on_recv(tick), gmp::on_recv(one));
          ++woken;
        }
      });
    }
    all.wait();
    EXPECT_EQ(woken, 200);
  });
}

// Go: TestStopResult, TestResetResult: what stop and reset say agrees with what is in the channel.
void race_with_expiry(bool reset, std::atomic<int>& wrong) {
  gmp::timer t(std::chrono::microseconds(100));
  auto ch = t.channel();
  if (gmp::this_g::id() % 2 == 0) gmp::this_g::yield();
  std::optional<clock_type::time_point> value;
  if (gmp::this_g::id() % 3 == 0) gmp::this_g::sleep_for(100us);  // near the expiry
  const bool prevented = reset ? t.reset(1h) : t.stop();
  // Nobody has received: whether it had fired or not, the value that could have been read was taken
  // away.
  if (!prevented) ++wrong;
  if (ch.try_recv(value) != chan_status::would_block) ++wrong;
}
TEST_P(ticker_conformance, stop_and_reset_leave_no_stale_value_when_racing_with_expiry) {
  run([] {
    for (bool reset : {false, true}) {
      std::atomic<int> wrong = 0;
      crowd all;
      for (int i = 0; i < scaled_gs(500); ++i)
        all.go([&, reset] { race_with_expiry(reset, wrong); });
      all.wait();
      EXPECT_EQ(wrong, 0);
    }
  });
}

// The same with a receiver: the value goes to it, or stop says that it prevented it, and never both
// or neither.
TEST_P(ticker_conformance, a_value_is_received_or_prevented) {
  run([] {
    int both = 0, neither = 0;
    for (int i = 0; i < scaled(300); ++i) {
      gmp::timer t(std::chrono::microseconds(i % 60));
      auto give_up = gmp::make_chan<void>();
      auto receiver = gmp::spawn([ch = t.channel(), give_up] {
        return gmp::select(gmp::on_recv(ch), gmp::on_recv(give_up)) == 0;
      });
      gmp::this_g::sleep_for(std::chrono::microseconds(i % 50));
      const bool prevented = t.stop();
      give_up.close();
      const bool received = receiver.get();
      both += prevented && received;
      neither += !prevented && !received;
    }
    EXPECT_EQ(both, 0);
    // A receiver that is woken by both at once may choose the other case only if the value was
    // still to be had: then stop would have prevented it.
    EXPECT_EQ(neither, 0);
  });
}

// Go: TestLongAdjustTimers: many sleepers, then very many timers that nobody waits for any more.
TEST_P(ticker_conformance, dead_timers_cost_nothing_later) {
  run([] {
    const int sleepers = scaled_gs(2'000);
    crowd all;
    for (int i = 0; i < sleepers; ++i) all.go([] { gmp::this_g::sleep_for(10us); });
    all.wait();
    auto queue = gmp::make_chan<gmp::recv_chan<clock_type::time_point>>(1);
    const int n = scaled(50'000);
    auto made = gmp::spawn([queue] {
      int count = 0;
      for (auto timer : queue) {
        count += static_cast<bool>(timer);
        if (count % 1'000 == 0) gmp::this_g::yield();
      }
      return count;
    });
    const auto start = clock_type::now();
    for (int i = 0; i < n; ++i) queue.send(gmp::after(5s));
    queue.close();
    EXPECT_EQ(made.get(), n);
    EXPECT_LT(clock_type::now() - start, 20s);
  });
}

// Go: TestChan of tick_test (timers since Go 1.23)
TEST_P(ticker_conformance, channels_of_timers_look_unbuffered_and_hold_nothing_stale) {
  run([] {
    gmp::timer t(1us);
    auto ch = t.channel();
    EXPECT_EQ(ch.cap(), 0u);
    gmp::this_g::sleep_for(2ms);  // expired, unread
    EXPECT_EQ(ch.len(), 0u);
    EXPECT_TRUE(t.stop());
    std::optional<clock_type::time_point> value;
    EXPECT_EQ(ch.try_recv(value), chan_status::would_block);
    t.reset(1us);
    gmp::this_g::sleep_for(2ms);
    EXPECT_TRUE(t.reset(1h));
    EXPECT_EQ(ch.try_recv(value), chan_status::would_block);
    // Receivers that wait already are served after a reset.
    auto waiting = gmp::spawn([ch] { return ch.recv().has_value(); });
    auto selecting =
        gmp::spawn([ch] { return gmp::select(gmp::on_recv(ch), gmp::on_recv(gmp::chan<int>())); });
    until([&] { return receivers_waiting(ch) == 2; });
    t.reset(1ms);
    until([&] { return receivers_waiting(ch) <= 1; });
    until([&] {
      t.reset(1ms);
      gmp::this_g::sleep_for(2ms);
      return receivers_waiting(ch) == 0;
    });
    EXPECT_TRUE(waiting.get());
    EXPECT_EQ(selecting.get(), 0u);
  });
}

}  // namespace
