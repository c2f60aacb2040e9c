// What gmp::debug tells of Gs.
#include <gmp/debug.hpp>
#include <gmp/mutex.hpp>

#include <algorithm>
#include <sstream>

#include "queue/switch_history.hpp"
#include "support/listing.hpp"
#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

__attribute__((noinline)) void waits_for_a_message(const gmp::chan<int>& ch) {
  ch.recv();
  asm volatile("");
}

// Deep enough that the G has left its first segment.
__attribute__((noinline)) void waits_far_down(const gmp::chan<int>& ch, int depth) {
  [[maybe_unused]] volatile char room[512] = {};
  if (depth == 0) {
    waits_for_a_message(ch);
  } else {
    waits_far_down(ch, depth - 1);
  }
  room[0] = 1;
}

const gmp::g_info* find(const std::vector<gmp::g_info>& all, const std::string& name) {
  auto at = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
  return at == all.end() ? nullptr : &*at;
}

std::size_t lines_with(const gmp::g_info& one, const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(one.stack.begin(), one.stack.end(),
                    [&](const auto& line) { return line.find(text) != std::string::npos; }));
}

TEST(debug, a_parked_g_has_all_that_is_known_of_it) {
  gmp::run([] {
    auto ch = gmp::make_chan<int>();
    gmp::go({.name = "reader", .facts = {{"peer", "10.0.0.7"}}}, [ch] { waits_for_a_message(ch); });
    until_gs_wait(1);
    const auto all = gmp::debug::list();
    const gmp::g_info* reader = find(all, "reader");
    ASSERT_NE(reader, nullptr);
    EXPECT_EQ(reader->state, "waiting");
    EXPECT_EQ(reader->wait_reason, "chan receive");
    EXPECT_EQ(reader->creator_id, gmp::this_g::id());
    ASSERT_EQ(reader->facts.size(), 1u);
    EXPECT_EQ(reader->facts[0].second, "10.0.0.7");
    EXPECT_TRUE(reader->waiting_since);
    EXPECT_NE(reader->object.find("chan 0x"), std::string::npos) << reader->object;
    EXPECT_NE(reader->object.find("(0 of 0, 2 references)"), std::string::npos) << reader->object;
    ch.send(1);
  });
}

TEST(debug, the_caller_is_listed_as_running_without_a_stack) {
  gmp::run([] {
    gmp::this_g::set_name("me");
    const auto all = gmp::debug::list();
    const gmp::g_info* me = find(all, "me");
    ASSERT_NE(me, nullptr);
    EXPECT_EQ(me->id, gmp::this_g::id());
    EXPECT_EQ(me->state, "running");
    EXPECT_TRUE(me->stack.empty());
  });
}

// Sanitized programs are not stripped either, but their frames differ.
TEST(debug, stacks_of_parked_gs_name_their_functions) {
  gmp::run([] {
    auto ch = gmp::make_chan<int>();
    gmp::go({.name = "shallow"}, [ch] { waits_for_a_message(ch); });
    gmp::go({.name = "deep"}, [ch] { waits_far_down(ch, 12); });
    until_gs_wait(2);
    const auto all = gmp::debug::list();
    const gmp::g_info* shallow = find(all, "shallow");
    const gmp::g_info* deep = find(all, "deep");
    ASSERT_TRUE(shallow != nullptr && deep != nullptr);
    EXPECT_EQ(lines_with(*shallow, "waits_for_a_message"), 1u);
    EXPECT_EQ(lines_with(*shallow, "__morestack"), 0u);
    EXPECT_EQ(lines_with(*deep, "waits_for_a_message"), 1u);
    EXPECT_EQ(lines_with(*deep, "waits_far_down"), 13u);
    ch.send(1);
    ch.send(2);
  });
}

TEST(debug, dump_writes_a_line_per_g_and_its_stack) {
  gmp::run([] {
    auto ch = gmp::make_chan<int>();
    gmp::go({.name = "reader"}, [ch] { waits_for_a_message(ch); });
    until_gs_wait(1);
    std::ostringstream out;
    gmp::debug::dump(out);
    const std::string text = out.str();
    EXPECT_EQ(text.rfind("gmpsched: 2 Gs\n", 0), 0u) << text;
    EXPECT_NE(text.find("\"reader\" waits: chan receive, 0."), std::string::npos) << text;
    EXPECT_NE(text.find("references); made by G "), std::string::npos) << text;
    EXPECT_NE(text.find("gmpsched:     "), std::string::npos) << text;
    EXPECT_NE(text.find(" is running"), std::string::npos) << text;
    ch.send(1);
  });
}

TEST(debug, a_plain_thread_sees_the_gs_of_all_runtimes) {
  gmp::runtime first({.procs = 1});
  gmp::runtime second({.procs = 1});
  auto ch = gmp::make_chan<int>();
  const std::string names[] = {"one", "two"};
  first.go([&] {
    gmp::this_g::set_name(names[0]);
    ch.recv();
  });
  second.go([&] {
    gmp::this_g::set_name(names[1]);
    ch.recv();
  });
  until_gs_wait(2);
  const auto all = gmp::debug::list();
  EXPECT_NE(find(all, "one"), nullptr);
  EXPECT_NE(find(all, "two"), nullptr);
  ch.close();
}

// Gs that switch all the time, one that computes, timers, and lists all the while.
TEST(debug, others_run_on_while_and_after_they_are_looked_at) {
  gmp::run(
      [] {
        std::atomic<bool> over = false;
        std::atomic<int> left = 0;
        auto ping = gmp::make_chan<int>();
        auto pong = gmp::make_chan<int>();
        left = 4;
        gmp::go([&, ping, pong] {
          for (int i = 0; !over; ++i) {
            ping.send(i);
            if (!pong.recv()) break;
          }
          ping.close();
          --left;
        });
        gmp::go([&, ping, pong] {
          while (auto v = ping.recv()) pong.send(*v);
          pong.close();
          --left;
        });
        gmp::go({.name = "computes"}, [&] {
          while (!over) asm volatile("pause");
          --left;
        });
        gmp::go([&] {
          while (!over) gmp::this_g::sleep_for(50us);
          --left;
        });
        for (int i = 0; i < scaled(300); ++i) {
          const auto all = gmp::debug::list();
          EXPECT_GE(all.size(), 3u);
          gmp::this_g::yield();
        }
        over = true;
        until([&] { return left == 0; });
      },
      {.procs = 3});
}

TEST(debug, many_parked_gs_are_listed_in_time_and_run_on) {
  const int n = scaled_gs(100'000);
  gmp::run([&] {
    auto ch = gmp::make_chan<int>();
    std::atomic<int> got = 0;
    for (int i = 0; i < n; ++i) {
      gmp::go([&, ch] {
        if (ch.recv()) ++got;
      });
    }
    until([&] { return gmp::stats().live == static_cast<std::uint64_t>(n) + 1; });
    for (int i = 0; i < 10; ++i) gmp::this_g::yield();
    std::ostringstream out;
    const auto before = std::chrono::steady_clock::now();
    gmp::debug::dump(out);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
    RecordProperty("milliseconds", static_cast<int>(took.count() * 1000));
    std::printf("dump of %d Gs: %.3f s, %zu bytes\n", n, took.count(), out.str().size());
    for (int i = 0; i < n; ++i) ch.send(i);
    until([&] { return got == n; });
    EXPECT_LT(took.count(), sanitized ? 60 : 10);  // 2 s on a machine that does nothing else
  });
}

// --- since when

TEST(debug, waits_are_dated_afterwards) {
  gmp::run(
      [] {
        auto ch = gmp::make_chan<int>();
        const auto first = std::chrono::steady_clock::now();
        gmp::go({.name = "early"}, [ch] { ch.recv(); });
        until_gs_wait(1);
        gmp::this_g::sleep_for(200ms);
        gmp::go({.name = "late"}, [ch] { ch.recv(); });
        until_gs_wait(2);
        const auto last = std::chrono::steady_clock::now();
        gmp::this_g::sleep_for(100ms);
        const auto all = gmp::debug::list();
        const gmp::g_info* early = find(all, "early");
        const gmp::g_info* late = find(all, "late");
        ASSERT_TRUE(early != nullptr && late != nullptr);
        ASSERT_TRUE(early->waiting_since && late->waiting_since);
        EXPECT_GE(*early->waiting_since, first);
        EXPECT_LT(*early->waiting_since, first + 150ms);
        EXPECT_GE(*late->waiting_since, first + 200ms);
        EXPECT_LE(*late->waiting_since, last + 50ms);
        ch.close();
      },
      {.procs = 2});
}

// The error grows with the age, as SH2 says.
TEST(debug, a_ps_past_is_thinned_out) {
  using gmp::detail::nanos;
  auto past = std::make_unique<gmp::detail::switch_history>();
  constexpr nanos step = 10'000'000;
  constexpr int steps = 400'000;  // more than an hour
  for (int i = 1; i <= steps; ++i) past->note(static_cast<std::uint64_t>(i), false, i * step);
  const nanos now = (steps + 1) * step;
  for (int i = 1; i < steps; i += 97) {
    const nanos left = past->left_at(static_cast<std::uint64_t>(i), now);
    const nanos exact = (i + 1) * step;
    ASSERT_GE(left, exact);
    ASSERT_LE(left - exact, step + (now - exact) / 8) << i;
  }
  EXPECT_EQ(past->left_at(steps, now), now);
  past->note(steps, true, now);
  EXPECT_EQ(past->left_at(steps, now + 5 * step), now);
}

}  // namespace
