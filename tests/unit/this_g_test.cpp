// The running G, and its own variables.
#include <memory>
#include <set>
#include <string>

#include <gmp/g_local.hpp>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class this_g_unit : public in_runtime {};
class this_g_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(this_g_at, 1u, 2u, 4u);

TEST_F(this_g_unit, a_plain_thread_is_no_g) {
  EXPECT_FALSE(gmp::this_g::exists());
  EXPECT_EQ(gmp::this_g::id(), 0u);
  gmp::this_g::yield();
  gmp::this_g::set_name("no effect");
  const auto start = std::chrono::steady_clock::now();
  gmp::this_g::sleep_for(2ms);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 2ms);
}

TEST_P(this_g_at, numbers_are_unique_and_stay) {
  run([] {
    EXPECT_TRUE(gmp::this_g::exists());
    const int n = 500;
    auto ids = gmp::make_chan<std::uint64_t>(n);
    crowd all;
    std::atomic<int> changed = 0;
    for (int i = 0; i < n; ++i) {
      all.go([ids, &changed] {
        const std::uint64_t id = gmp::this_g::id();
        gmp::this_g::yield();
        changed += gmp::this_g::id() != id;
        ids.send(id);
      });
    }
    all.wait();
    ids.close();
    std::set<std::uint64_t> different;
    for (std::uint64_t id : ids) different.insert(id);
    EXPECT_EQ(different.size(), static_cast<std::size_t>(n));
    EXPECT_EQ(different.count(0), 0u);
    EXPECT_EQ(different.count(gmp::this_g::id()), 0u);
    EXPECT_EQ(changed, 0);
  });
}

TEST_P(this_g_at, sleeping_is_never_early) {
  run([] {
    for (auto length : {0us, 1us, 100us, 3000us}) {
      const auto start = std::chrono::steady_clock::now();
      gmp::this_g::sleep_for(length);
      EXPECT_GE(std::chrono::steady_clock::now() - start, length);
    }
    const auto until_then = std::chrono::steady_clock::now() + 2ms;
    gmp::this_g::sleep_until(until_then);
    EXPECT_GE(std::chrono::steady_clock::now(), until_then);
    const auto wall = std::chrono::system_clock::now() + 2ms;
    gmp::this_g::sleep_until(wall);
    EXPECT_GE(std::chrono::system_clock::now(), wall - 1ms);
    gmp::this_g::sleep_for(-1h);
    gmp::this_g::sleep_until(std::chrono::steady_clock::time_point::min());
    gmp::this_g::sleep_for(std::chrono::duration<double>(0.001));
  });
}

TEST_P(this_g_at, sleepers_with_mixed_times_all_wake_and_none_early) {
  run([] {
    const auto start = std::chrono::steady_clock::now();
    std::atomic<int> woken = 0, early = 0;
    crowd all;
    for (int i : {3, 0, 2, 1, 1, 5, 4}) {
      all.go([=, &woken, &early] {
        gmp::this_g::sleep_until(start + i * 1ms);
        early += std::chrono::steady_clock::now() < start + i * 1ms;
        ++woken;
      });
    }
    all.wait();
    EXPECT_EQ(woken, 7);
    EXPECT_EQ(early, 0);
  });
}

TEST_P(this_g_at, yield_lets_everybody_have_a_turn) {
  run([] {
    std::atomic<int> turns = 0;
    for (int i = 0; i < 10; ++i) gmp::go([&] { ++turns; });
    until([&] { return turns == 10; });
    EXPECT_EQ(turns, 10);
  });
}

TEST_F(this_g_unit, the_name_is_in_the_report) {
  std::string seen;
  gmp::options wanted;
  wanted.on_panic = [&](const gmp::panic_report& report) { seen = report.name; };
  gmp::run(
      [&] {
        auto ended = gmp::make_chan<void>();
        gmp::go({.name = "first", .panic = gmp::panic_class::isolated}, [ended] {
          gmp::this_g::set_name("second");
          struct closer {
            gmp::chan<void> ch;
            ~closer() { ch.close(); }
          } at_exit{ended};
          throw 1;
        });
        ended.recv();
        until([] { return gmp::stats().live == 1; });
      },
      wanted);
  EXPECT_EQ(seen, "second");
}

gmp::g_local<int> number;
gmp::g_local<std::string> text;

TEST_P(this_g_at, every_g_has_its_own_variables) {
  *number = -5;
  *text = "thread";
  run([] {
    EXPECT_EQ(*number, 0);
    EXPECT_TRUE(text->empty());
    *number = 1;
    const int n = 50;
    std::atomic<int> wrong = 0;
    crowd all;
    for (int i = 0; i < n; ++i) {
      all.go([i, &wrong] {
        wrong += *number != 0 || !text->empty();
        *number = i;
        text.get() = std::to_string(i);
        for (int k = 0; k < 5; ++k) {
          gmp::this_g::yield();
          wrong += *number != i || *text != std::to_string(i);
        }
      });
    }
    all.wait();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(*number, 1);
  });
  EXPECT_EQ(*number, -5);
  EXPECT_EQ(*text, "thread");
  *number = 0;
}

struct counted {
  counted() { ++alive; }
  ~counted() { --alive; }
  int value = 0;
  inline static std::atomic<int> alive = 0;
};
gmp::g_local<counted> object;

TEST_P(this_g_at, variables_are_made_at_first_use_and_end_with_their_g) {
  run([] {
    EXPECT_EQ(counted::alive, 0);
    crowd all;
    for (int i = 0; i < 20; ++i) {
      all.go([i] {
        if (i % 2 == 0) object->value = i;
      });
    }
    all.wait();
    until([] { return gmp::stats().live == 1; });
    EXPECT_EQ(counted::alive, 0);
    auto never = gmp::make_chan<void>();
    gmp::go([never] {
      object->value = 1;
      never.recv();  // unwound
    });
    until_receiver_waits(never);
    EXPECT_EQ(counted::alive, 1);
  });
  EXPECT_EQ(counted::alive, 0);
  std::thread([] { object->value = 2; }).join();
  EXPECT_EQ(counted::alive, 0);
}

TEST_P(this_g_at, a_variable_whose_constructor_throws_is_tried_again) {
  static int attempts;
  attempts = 0;
  struct moody {
    moody() {
      if (++attempts == 1) throw std::runtime_error("not yet");
    }
    int value = 9;
  };
  static gmp::g_local<moody> mood;
  run([] {
    EXPECT_THROW(mood.get(), std::runtime_error);
    EXPECT_EQ(mood->value, 9);
    EXPECT_EQ(attempts, 2);
  });
}

}  // namespace
