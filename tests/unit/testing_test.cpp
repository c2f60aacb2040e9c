// Bubbles: time that jumps, an order that can be repeated, nobody left over.
#include <gmp/condition_variable.hpp>
#include <gmp/context.hpp>
#include <gmp/debug.hpp>
#include <gmp/defer.hpp>
#include <gmp/mutex.hpp>
#include <gmp/net.hpp>
#include <gmp/select.hpp>
#include <gmp/testing.hpp>
#include <gmp/timer.hpp>
#include <gmp/wait_group.hpp>

#include <set>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using gmp::testing::bubble;

const auto year_2000 = std::chrono::steady_clock::time_point(std::chrono::seconds(946'684'800));

TEST(bubble, hours_pass_at_once) {
  const auto before = std::chrono::steady_clock::now();
  bubble([] {
    EXPECT_EQ(gmp::testing::now(), year_2000);
    gmp::this_g::sleep_for(24h);
    EXPECT_EQ(gmp::testing::now(), year_2000 + 24h);
  });
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

// Go: TestTimerFromInsideBubble, TestTimeAfter: exact to the nanosecond.
TEST(bubble, timers_contexts_and_limits_keep_its_time) {
  bubble([] {
    const auto start = gmp::testing::now();
    EXPECT_EQ(*gmp::after(5s).recv(), start + 5s);
    gmp::ticker ticks(7s);
    for (int i = 1; i <= 3; ++i) EXPECT_EQ(*ticks.channel().recv(), start + 5s + i * 7s);
    ticks.stop();
    auto [ctx, cancel] = gmp::with_timeout(gmp::context::background(), 1h);
    ctx.done().recv();
    EXPECT_EQ(ctx.err(), std::errc::timed_out);
    EXPECT_EQ(gmp::testing::now(), start + 26s + 1h);
    std::optional<int> nothing;
    EXPECT_EQ(gmp::make_chan<int>().recv_for(nothing, 1ns), gmp::chan_status::would_block);
    EXPECT_EQ(gmp::testing::now(), start + 26s + 1h + 1ns);
    gmp::mutex lock;
    lock.lock();
    EXPECT_FALSE(lock.try_lock_for(3s));
    lock.unlock();
    EXPECT_EQ(gmp::testing::now(), start + 29s + 1h + 1ns);
  });
}

// Go: TestNow: it stands still while a G can run.
TEST(bubble, time_waits_for_who_can_run) {
  bubble([] {
    gmp::wait_group all;
    std::vector<int> order;
    for (int i : {30, 10, 20}) {
      all.go([&order, i] {
        gmp::this_g::sleep_for(std::chrono::milliseconds(i));
        order.push_back(i);
      });
    }
    for (int i = 0; i < 1'000; ++i) gmp::this_g::yield();
    EXPECT_EQ(gmp::testing::now(), year_2000);
    all.wait();
    EXPECT_EQ(order, (std::vector<int>{10, 20, 30}));
    EXPECT_EQ(gmp::testing::now(), year_2000 + 30ms);
  });
}

// Go: TestWait
// Nothing of it runs while it is looked at, and it is looked at nearly all the time.
TEST(bubble, time_passes_under_the_eyes_of_others) {
  std::atomic<bool> over = false;
  const auto look = [&over] {
    while (!over) gmp::debug::list();
  };
  std::thread thread(look);
  gmp::runtime other({.procs = 1});
  other.go(look);
  int waits = 0;
  gmp::testing::bubble([&] {
    const auto start = gmp::testing::now();
    gmp::go([] { gmp::this_g::sleep_for(50h); });
    for (int i = 0; i < 100; ++i) {
      gmp::this_g::sleep_for(1h);
      gmp::testing::wait();
      ++waits;
    }
    EXPECT_EQ(gmp::testing::now() - start, 100h);
  });
  over = true;
  thread.join();
  EXPECT_EQ(waits, 100);
}

TEST(bubble, wait_returns_when_all_others_are_blocked) {
  bubble([] {
    auto ch = gmp::make_chan<int>();
    int steps = 0;
    gmp::go([&, ch] {
      for (int i = 0; i < 100; ++i) gmp::this_g::yield();
      ++steps;
      ch.recv();
      ++steps;
    });
    gmp::testing::wait();
    EXPECT_EQ(steps, 1);
    ch.send(1);
    gmp::testing::wait();
    EXPECT_EQ(steps, 2);
    EXPECT_EQ(gmp::testing::now(), year_2000);  // the clock did not jump meanwhile
  });
  EXPECT_THROW(gmp::testing::wait(), std::logic_error);
  gmp::run([] { EXPECT_THROW(gmp::testing::wait(), std::logic_error); });
}

// Go: TestDeadlockRoot, TestDeadlockChild
TEST(bubble, who_is_left_over_is_named) {
  bool unwound = false;
  try {
    bubble([&] {
      gmp::go({.name = "forgotten"}, [&] {
        gmp::defer note{[&] { unwound = true; }};
        gmp::make_chan<int>().recv();
      });
    });
    FAIL() << "nobody was left over";
  } catch (const gmp::testing::bubble_error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("\"forgotten\" waits: chan receive"), std::string::npos) << text;
  }
  EXPECT_TRUE(unwound);
  EXPECT_THROW(bubble([] { gmp::chan<int>().recv(); }), gmp::testing::bubble_error);
}

// As in Go: time stops with the main function, or this would never end.
TEST(bubble, who_sleeps_after_the_end_is_left_over) {
  int beats = 0;
  const auto heart = [&beats] {
    for (;;) {
      gmp::this_g::sleep_for(1s);
      ++beats;
    }
  };
  try {
    bubble([&] {
      gmp::go({.name = "heart"}, heart);
      gmp::this_g::sleep_for(3500ms);
    });
    FAIL() << "nobody was left over";
  } catch (const gmp::testing::bubble_error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("left over when the main function ended"), std::string::npos) << text;
    EXPECT_NE(text.find("\"heart\" waits: sleep"), std::string::npos) << text;
  }
  EXPECT_EQ(beats, 3);
  EXPECT_THROW(bubble([&] {
                 gmp::go(heart);
                 throw std::out_of_range("x");
               }),
               std::out_of_range);
}

TEST(bubble, passes_on_what_its_main_function_throws) {
  EXPECT_THROW(bubble([] { throw std::out_of_range("x"); }), std::out_of_range);
  gmp::run([] { EXPECT_THROW(bubble([] {}), std::logic_error); });
}

std::vector<int> order_of(std::uint64_t seed) {
  std::vector<int> order;
  bubble(
      [&] {
        gmp::wait_group all;
        for (int i = 0; i < 8; ++i) {
          all.go([&order, i] {
            gmp::this_g::yield();
            order.push_back(i);
            gmp::this_g::sleep_for(1s);
            order.push_back(i);
          });
        }
        all.wait();
        auto a = gmp::make_chan<int>(8);
        for (int i = 0; i < 8; ++i) {
          gmp::select(gmp::on_send(a, 1), gmp::on_send(a, 2));
          order.push_back(*a.recv());
        }
      },
      {.seed = seed});
  return order;
}

TEST(bubble, a_seed_gives_an_order_of_its_own_again_and_again) {
  std::set<std::vector<int>> all;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const std::vector<int> first = order_of(seed);
    EXPECT_EQ(first.size(), 24u);
    EXPECT_EQ(order_of(seed), first) << seed;
    all.insert(first);
  }
  EXPECT_GE(all.size(), 5u);
}

// Nor who waits for a name, which needs no poller.
TEST(bubble, time_waits_for_names) {
  bubble([] {
    std::error_code error;
    auto timer = gmp::after(1h);
    gmp::net::resolve("name.invalid", "80", error);
    EXPECT_TRUE(error);
    EXPECT_EQ(gmp::testing::now(), year_2000);
  });
}

// Who waits for a descriptor is not durably blocked: no time passes meanwhile.
TEST(bubble, time_waits_for_descriptors) {
  bubble([] {
    auto listener = gmp::net::tcp_listener::listen("127.0.0.1:0");
    const auto where = listener.local();
    gmp::go([&listener] {
      auto one = listener.accept();
      char byte = 'x';
      one.write_all(&byte, 1);
    });
    auto timer = gmp::after(1h);
    auto peer = gmp::net::tcp_stream::connect(where);
    char byte = 0;
    EXPECT_EQ(peer.read_some(&byte, 1), 1u);
    EXPECT_EQ(byte, 'x');
    EXPECT_EQ(gmp::testing::now(), year_2000);
    timer.recv();
    EXPECT_EQ(gmp::testing::now(), year_2000 + 1h);
  });
}

}  // namespace
