// What ends the process, and what it says then.
#include <csignal>
#include <stdexcept>

#include <gmp/condition_variable.hpp>
#include <gmp/mutex.hpp>
#include <gmp/shared_mutex.hpp>
#include <gmp/timer.hpp>
#include <gmp/wait_group.hpp>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class panic_death : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

gmp::options two_ps() {
  gmp::options wanted;
  wanted.procs = 2;
  return wanted;
}

void fail_in_a_g(void (*body)(), const char* name = "") {
  gmp::run(
      [=] {
        gmp::go({.name = name}, body);
        gmp::chan<void>().recv();
      },
      two_ps());
}

TEST_F(panic_death, an_uncaught_exception_names_g_type_and_text) {
  EXPECT_DEATH(fail_in_a_g([] { throw std::out_of_range("no such row"); }, "reader"),
               "panic in G [0-9]+ .reader.: std::out_of_range: no such row");
}

TEST_F(panic_death, exceptions_of_other_types_are_named_too) {
  EXPECT_DEATH(fail_in_a_g([] { throw 42; }), "panic in G [0-9]+: int");
  EXPECT_DEATH(fail_in_a_g([] { throw "a text"; }), "a text");
  EXPECT_DEATH(fail_in_a_g([] { throw std::string("a string"); }), "a string");
}

// Go: TestGoNil
TEST_F(panic_death, a_call_of_nothing) {
  EXPECT_DEATH(fail_in_a_g([] { gmp::go(std::function<void()>()); }), "std::bad_function_call");
}

TEST_F(panic_death, misuse_of_a_channel_that_nobody_catches) {
  EXPECT_DEATH(fail_in_a_g([] { gmp::chan<int>().close(); }),
               "gmp::nil_channel: gmp: channel is nil");
  EXPECT_DEATH(fail_in_a_g([] {
                 auto ch = gmp::make_chan<int>();
                 ch.close();
                 ch.send(1);
               }),
               "gmp::closed_channel: gmp: send on a closed channel");
}

TEST_F(panic_death, the_handler_is_called_before_the_process_ends) {
  EXPECT_DEATH(
      {
        gmp::options wanted = two_ps();
        wanted.on_panic = [](const gmp::panic_report& report) {
          std::fprintf(stderr, "handler: %s %s\n", report.exception_type.c_str(),
                       report.message.c_str());
        };
        gmp::run(
            [] {
              gmp::go([] { throw std::runtime_error("told"); });
              gmp::chan<void>().recv();
            },
            wanted);
      },
      "handler: std::runtime_error told");
}

TEST_F(panic_death, facts_are_in_the_report) {
  EXPECT_DEATH(
      gmp::run([] {
        gmp::go({.facts = {{"peer", "10.0.0.7"}}}, [] { throw std::runtime_error("gone"); });
        gmp::chan<void>().recv();
      }),
      "peer=10.0.0.7");
}

// Go: TestPanicRace: several at once: the process ends, and at least one is reported.
TEST_F(panic_death, several_panics_at_once) {
  EXPECT_DEATH(gmp::run(
                   [] {
                     for (int i = 0; i < 10; ++i)
                       gmp::go([] {
                         gmp::this_g::yield();
                         throw std::runtime_error("one of many");
                       });
                     gmp::chan<void>().recv();
                   },
                   {.procs = 4}),
               "one of many");
}

// Go: TestPanicDeadlockGosched: a handler may yield and wait.
TEST_F(panic_death, a_handler_that_yields_and_sleeps) {
  EXPECT_DEATH(
      {
        gmp::options wanted;
        wanted.procs = 1;
        wanted.on_panic = [](const gmp::panic_report& report) {
          gmp::this_g::yield();
          gmp::this_g::sleep_for(1ms);
          std::fprintf(stderr, "after a rest: %s\n", report.message.c_str());
        };
        gmp::run(
            [] {
              gmp::go([] { throw std::runtime_error("tired"); });
              for (;;) gmp::this_g::yield();
            },
            wanted);
      },
      "after a rest: tired");
}

TEST_F(panic_death, an_isolated_g_is_reported_and_the_rest_goes_on) {
  EXPECT_EXIT(
      {
        const int answer = gmp::run([] {
          gmp::go({.name = "weak", .panic = gmp::panic_class::isolated},
                  [] { throw std::runtime_error("alone"); });
          until([] { return gmp::stats().live == 1; });
          return gmp::spawn([] { return 7; }).get();
        });
        std::exit(answer);
      },
      testing::ExitedWithCode(7), "panic in G [0-9]+ .weak.: std::runtime_error: alone");
}

// Go: TestMutexMisuse
TEST_F(panic_death, unlock_of_what_is_not_locked_names_the_call) {
  EXPECT_DEATH(gmp::mutex().unlock(), "mutex.*unlock");
  EXPECT_DEATH(gmp::shared_mutex().unlock(), "shared_mutex.*unlock");
  EXPECT_DEATH(gmp::shared_mutex().unlock_shared(), "shared_mutex.*unlock_shared");
  EXPECT_DEATH(gmp::run([] { gmp::mutex().unlock(); }), "mutex.*unlock");
  EXPECT_DEATH(
      {
        gmp::mutex lock;
        lock.lock();
        lock.unlock();
        lock.unlock();
      },
      "mutex.*unlock");
  EXPECT_DEATH(
      {
        gmp::shared_mutex lock;
        lock.lock_shared();
        lock.unlock();
      },
      "shared_mutex.*unlock");
  EXPECT_DEATH(
      {
        gmp::shared_mutex lock;
        lock.lock();
        lock.unlock_shared();
      },
      "shared_mutex.*unlock_shared");
}

// Go: TestIssue76126: the process ends before wait() returns.
TEST_F(panic_death, an_exception_in_a_wait_groups_g) {
  EXPECT_DEATH(gmp::run([] {
                 gmp::wait_group group;
                 group.go([] { throw std::runtime_error("in the group"); });
                 group.wait();
                 std::fprintf(stderr, "returned\n");
                 std::_Exit(0);
               }),
               "in the group");
}

TEST_F(panic_death, a_runtime_destroyed_by_its_own_g) {
  EXPECT_DEATH(
      {
        auto* scheduler = new gmp::runtime(two_ps());
        scheduler->run([scheduler] { delete scheduler; });
      },
      "destroyed by one of its own Gs");
}

}  // namespace
