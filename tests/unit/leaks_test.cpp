// Gs that nothing can wake, and those that something can.
#include <gmp/context.hpp>
#include <gmp/debug.hpp>
#include <gmp/mutex.hpp>
#include <gmp/select.hpp>
#include <gmp/semaphore.hpp>
#include <gmp/timer.hpp>
#include <gmp/wait_group.hpp>

#include <algorithm>
#include <mutex>
#include <regex>

#include "support/listing.hpp"
#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

// On a G of its own: what that leaves on its stack is nobody's any more.
template <class F>
void in_a_g_of_its_own(F f) {
  gmp::spawn([&f] { f(); }).get();
}

std::vector<std::string> names_of(const std::vector<gmp::g_info>& all) {
  std::vector<std::string> names;
  for (const gmp::g_info& one : all) names.push_back(one.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> leaks() { return names_of(gmp::debug::find_leaks()); }

using names = std::vector<std::string>;

// A stale pointer in memory that nobody uses any more may hide a leak, and then hides it for ever:
// so a round may miss some, but none may find too much, and one must find all.
template <class Round>
void some_round_finds(const names& expected, Round round) {
  for (int i = 0; i < 30; ++i) {
    const names found = round();
    ASSERT_TRUE(std::includes(expected.begin(), expected.end(), found.begin(), found.end()))
        << testing::PrintToString(found);
    // A sanitizer keeps copies of what was in memory; there the mutexes alone are looked at.
    if (found == expected || sanitized) return;
  }
  FAIL() << "not found: " << testing::PrintToString(expected);
}

class leaks_test : public testing::Test {};

names of_channels() {
  return gmp::run([] {
    auto kept = gmp::make_chan<int>();
    in_a_g_of_its_own([&] {
      auto lost = gmp::make_chan<int>();
      gmp::go({.name = "sends"}, [lost] { lost.send(1); });
      auto pair = gmp::make_chan<int>();
      gmp::go({.name = "first"}, [pair] { pair.recv(); });
      gmp::go({.name = "second"}, [pair] {
        gmp::select(gmp::on_recv(pair, [](auto) {}), gmp::on_recv(gmp::chan<int>(), [](auto) {}));
      });
      auto known = gmp::make_chan<int>();
      gmp::go({.name = "by way of kept"}, [known] { known.recv(); });
      gmp::go({.name = "kept"}, [kept, known] { kept.recv(); });
      gmp::go({.name = "nil"}, [] { gmp::chan<int>().recv(); });
    });
    until_gs_wait(6);
    return leaks();
  });
}

TEST_F(leaks_test, a_channel_that_nobody_else_refers_to) {
  some_round_finds({"first", "nil", "second", "sends"}, &of_channels);
}

TEST_F(leaks_test, mutexes_in_a_circle) {
  gmp::mutex a, b, free_again;  // outlive the Gs, which are unwound at the end
  std::atomic<int> held = 0;
  gmp::run([&] {
    const auto both = [&held](gmp::mutex& one, gmp::mutex& two) {
      const std::lock_guard hold(one);
      ++held;
      until([&] { return held == 2; });
      const std::lock_guard more(two);
    };
    gmp::go({.name = "a-b"}, [&] { both(a, b); });
    gmp::go({.name = "b-a"}, [&] { both(b, a); });
    until([&] { return held == 2; });
    gmp::go({.name = "behind"}, [&] { const std::lock_guard hold(a); });
    free_again.lock();
    gmp::go({.name = "waits for us"}, [&] { const std::lock_guard hold(free_again); });
    until_gs_wait(4);
    EXPECT_EQ(leaks(), (names{"a-b", "b-a", "behind"}));
    free_again.unlock();
    until([] { return gmp::stats().live == 4; });
    EXPECT_EQ(leaks(), (names{"a-b", "b-a", "behind"}));
    const auto found = gmp::debug::find_leaks();
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].object.find("mutex 0x"), 0u) << found[0].object;
  });
}

TEST_F(leaks_test, a_task_that_waits_for_a_leak) {
  some_round_finds({"inner", "outer"}, [] {
    return gmp::run([] {
      in_a_g_of_its_own([] {
        gmp::go({.name = "outer"}, [] {
          gmp::spawn([] {
            gmp::this_g::set_name("inner");
            gmp::make_chan<int>().recv();
          }).get();
        });
      });
      until_gs_wait(2);
      return leaks();
    });
  });
}

// What may be woken from outside is no leak.
TEST_F(leaks_test, no_false_alarms) {
  auto global = std::make_unique<gmp::chan<int>>(gmp::make_chan<int>());
  gmp::runtime other({.procs = 1});
  auto far = gmp::make_chan<int>();
  auto both = gmp::make_chan<int>();
  other.go([far, both] {
    far.recv();
    both.send(1);
  });
  std::atomic<bool> over = false;
  auto of_thread = gmp::make_chan<int>(1);
  std::thread foreign([of_thread, &over] {
    until([&] { return over.load(); });
    of_thread.send(1);
  });
  of_thread = {};
  gmp::run([&] {
    gmp::go([c = *global] { c.recv(); });          // the heap knows it
    gmp::go([both] { both.recv(); });              // another runtime's G
    gmp::go([&] { gmp::this_g::sleep_for(1h); });  // time
    gmp::go([] { gmp::after(1h).recv(); });
    gmp::go([] {
      std::optional<int> got;
      (void)gmp::make_chan<int>().recv_for(got, 1h);
    });
    gmp::go([] {
      auto [ctx, cancel] = gmp::with_timeout(gmp::context::background(), 1h);
      ctx.done().recv();
    });
    gmp::wait_group group;
    group.add(1);
    gmp::go([&] { group.wait(); });
    gmp::semaphore none(0);
    gmp::go([&] { none.acquire(); });
    gmp::mutex held;
    held.lock();
    gmp::go([&] { const std::lock_guard hold(held); });
    until_gs_wait(10);
    EXPECT_EQ(leaks(), names{});
    held.unlock();
    none.release();
    group.done();
    until([] { return gmp::stats().live == 7; });  // who used them has let go of them
  });
  over = true;
  foreign.join();
  EXPECT_EQ(leaks(), names{});
  far.send(1);
  other.stop();
}

// A foreign thread's registers are not to be seen: what it was given is not lost, what only Gs were
// given is.
TEST_F(leaks_test, a_foreign_thread_with_a_reference) {
  some_round_finds({"lost"}, [] {
    std::atomic<int> step = 0;
    std::thread foreign;
    return gmp::run([&] {
      in_a_g_of_its_own([&] {
        auto shared = gmp::make_chan<int>(1);
        foreign = std::thread([shared, &step]() mutable {
          gmp::chan<int> mine = std::move(shared);
          until([&] { return step == 1; });
          mine.send(1);
        });
        gmp::go({.name = "fed by a thread"}, [shared] { shared.recv(); });
        auto lost = gmp::make_chan<int>();
        gmp::go({.name = "lost"}, [lost] { lost.recv(); });
      });
      until_gs_wait(2);
      const names found = leaks();
      step = 1;
      foreign.join();
      return found;
    });
  });
}

TEST_F(leaks_test, listed_at_the_end_when_asked) {
  gmp::options wanted;
  wanted.report_leaks = true;
  std::string text;
  some_round_finds({"lost"}, [&] {
    testing::internal::CaptureStderr();
    gmp::run(
        [] {
          in_a_g_of_its_own([] {
            auto lost = gmp::make_chan<int>();
            gmp::go({.name = "lost", .facts = {{"user", "7"}}}, [lost] { lost.recv(); });
          });
          until_gs_wait(1);
        },
        wanted);
    text = testing::internal::GetCapturedStderr();
    return text.empty() ? names{} : names{"lost"};
  });
  if (sanitized && text.empty()) return;
  const std::regex expected(
      "gmpsched: leaks: nothing can wake these Gs\n"
      "gmpsched:   G [0-9]+ \"lost\" waits: chan receive, [0-9.]+ s, chan 0x[0-9a-f]+ "
      "\\(0 of 0, 1 reference\\); made by G [0-9]+, user=7\n"
      "(gmpsched:     .*\n)+"
      "gmpsched: "
      "\\{\"event\":\"leaks\",\"gs\":\\[\\{\"g\":[0-9]+,\"name\":\"lost\",\"state\":"
      "\"waiting\","
      "\"reason\":\"chan receive\",\"waited\":[0-9.]+,"
      "\"object\":\"chan 0x[0-9a-f]+ \\(0 of 0, 1 reference\\)\",\"creator\":[0-9]+,"
      "\"facts\":\\{\"user\":\"7\"\\},\"stack\":\\[(\"[^\"]*\",?)+\\]\\}\\]\\}\n");
  EXPECT_TRUE(std::regex_match(text, expected)) << text;
}

}  // namespace
