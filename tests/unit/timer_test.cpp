#include <gmp/timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <gmp/wait_group.hpp>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using gmp::chan_status;

class timer_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(timer_at, 1u, 2u, 4u, 8u);
class timer_unit : public in_runtime {};

static_assert(!std::is_copy_constructible_v<gmp::timer> &&
              std::is_nothrow_move_constructible_v<gmp::timer>);
static_assert(std::is_same_v<decltype(gmp::after(1s)), gmp::recv_chan<clock_type::time_point>>);

chan_status look(const gmp::recv_chan<clock_type::time_point>& ch) {
  std::optional<clock_type::time_point> value;
  return ch.try_recv(value);
}

TEST_P(timer_at, after_is_never_early_and_tells_its_time) {
  run([&] {
    const auto start = clock_type::now();
    auto ch = gmp::after(2ms);
    EXPECT_EQ(ch.len(), 0u);
    EXPECT_EQ(ch.cap(), 0u);
    gmp::this_g::sleep_for(4ms);
    EXPECT_EQ(ch.len(), 0u);
    const auto due = ch.recv();
    ASSERT_TRUE(due);
    EXPECT_GE(clock_type::now(), *due);
    EXPECT_GE(*due, start + 2ms);
    EXPECT_LT(*due, start + 2s);
    EXPECT_EQ(look(ch), chan_status::would_block);
    EXPECT_TRUE(gmp::after(0s).recv());
    EXPECT_TRUE(gmp::after(-1h).recv());
    EXPECT_TRUE(gmp::after(std::chrono::nanoseconds::min()).recv());
    EXPECT_TRUE(gmp::after(std::chrono::duration<double>(1e-6)).recv());
  });
}

// The longest durations never fire and disturb nobody. (Go: TestOverflowSleep.)
TEST_P(timer_at, the_longest_durations_never_fire) {
  run([&] {
    auto never = gmp::after(std::chrono::nanoseconds::max());
    auto ages = gmp::after(std::chrono::hours::max());
    gmp::timer also(std::chrono::nanoseconds::max());
    EXPECT_EQ(gmp::select(gmp::on_recv(never, [](auto) {}), gmp::on_recv(ages, [](auto) {}),
                          gmp::on_recv(also.channel(), [](auto) {}), gmp::on_timeout(5ms)),
              3u);
    EXPECT_TRUE(also.stop());
    EXPECT_FALSE(also.reset(1us));
    also.channel().recv();
  });
}

// Mixed and equal deadlines arrive in order. (Go: TestAfterQueuing.)
TEST_P(timer_at, fires_in_order_of_the_deadlines) {
  run([&] {
    const std::vector<int> slots{5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0};
    auto out = gmp::make_chan<std::pair<int, clock_type::time_point>>();
    for (int slot : slots) {
      gmp::go([slot, out] {
        auto due = gmp::after(std::chrono::milliseconds(2 * slot)).recv();
        out.send({slot, *due});
      });
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
      auto [slot, due] = *out.recv();
      EXPECT_GE(clock_type::now(), due);
    }
  });
}

TEST_P(timer_at, stop_and_reset_say_what_they_prevented) {
  run([&] {
    gmp::timer t(1h);
    EXPECT_TRUE(t.stop());
    EXPECT_FALSE(t.stop());
    EXPECT_FALSE(t.reset(1h));
    EXPECT_TRUE(t.reset(1h));
    EXPECT_TRUE(t.reset(0s));
    t.channel().recv();
    EXPECT_FALSE(t.stop());
    EXPECT_FALSE(t.reset(0s));
    gmp::this_g::sleep_for(3ms);  // it has fired, unread
    EXPECT_TRUE(t.stop());
    EXPECT_EQ(look(t.channel()), chan_status::would_block);
    EXPECT_FALSE(t.stop());
    t.reset(0s);
    gmp::this_g::sleep_for(3ms);
    EXPECT_TRUE(t.reset(1h));  // takes the value with it
    EXPECT_EQ(look(t.channel()), chan_status::would_block);
  });
}

TEST_P(timer_at, a_moved_or_dropped_timer) {
  run([&] {
    std::optional<gmp::timer> t(std::in_place, 1ms);
    auto ch = t->channel();
    EXPECT_TRUE(ch == t->channel());
    gmp::timer other(std::move(*t));
    EXPECT_FALSE(t->channel());
    EXPECT_FALSE(t->stop());
    EXPECT_FALSE(t->reset(1s));
    EXPECT_TRUE(ch == other.channel());
    ch.recv();
    other.reset(1ms);
    t.emplace(1h);
    *t = std::move(other);
    t.reset();  // stopped by its end
    std::optional<clock_type::time_point> value;
    EXPECT_EQ(ch.recv_for(value, 5ms), chan_status::would_block);
  });
}

// Expiry races with stop: true means that no value comes, false that it was there for the receiver.
// (Go: TestStopResult.)
TEST_P(timer_at, stop_and_expiry_agree) {
  run([&] {
    gmp::wait_group all;
    for (int i = 0; i < scaled(500); ++i) {
      all.go([&, i] {
        gmp::timer t(std::chrono::microseconds(i % 40));
        auto got = gmp::make_chan<int>(1);
        gmp::wait_group receiver;
        auto quit = gmp::make_chan<void>();
        receiver.go([&] {
          gmp::select(gmp::on_recv(t.channel(), [&](auto) { got.send(1); }),
                      gmp::on_recv(quit, [](bool) {}));
        });
        for (int y = 0; y < i % 5; ++y) gmp::this_g::yield();
        const bool prevented = t.stop();
        if (prevented) {
          EXPECT_EQ(look(t.channel()), chan_status::would_block);
          quit.close();
        }
        receiver.wait();
        EXPECT_EQ(got.len(), prevented ? 0u : 1u);
        quit = {};
      });
    }
    all.wait();
  });
}

// Reset from several Gs at once, to all kinds of times: the last word holds, and it always fires in
// the end.
TEST_P(timer_at, concurrent_resets_lose_nothing) {
  run([&] {
    gmp::timer t(1h);
    gmp::wait_group all;
    for (int i = 0; i < 8; ++i) {
      all.go([&, i] {
        for (int k = 0; k < scaled(300); ++k) {
          switch ((i + k) % 4) {
            case 0:
              t.reset(1h);
              break;
            case 1:
              t.reset(0s);
              break;
            case 2:
              t.stop();
              break;
            default:
              t.reset(std::chrono::microseconds(k));
              look(t.channel());
          }
        }
      });
    }
    std::thread outside([&] {
      for (int k = 0; k < scaled(300); ++k) t.reset(std::chrono::microseconds(k % 3));
    });
    all.wait();
    outside.join();
    t.reset(1h);
    EXPECT_EQ(look(t.channel()), chan_status::would_block);
    for (int k = 0; k < 10; ++k) {  // to the past, many times (Go: TestTimerModifiedEarlier)
      t.reset(1h);
      t.reset(-1s);
      EXPECT_TRUE(t.channel().recv());
    }
  });
}

// A zero timer set while its P goes idle is not lost. (Go: TestZeroTimer.)
TEST_P(timer_at, zero_timers) {
  run([&] {
    for (int i = 0; i < scaled(10'000); ++i) gmp::after(0s).recv();
  });
}

TEST_P(timer_at, a_ticker_keeps_its_beat) {
  run([&] {
    gmp::ticker t(2ms);
    EXPECT_EQ(t.channel().cap(), 0u);
    const auto first = *t.channel().recv();
    auto last = first;
    for (int i = 0; i < 5; ++i) {
      const auto next = *t.channel().recv();
      EXPECT_GT(next, last);
      EXPECT_EQ((next - first) % 2ms, 0ns);  // multiples of the period, whatever was missed
      last = next;
    }
    t.reset(3ms);
    const auto again = *t.channel().recv();
    EXPECT_GE(again, last + 3ms - 2ms);
    t.stop();
    std::optional<clock_type::time_point> value;
    EXPECT_EQ(t.channel().recv_for(value, 8ms), chan_status::would_block);
    t.reset(1ms);
    t.channel().recv();
  });
}

TEST_P(timer_at, a_ticker_drops_what_nobody_takes) {
  run([&] {
    gmp::ticker t(1ms);
    gmp::this_g::sleep_for(10ms);
    ASSERT_EQ(look(t.channel()), chan_status::ok);
    int at_once = 0;
    while (look(t.channel()) == chan_status::ok) ++at_once;
    EXPECT_LE(at_once, 1);  // one may have come meanwhile; never a burst
  });
}

// A period that nobody can keep up with. (Go: TestTickerStress.)
TEST_P(timer_at, the_fastest_ticker) {
  run([&] {
    gmp::ticker t(1ns);
    gmp::wait_group all;
    for (int i = 0; i < 4; ++i) {
      all.go([&] {
        for (int k = 0; k < 25; ++k) EXPECT_TRUE(t.channel().recv());
      });
    }
    all.wait();
  });
}

// Many wait for one ticker in selects. (Go: TestMultiWakeupTicker.)
TEST_P(timer_at, selects_on_one_ticker) {
  run([&] {
    gmp::ticker t(50us);
    auto other = gmp::make_chan<int>();
    gmp::wait_group all;
    for (int i = 0; i < 8; ++i) {
      all.go([&] {
        for (int k = 0; k < 10; ++k) {
          EXPECT_EQ(
              gmp::select(gmp::on_recv(other, [](auto) {}), gmp::on_recv(t.channel(), [](auto) {})),
              1u);
        }
      });
    }
    all.wait();
  });
}

TEST_F(timer_unit, periods_must_be_positive) {
  run_at(1, [] {
    EXPECT_THROW(gmp::ticker(0s), std::invalid_argument);
    EXPECT_THROW(gmp::ticker(-1s), std::invalid_argument);
    gmp::ticker t(1h);
    EXPECT_THROW(t.reset(0s), std::invalid_argument);
    gmp::ticker other(std::move(t));
    EXPECT_FALSE(t.channel());
    t.stop();
    t.reset(1s);
  });
}

TEST_F(timer_unit, without_a_runtime_there_is_no_time) {
  EXPECT_THROW((void)gmp::after(1ms), std::system_error);
  EXPECT_THROW(gmp::timer(1h), std::system_error);
  EXPECT_THROW(gmp::ticker(1s), std::system_error);
}

TEST_F(timer_unit, plain_threads_have_timers_while_a_runtime_exists) {
  gmp::options wanted;
  wanted.procs = 2;
  gmp::runtime rt(std::move(wanted));
  const auto start = clock_type::now();
  EXPECT_GE(*gmp::after(2ms).recv(), start + 2ms);
  gmp::ticker t(1ms);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(t.channel().recv());
  gmp::timer once_more(1h);
  EXPECT_TRUE(once_more.reset(1ms));
  EXPECT_TRUE(once_more.channel().recv());
}

// Timers outlive the runtime that kept their time; they only never fire.
TEST_F(timer_unit, timers_outlive_their_runtime) {
  std::optional<gmp::timer> t;
  std::optional<gmp::ticker> k;
  gmp::recv_chan<clock_type::time_point> ch;
  run_at(2, [&] {
    t.emplace(1h);
    k.emplace(1h);
    ch = gmp::after(1h);
  });
  EXPECT_TRUE(t->stop());
  EXPECT_THROW(t->reset(1s), std::system_error);
  k.reset();
  ch = {};
  run_at(1, [&] {
    t->reset(1ms);
    t->channel().recv();
  });
}

// Dropped unread, they leave nothing: neither memory nor timers. (Seen by the leak checker, and by
// how long this takes.)
TEST_P(timer_at, dropped_channels_cost_nothing) {
  run([&] {
    for (int i = 0; i < scaled(20'000); ++i) {
      auto ch = gmp::after(1h);
      gmp::timer t(1h);
    }
    for (int i = 0; i < scaled(2'000); ++i) (void)gmp::after(std::chrono::microseconds(i % 8));
  });
}

}  // namespace
