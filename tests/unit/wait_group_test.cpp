#include <gmp/wait_group.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "support/queues.hpp"

namespace {

using namespace gmp_test;
using namespace std::chrono_literals;

class wait_group_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(wait_group_at, 1u, 2u, 4u, 8u);
class wait_group_unit : public in_runtime {};

static_assert(!std::is_copy_constructible_v<gmp::wait_group>);

TEST_F(wait_group_unit, counts) {
  gmp::wait_group g;
  g.wait();
  g.add(3);
  g.add(-2);
  EXPECT_THROW(g.add(-2), std::logic_error);
  g.done();
  g.wait();
  EXPECT_THROW(g.done(), std::logic_error);
  EXPECT_THROW(g.add(PTRDIFF_MAX), std::logic_error);
  EXPECT_THROW(g.add(PTRDIFF_MIN), std::logic_error);
  g.add(0);
  g.wait();
}

// Two groups as a barrier, used again and again. (Go: TestWaitGroup.)
TEST_P(wait_group_at, is_a_reusable_barrier) {
  run([&] {
    gmp::wait_group first, second;
    for (int round = 0; round < 8; ++round) {
      constexpr int n = 16;
      first.add(n);
      second.add(n);
      std::atomic<int> out = 0;
      gmp::wait_group gone;
      for (int i = 0; i < n; ++i) {
        gone.go([&] {
          first.done();
          second.wait();
          ++out;
        });
      }
      first.wait();
      for (int i = 0; i < n; ++i) {
        EXPECT_EQ(out, 0);
        second.done();
      }
      gone.wait();
      EXPECT_EQ(out, n);
    }
  });
}

// No early return, and the group may go as soon as wait() has returned. (Go: TestWaitGroupRace.)
TEST_P(wait_group_at, returns_when_all_are_done) {
  run([&] {
    for (int k = 0; k < scaled(1'000); ++k) {
      auto group = std::make_unique<gmp::wait_group>();
      int a = 0, b = 0;  // plain: done() publishes
      group->add(2);
      gmp::go([&, g = group.get()] {
        a = 1;
        g->done();
      });
      gmp::go([&, g = group.get()] {
        b = 1;
        g->done();
      });
      group->wait();
      group.reset();
      EXPECT_EQ(a + b, 2);
    }
  });
}

TEST_P(wait_group_at, all_waiters_go_on) {
  run([&] {
    gmp::wait_group work, waiters;
    work.add(1);
    std::atomic<int> woken = 0;
    for (int i = 0; i < 10; ++i) {
      waiters.go([&] {
        work.wait();
        ++woken;
      });
    }
    std::thread outside([&] {
      work.wait();
      ++woken;
    });
    until_waiting<group_queue>(work, 11);
    EXPECT_EQ(woken, 0);
    work.done();
    waiters.wait();
    outside.join();
    EXPECT_EQ(woken, 11);
  });
}

TEST_P(wait_group_at, go_runs_and_counts) {
  run([&] {
    gmp::wait_group group;
    std::atomic<int> ran = 0;
    std::atomic<int> alive = 0;
    struct counted {
      std::atomic<int>* n;
      explicit counted(std::atomic<int>& counter) : n(&counter) { ++*n; }
      counted(counted&& other) noexcept : n(std::exchange(other.n, nullptr)) {}
      ~counted() {
        if (n != nullptr) --*n;
      }
    };
    for (int i = 0; i < 50; ++i) {
      group.go([&ran, tag = counted(alive), text = std::make_unique<int>(i)] {
        gmp::this_g::yield();
        ran += *text >= 0;
      });
    }
    group.wait();
    EXPECT_EQ(ran, 50);
    EXPECT_EQ(alive, 0);  // captures end before the group is told
  });
}

TEST_F(wait_group_unit, go_without_a_runtime_throws_and_counts_nothing) {
  gmp::wait_group group;
  EXPECT_THROW(group.go([] {}), std::system_error);
  group.wait();
}

// A thread that waits goes on when the runtime whose Gs it waits for stops.
TEST_P(wait_group_at, unwound_gs_are_counted_off) {
  gmp::wait_group group;
  std::optional<std::thread> outside;
  run([&] {
    group.go([] { gmp::chan<int>().recv(); });
    group.go([&] { group.wait(); });
    outside.emplace([&] { group.wait(); });
    until_waiting<group_queue>(group, 2);
  });
  outside->join();
  group.wait();
}

using wait_group_death_test = wait_group_unit;
TEST_F(wait_group_death_test, an_exception_in_go_is_a_panic) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(run_at(2,
                      [] {
                        gmp::wait_group group;
                        group.go([] { throw std::runtime_error("thrown in go"); });
                        group.wait();
                        std::fputs("wait returned\n", stderr);
                        std::_Exit(0);
                      }),
               "panic.*thrown in go");
}

}  // namespace
