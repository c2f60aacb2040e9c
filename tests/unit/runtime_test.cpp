// Runtimes: options, results, stopping, several at once.
#include <sched.h>

#include <memory>
#include <string>
#include <system_error>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class runtime_unit : public in_runtime {};
class runtime_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(runtime_at, 1u, 2u, 4u);

TEST_P(runtime_at, run_returns_the_result) {
  EXPECT_EQ(run([] { return 5; }), 5);
  EXPECT_EQ(*run([] { return std::make_unique<int>(6); }), 6);
  static int target = 0;
  run([]() -> int& { return target; }) = 7;
  EXPECT_EQ(target, 7);
  bool ran = false;
  run([&] { ran = true; });
  EXPECT_TRUE(ran);
  auto owner = std::make_unique<int>(8);
  EXPECT_EQ(run([mine = std::move(owner)] { return *mine; }), 8);
}

TEST_P(runtime_at, run_rethrows) {
  try {
    run([] { throw std::runtime_error("from main"); });
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "from main");
  }
  EXPECT_THROW(run([]() -> int { throw 3; }), int);
  EXPECT_EQ(run([] { return gmp::procs(); }), GetParam());  // and the next runtime is fine
}

std::string complaint(const gmp::options& wanted) {
  try {
    gmp::runtime refused(wanted);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST_F(runtime_unit, options_out_of_range_are_named) {
  EXPECT_NE(complaint({.procs = 1025}).find("procs"), std::string::npos);
  EXPECT_NE(complaint({.stack_size = 100}).find("stack_size"), std::string::npos);
  EXPECT_NE(complaint({.stack_size = std::size_t{1} << 40}).find("stack_size"), std::string::npos);
  EXPECT_NE(complaint({.max_stack = 1024}).find("max_stack"), std::string::npos);
  EXPECT_NE(complaint({.stack_size = 65'536, .max_stack = 32'768}).find("max_stack"),
            std::string::npos);
  EXPECT_NE(complaint({.max_threads = 0}).find("max_threads"), std::string::npos);
  EXPECT_NE(complaint({.handoff_after = 0ns}).find("handoff_after"), std::string::npos);
  EXPECT_NE(complaint({.handoff_after = -1s}).find("handoff_after"), std::string::npos);
  EXPECT_NE(complaint({.poller = static_cast<gmp::poller_kind>(77)}).find("poller"),
            std::string::npos);
  EXPECT_EQ(complaint({}), "accepted");
  EXPECT_EQ(complaint({.procs = 1024, .stack_size = 4096, .max_threads = 1}), "accepted");
  EXPECT_THROW(gmp::run([] {}, {.procs = 5'000}), std::invalid_argument);
}

TEST_P(runtime_at, set_procs_changes_the_number_and_returns_the_old_one) {
  run([before = GetParam()] {
    EXPECT_EQ(gmp::procs(), before);
    EXPECT_EQ(gmp::set_procs(3), before);
    EXPECT_EQ(gmp::procs(), 3u);
    EXPECT_EQ(gmp::set_procs(1), 3u);
    EXPECT_EQ(gmp::spawn([] { return gmp::procs(); }).get(), 1u);
    EXPECT_THROW(gmp::set_procs(0), std::invalid_argument);
    EXPECT_THROW(gmp::set_procs(1025), std::invalid_argument);
    EXPECT_EQ(gmp::set_procs(before), 1u);
  });
}

// Go: testprog/gomaxprocs.go: the default fits what the process may use.
TEST_F(runtime_unit, by_default_there_are_no_more_ps_than_processors) {
  cpu_set_t allowed;
  ASSERT_EQ(::sched_getaffinity(0, sizeof allowed, &allowed), 0);
  const unsigned seen = gmp::run([] { return gmp::procs(); });
  EXPECT_GE(seen, 1u);
  EXPECT_LE(seen, static_cast<unsigned>(CPU_COUNT(&allowed)));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) {
      CPU_SET(cpu, &one);
      break;
    }
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  const unsigned restricted = gmp::run([] { return gmp::procs(); });
  ASSERT_EQ(::sched_setaffinity(0, sizeof allowed, &allowed), 0);
  EXPECT_EQ(restricted, 1u);
}

TEST_P(runtime_at, parked_gs_are_unwound_at_the_end) {
  std::atomic<int> destroyed = 0;
  struct counter {
    std::atomic<int>& n;
    ~counter() { ++n; }
  };
  run([&] {
    std::atomic<int> started = 0;
    auto begin = [&] { return counter{(++started, destroyed)}; };
    auto never = gmp::make_chan<int>();
    gmp::go([&, never] {
      auto guard = begin();
      never.recv();
    });
    gmp::go([&, never] {
      auto guard = begin();
      gmp::select(gmp::on_send(never, 1), gmp::on_timeout(1h));
    });
    gmp::go([&] {
      auto guard = begin();
      gmp::this_g::sleep_for(1h);
    });
    gmp::go([&] {
      auto guard = begin();
      gmp::select();
    });
    gmp::go([&] {
      auto guard = begin();
      gmp::spawn([&] {
        auto inner = begin();
        gmp::chan<int>().recv();
      }).get();
    });
    gmp::go([&] {
      auto guard = begin();
      for (;;) gmp::this_g::yield();
    });
    until([&] { return started == 7; });
    yield_often();
  });
  EXPECT_EQ(destroyed, 7);
}

TEST_P(runtime_at, gs_that_never_ran_are_dropped_with_what_they_hold) {
  auto held = std::make_shared<int>(1);
  run([&] {
    for (int i = 0; i < 1'000; ++i) gmp::go([held] { gmp::this_g::yield(); });
  });
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(runtime_at, a_waiting_call_in_a_destructor_ends_at_once_during_unwinding) {
  std::atomic<int> finished = 0;
  run([&] {
    auto never = gmp::make_chan<int>();
    auto notes = gmp::make_chan<int>(1);
    struct talks {
      gmp::chan<int> never, notes;
      std::atomic<int>& finished;
      ~talks() {
        int note = 1;
        static_cast<void>(notes.try_send(note));  // works
        never.recv();                             // ends as cancelled
        gmp::this_g::sleep_for(1h);
        ++finished;
      }
    };
    gmp::go([=, &finished] {
      talks guard{never, notes, finished};
      never.recv();
    });
    until_receiver_waits(never);
  });
  EXPECT_EQ(finished, 1);
}

TEST_P(runtime_at, a_task_whose_g_was_unwound_says_so) {
  gmp::options wanted;
  wanted.procs = GetParam();
  gmp::task<int> orphan;
  {
    gmp::runtime scheduler(wanted);
    auto never = gmp::make_chan<int>();
    orphan = scheduler.spawn([never] { return *never.recv(); });
    until_receiver_waits(never);
    EXPECT_FALSE(orphan.wait_for(1ms));
  }
  EXPECT_TRUE(orphan.wait_for(0s));
  EXPECT_THROW(orphan.get(), std::system_error);
}

TEST_F(runtime_unit, a_stopped_runtime_starts_nothing) {
  gmp::runtime scheduler({.procs = 2});
  EXPECT_EQ(scheduler.run([] { return 1; }), 1);
  scheduler.stop();
  scheduler.stop();
  EXPECT_THROW(scheduler.go([] {}), std::system_error);
  EXPECT_THROW(static_cast<void>(scheduler.spawn([] { return 1; })), std::system_error);
  EXPECT_THROW(scheduler.run([] {}), std::system_error);
}

TEST_F(runtime_unit, its_own_gs_may_not_stop_or_run_it) {
  gmp::runtime scheduler({.procs = 1});
  scheduler.run([&] {
    EXPECT_THROW(scheduler.stop(), std::logic_error);
    EXPECT_THROW(scheduler.run([] {}), std::logic_error);
    scheduler.go([] {});
    EXPECT_EQ(scheduler.spawn([] { return 2; }).get(), 2);
  });
}

TEST_P(runtime_at, several_runtimes_exchange_values) {
  gmp::options wanted;
  wanted.procs = GetParam();
  gmp::runtime one(wanted), two(wanted);
  auto there = gmp::make_chan<int>(), back = gmp::make_chan<int>();
  const int n = scaled(1'000);
  two.go([=] {
    for (int v : there) back.send(v + 1);
    back.close();
  });
  const int sum = one.run([=] {
    int all = 0;
    for (int i = 0; i < n; ++i) {
      there.send(i);
      all += *back.recv();
    }
    there.close();
    EXPECT_EQ(back.recv(), std::nullopt);
    return all;
  });
  EXPECT_EQ(sum, n * (n - 1) / 2 + n);
}

TEST_F(runtime_unit, a_runtime_inside_a_g_of_another) {
  const int got = run_at(2, [] {
    int sum = 0;
    for (int i = 0; i < 3; ++i)
      sum += gmp::run([i] { return gmp::spawn([i] { return i; }).get(); }, {.procs = 2});
    return sum + gmp::spawn([] { return 10; }).get();
  });
  EXPECT_EQ(got, 13);
}

TEST_F(runtime_unit, many_short_lives) {
  int sum = 0;
  for (int i = 0; i < scaled(100); ++i)
    sum +=
        run_at(static_cast<unsigned>(i % 4) + 1, [] { return gmp::spawn([] { return 1; }).get(); });
  EXPECT_EQ(sum, scaled(100));
}

TEST_P(runtime_at, counters_add_up) {
  run([procs = GetParam()] {
    const int n = 200;
    crowd all;
    for (int i = 0; i < n; ++i) all.go([] { gmp::this_g::yield(); });
    all.wait();
    until([] { return gmp::stats().live == 1; });
    const gmp::runtime_stats now = gmp::stats();
    EXPECT_EQ(now.procs, procs);
    EXPECT_GE(now.threads, 1u);
    EXPECT_EQ(now.spawned, static_cast<std::uint64_t>(n) + 1);
    EXPECT_EQ(now.finished, static_cast<std::uint64_t>(n));
    EXPECT_GE(now.switches, static_cast<std::uint64_t>(n));
    EXPECT_GE(now.stolen, now.steals);
    EXPECT_GT(now.wall, 0ns);
    EXPECT_GE(now.utilisation(), 0.0);
    EXPECT_LE(now.utilisation(), 1.05);
  });
  EXPECT_EQ(gmp::runtime_stats{}.utilisation(), 0.0);
}

TEST_F(runtime_unit, the_report_names_version_and_stacks) {
  const std::string report = gmp::version_report();
  EXPECT_NE(report.find("gmpsched"), std::string::npos);
  EXPECT_TRUE(report.find("segmented") != std::string::npos ||
              report.find("reserved") != std::string::npos)
      << report;
}

}  // namespace
