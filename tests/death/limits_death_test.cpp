// Limits: stacks that run out, Gs that all wait for ever.
#include <gmp/debug.hpp>

#include <algorithm>
#include <csignal>

#include "debug/quit.hpp"
#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class limits_death : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[gnu::noinline]] int endless(int depth, int last) {
  volatile char frame[500];
  frame[static_cast<std::size_t>(depth) % sizeof frame] = 1;
  if (depth == last) return 0;
  return endless(depth + 1, last) + frame[0];
}

// Go: TestStackOverflow
TEST_F(limits_death, a_g_that_outgrows_max_stack_is_named) {
  EXPECT_DEATH(gmp::run(
                   [] {
                     gmp::go({.name = "bottomless"}, [] { endless(0, -1); });
                     gmp::chan<void>().recv();
                   },
                   {.procs = 1, .max_stack = 1 << 20}),
               "bottomless");
}

// Go: TestSimpleDeadlock, TestInitDeadlock
TEST_F(limits_death, all_gs_blocked_for_ever_is_reported_with_code_2) {
  EXPECT_EXIT(gmp::run([] { gmp::chan<int>().recv(); }, {.procs = 1}), testing::ExitedWithCode(2),
              "deadlock");
  EXPECT_EXIT(gmp::run([] { gmp::select(); }, {.procs = 2}), testing::ExitedWithCode(2),
              "deadlock");
  EXPECT_EXIT(gmp::run(
                  [] {
                    auto a = gmp::make_chan<int>(), b = gmp::make_chan<int>();
                    gmp::go({.name = "partner"}, [=] {
                      a.recv();
                      b.send(1);
                    });
                    b.recv();
                  },
                  {.procs = 2}),
              testing::ExitedWithCode(2), "deadlock");
}

// Go: test/fixedbugs/issue21576.go: a G that only sleeps now and then does not hide it for ever;
// one that will wake prevents it.
TEST_F(limits_death, a_timer_that_will_fire_prevents_the_report) {
  EXPECT_EXIT(
      {
        gmp::run(
            [] {
              auto ch = gmp::make_chan<int>();
              gmp::go([ch] {
                gmp::this_g::sleep_for(20ms);
                ch.send(1);
              });
              ch.recv();
            },
            {.procs = 2});
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
  EXPECT_EXIT(gmp::run(
                  [] {
                    gmp::go([] { gmp::this_g::sleep_for(5ms); });
                    gmp::chan<int>().recv();
                  },
                  {.procs = 2}),
              testing::ExitedWithCode(2), "deadlock");
}

// The process goes on, and a deadlock is still seen although there is a thread more.
TEST_F(limits_death, sigquit_dumps_all_gs) {
  EXPECT_EXIT(
      {
        gmp::options wanted;
        wanted.procs = 2;
        wanted.dump_on_quit = true;
        gmp::run(
            [] {
              gmp::go({.name = "stuck", .facts = {{"user", "7"}}},
                      [] { gmp::make_chan<int>().recv(); });
              std::atomic<bool> over = false;
              gmp::go({.name = "computes"}, [&] {
                while (!over) asm volatile("pause");
              });
              until([] {
                const auto all = gmp::debug::list();
                return std::any_of(all.begin(), all.end(),
                                   [](const auto& one) { return one.state == "waiting"; });
              });
              std::raise(SIGQUIT);
              until([] { return gmp::detail::quit_dumps() == 1; });
              over = true;
              gmp::chan<void>().recv();
            },
            wanted);
      },
      testing::ExitedWithCode(2),
      "gmpsched: SIGQUIT: 3 Gs\n(.*\n)*.*\"stuck\" waits: chan receive.*, user=7\n(.*\n)*"
      "gmpsched: deadlock: all 2 Gs");
}

}  // namespace
