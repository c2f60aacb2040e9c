// What ends the process, and what it says then.
#include <algorithm>
#include <csignal>
#include <exception>
#include <regex>
#include <stdexcept>

#include <gmp/condition_variable.hpp>
#include <gmp/mutex.hpp>
#include <gmp/pool.hpp>
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

__attribute__((noinline)) void fails_inside() { throw std::runtime_error("disk \"1\" full"); }

__attribute__((noinline)) void fails_with_a_cause() {
  try {
    fails_inside();
  } catch (...) {
    std::throw_with_nested(std::logic_error("cannot save"));
  }
}

// Numbers that differ from build to build, and what lies between the interesting frames.
std::string masked(const std::string& text) {
  std::string out = std::regex_replace(text, std::regex("\\+0x[0-9a-f]+"), "+N");
  out = std::regex_replace(out, std::regex("G [0-9]+"), "G N");
  out = std::regex_replace(out, std::regex("\"(g|creator)\":[0-9]+"), "\"$1\":N");
  out = std::regex_replace(out, std::regex("\\([^ ()]*\\+N\\)"), "(M+N)");
  return out;
}

// The report of a G of either class, as its handler gets it.
gmp::panic_report report_of(gmp::panic_class kind, void (*body)()) {
  gmp::panic_report got;
  std::atomic<bool> told = false;
  gmp::options wanted = two_ps();
  wanted.on_panic = [&](const gmp::panic_report& report) {
    got = report;
    told = true;
    if (!report.isolated) {
      std::fprintf(stderr, "%s", masked(report.text()).c_str());
    }
  };
  gmp::run(
      [&] {
        gmp::go({.name = "saver", .panic = kind, .facts = {{"user", "7"}, {"peer", "10.0.0.7"}}},
                body);
        until([&] { return told.load(); });
      },
      wanted);
  return got;
}

constexpr bool has_scene = !sanitized;  // instrumented code has frames of its own

TEST_F(panic_death, the_report_of_an_isolated_g_word_for_word) {
  gmp::panic_report report = report_of(gmp::panic_class::isolated, &fails_with_a_cause);
  if (has_scene) {
    // std::throw_with_nested may be a frame of its own.
    const bool named = std::any_of(report.stack.begin(), report.stack.end(), [](const auto& line) {
      return line.find("fails_with_a_cause()+0x") != std::string::npos;
    });
    EXPECT_TRUE(named);
  }
  report.stack = {"f(int)+0x1a (program+0x1234)", "main+0x2 (program+0x99)"};
  EXPECT_EQ(
      masked(report.text()),
      R"x(gmpsched: panic in G N "saver": std::_Nested_exception<std::logic_error>: cannot save
gmpsched:   caused by std::runtime_error: disk "1" full
gmpsched:   made by G N, user=7, peer=10.0.0.7
gmpsched:   isolated: only this G ends
gmpsched:   at
gmpsched:     f(int)+N (M+N)
gmpsched:     main+N (M+N)
gmpsched: {"event":"panic","g":N,"name":"saver","creator":N,"class":"isolated",)x"
      R"x("type":"std::_Nested_exception<std::logic_error>","message":"cannot save",)x"
      R"x("nested":[{"type":"std::runtime_error","message":"disk \"1\" full"}],)x"
      R"x("facts":{"user":"7","peer":"10.0.0.7"},)x"
      R"x("stack":["f(int)+N (M+N)","main+N (M+N)"]})x"
      "\n");
}

TEST_F(panic_death, the_report_of_a_critical_g_word_for_word) {
  setenv("GMPSCHED_PANIC_STACKS", "0", 1);  // frames differ between builds; the next test has them
  EXPECT_DEATH(report_of(gmp::panic_class::critical, &fails_inside),
               "gmpsched: panic in G N \"saver\": std::runtime_error: disk \"1\" full\n"
               "gmpsched:   made by G N, user=7, peer=10.0.0.7\n"
               "gmpsched:   critical: the process ends\n"
               "gmpsched: .\"event\":\"panic\",\"g\":N,\"name\":\"saver\",\"creator\":N,"
               "\"class\":\"critical\",\"type\":\"std::runtime_error\","
               "\"message\":\"disk ..1.. full\",\"nested\":..,"
               "\"facts\":.\"user\":\"7\",\"peer\":\"10.0.0.7\".,\"stack\":..}\n");
  unsetenv("GMPSCHED_PANIC_STACKS");
}

__attribute__((noinline)) void lets_nothing_through() noexcept {
  fails_inside();
  asm volatile("");
}

TEST_F(panic_death, the_stack_is_that_of_the_throw_point) {
  if (!has_scene) GTEST_SKIP() << "instrumented frames";
  EXPECT_DEATH(fail_in_a_g([] { fails_inside(); }),
               "the process ends\n.*  at\n.*    .*fails_inside\\(\\)\\+0x");
}

TEST_F(panic_death, the_stack_of_a_pools_job) {
  if (!has_scene) GTEST_SKIP() << "instrumented frames";
  EXPECT_DEATH(fail_in_a_g([] { gmp::pool(1).go(&fails_inside); }),
               "the process ends\n.*  at\n.*    .*fails_inside\\(\\)\\+0x");
}

TEST_F(panic_death, a_throw_out_of_a_noexcept_function_is_reported_as_a_panic) {
  EXPECT_DEATH(fail_in_a_g([] { lets_nothing_through(); }, "tight"),
               "panic in G [0-9]+ .tight.: std::runtime_error: disk");
}

TEST_F(panic_death, terminate_in_a_g_is_reported_as_a_panic) {
  EXPECT_DEATH(fail_in_a_g([] { std::terminate(); }, "ender"),
               "panic in G [0-9]+ .ender.: std::terminate: called without an exception");
}

TEST_F(panic_death, a_handler_called_for_terminate_may_block) {
  EXPECT_DEATH(
      {
        gmp::options wanted = two_ps();
        wanted.on_panic = [](const gmp::panic_report& report) {
          gmp::this_g::sleep_for(1ms);
          std::fprintf(stderr, "after a rest: %s\n", report.exception_type.c_str());
        };
        gmp::run(
            [] {
              gmp::go([] { std::terminate(); });
              gmp::chan<void>().recv();
            },
            wanted);
      },
      "after a rest: std::terminate");
}

TEST_F(panic_death, the_stack_can_be_switched_off) {
  gmp::options wanted = two_ps();
  std::atomic<int> frames = -1;
  wanted.panic_stacks = false;
  wanted.on_panic = [&](const gmp::panic_report& report) {
    frames = static_cast<int>(report.stack.size());
  };
  gmp::run(
      [&] {
        gmp::go({.panic = gmp::panic_class::isolated}, &fails_inside);
        until([&] { return frames.load() >= 0; });
      },
      wanted);
  EXPECT_EQ(frames, 0);
}

std::size_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long all = 0, resident = 0;
  const int fields = std::fscanf(file, "%lu %lu", &all, &resident);
  std::fclose(file);
  return fields == 2 ? resident * 4096 : 0;
}

TEST_F(panic_death, isolated_panics_leave_nothing_behind) {
  std::atomic<int> told = 0;
  gmp::options wanted = two_ps();
  wanted.on_panic = [&](const gmp::panic_report&) { ++told; };
  gmp::run(
      [&] {
        const auto rounds = [&](int n) {
          for (int i = 0; i < n; ++i) {
            gmp::go({.name = "weak", .panic = gmp::panic_class::isolated}, &fails_inside);
            if (i % 100 == 99) until([&] { return gmp::stats().live == 1; });
          }
          until([&] { return gmp::stats().live == 1; });
        };
        rounds(scaled(20'000));
        const std::size_t before = resident_bytes();
        rounds(scaled(80'000));
        const std::size_t after = resident_bytes();
        EXPECT_EQ(told, scaled(20'000) + scaled(80'000));
        if (!sanitized) {
          EXPECT_LT(after, before + (2u << 20));
        }
        RecordProperty("growth", static_cast<int>(after - before));
      },
      wanted);
}

// Frames differ between builds.
TEST_F(panic_death, the_report_of_a_deadlock_word_for_word) {
  EXPECT_EXIT(
      gmp::run([] {
        gmp::go({.name = "stuck", .facts = {{"user", "7"}, {"path", "\"a\\b\"\n"}}},
                [] { gmp::make_chan<int>().recv(); });
        gmp::chan<void>().recv();
      }),
      testing::ExitedWithCode(2),
      "^gmpsched: deadlock: all 2 Gs are blocked and nothing can wake them\n"
      "gmpsched:   G [0-9]+ waits: nil chan, [0-9]+\\.[0-9]{3} s; made by a plain thread\n"
      "(gmpsched:     .*\n)*"
      "gmpsched:   G [0-9]+ \"stuck\" waits: chan receive, [0-9]+\\.[0-9]{3} s, chan 0x[0-9a-f]+ "
      "\\(0 of 0, 1 reference\\); made by G [0-9]+, user=7, path=\"a\\\\b\"\n\n"
      "(gmpsched:     .*\n)+"
      "gmpsched: \\{\"event\":\"deadlock\",\"gs\":\\["
      "\\{\"g\":[0-9]+,\"name\":\"\",\"state\":\"waiting\",\"reason\":\"nil chan\","
      "\"waited\":[0-9]+\\.[0-9]{3},\"object\":\"\",\"creator\":0,\"facts\":\\{\\},"
      "\"stack\":\\[(\"[^\"]*\",?)*\\]\\},"
      "\\{\"g\":[0-9]+,\"name\":\"stuck\",\"state\":\"waiting\",\"reason\":\"chan receive\","
      "\"waited\":[0-9]+\\.[0-9]{3},\"object\":\"chan 0x[0-9a-f]+ \\(0 of 0, 1 reference\\)\","
      "\"creator\":[0-9]+,\"facts\":\\{\"user\":\"7\",\"path\":\"\\\\\"a\\\\\\\\b\\\\\"\\\\n\"\\},"
      "\"stack\":\\[(\"[^\"]*\",?)+\\]\\}\\]\\}\n$");
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
