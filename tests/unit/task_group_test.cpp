#include <gmp/task_group.hpp>

#include <gmp/defer.hpp>

#include "support/contexts.hpp"

namespace {

using namespace gmp_test;
using gmp::context;
using gmp::task_group;

class task_group_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(task_group_at, 1u, 2u, 4u, 8u);
class task_group_unit : public in_runtime {};

static_assert(!std::is_copy_constructible_v<task_group>);

TEST_P(task_group_at, waits_for_all) {
  run([] {
    task_group group;
    group.wait();  // of nothing
    std::atomic<int> ended = 0;
    for (int i = 0; i < 100; ++i) {
      group.go([&, i] {
        if (i % 3 == 0) gmp::this_g::yield();
        ++ended;
      });
    }
    group.wait();
    EXPECT_EQ(ended, 100);
    group.go([&] { ++ended; });  // once more
    group.wait();
    EXPECT_EQ(ended, 101);
    EXPECT_TRUE(alive(group.context()));
  });
}

TEST_P(task_group_at, the_first_failure_cancels_the_others_and_is_rethrown) {
  run([] {
    task_group group;
    std::atomic<int> cancelled = 0;
    for (int i = 0; i < 10; ++i) {
      group.go([&](const context& c) {
        c.done().recv();
        ++cancelled;
        throw std::logic_error("as a consequence");
      });
    }
    group.go([] { throw std::runtime_error("first"); });
    try {
      group.wait();
      ADD_FAILURE() << "no failure";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "first");
    }
    EXPECT_EQ(cancelled, 10);
    EXPECT_TRUE(canceled(group.context()));
    EXPECT_EQ(text_of(group.context().cause()), "first");
    EXPECT_THROW(group.wait(), std::runtime_error);  // it stays failed
  });
}

TEST_P(task_group_at, what_is_thrown_need_not_be_an_exception_class) {
  run([] {
    task_group group;
    group.go([] { throw 7; });
    EXPECT_THROW(group.wait(), int);
  });
}

TEST_P(task_group_at, collects_all_failures) {
  run([] {
    task_group group(gmp::collect_all);
    std::atomic<int> ended = 0;
    for (int i = 0; i < 20; ++i) {
      group.go([&, i](context c) {
        EXPECT_TRUE(alive(c));
        ++ended;
        if (i % 2 == 0) throw std::runtime_error(std::to_string(i));
      });
    }
    try {
      group.wait();
      ADD_FAILURE() << "no failure";
    } catch (const gmp::group_errors& e) {
      EXPECT_STREQ(e.what(), "gmp::task_group: 10 failed");
      int sum = 0;
      for (const auto& each : e.errors()) sum += std::stoi(text_of(each));
      EXPECT_EQ(sum, 90);
      EXPECT_EQ(e.errors().size(), 10u);
    }
    EXPECT_EQ(ended, 20);
    EXPECT_TRUE(alive(group.context()));
    task_group fine(gmp::collect_all);
    fine.go([] {});
    fine.wait();
  });
}

TEST_P(task_group_at, no_more_at_a_time_than_the_limit) {
  run([] {
    for (int limit : {1, 3}) {
      task_group group;
      group.set_limit(limit);
      std::atomic<int> now = 0, most = 0, ended = 0;
      for (int i = 0; i < 50; ++i) {
        group.go([&] {
          const int n = ++now;
          for (int seen = most; seen < n && !most.compare_exchange_weak(seen, n);) {
          }
          gmp::this_g::yield();
          --now;
          ++ended;
        });
      }
      group.wait();
      EXPECT_EQ(ended, 50);
      EXPECT_LE(most, limit);
    }
  });
}

TEST_P(task_group_at, trying_does_not_wait) {
  run([] {
    task_group group;
    group.set_limit(1);
    auto hold = gmp::make_chan<void>();
    EXPECT_TRUE(group.try_go([hold] { hold.recv(); }));
    auto kept = std::make_unique<int>(1);
    EXPECT_FALSE(group.try_go([kept = std::move(kept)] {}));
    EXPECT_THROW(group.set_limit(2), std::logic_error);
    hold.send();
    group.wait();
    group.set_limit(-1);
    EXPECT_TRUE(group.try_go([] {}));
    EXPECT_TRUE(group.try_go([] {}));
    group.wait();
    EXPECT_THROW(group.set_limit(0), std::invalid_argument);
  });
}

TEST_P(task_group_at, the_end_of_the_group_cancels_and_waits) {
  run([] {
    std::atomic<int> ended = 0;
    auto leave = [&] {
      task_group group;
      for (int i = 0; i < 5; ++i) {
        group.go([&](context c) {
          c.done().recv();
          yield_often(5);
          ++ended;
          throw std::runtime_error("nobody asks");
        });
      }
      throw std::logic_error("away");
    };
    EXPECT_THROW(leave(), std::logic_error);
    EXPECT_EQ(ended, 5);
  });
}

TEST_P(task_group_at, what_a_task_captured_is_gone_before_it_counts_as_ended) {
  run([] {
    for (int i = 0; i < 50; ++i) {
      auto kept = std::make_shared<int>(i);
      task_group group;
      group.go([kept] {});
      group.go([kept] { throw std::runtime_error("x"); });
      EXPECT_THROW(group.wait(), std::runtime_error);
      EXPECT_EQ(kept.use_count(), 1);
    }
  });
}

TEST_P(task_group_at, a_context_above_ends_the_tasks) {
  run([] {
    auto [c, cancel] = gmp::with_timeout(context(), 2ms);
    task_group group(c);
    std::atomic<int> ended = 0;
    for (int i = 0; i < 5; ++i) {
      group.go({.name = "waits", .facts = {{"task", std::to_string(i)}}}, [&](context mine) {
        mine.done().recv();
        ++ended;
      });
    }
    group.wait();
    EXPECT_EQ(ended, 5);
    EXPECT_TRUE(late(group.context()));
  });
}

TEST_P(task_group_at, groups_within_groups) {
  run([] {
    task_group outer;
    for (int i = 0; i < 4; ++i) {
      outer.go([i](context c) {
        task_group inner(c);
        inner.go([](context mine) { mine.done().recv(); });
        inner.go([i](context mine) {
          if (i == 2) throw std::runtime_error("deep");
          mine.done().recv();
        });
        inner.wait();
      });
    }
    try {
      outer.wait();
      ADD_FAILURE() << "no failure";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "deep");
    }
  });
}

TEST_P(task_group_at, cancelling_is_no_failure) {
  run([] {
    task_group group;
    group.go([](context c) { c.done().recv(); });
    group.cancel();
    group.wait();
    EXPECT_TRUE(canceled(group.context()));
  });
}

// The tasks are unwound before what they refer to is gone, although the runtime stops.
TEST_F(task_group_unit, the_end_of_the_runtime) {
  for (unsigned procs : {1u, 2u, 4u}) {
    std::atomic<int> started = 0, tasks = 0, groups = 0;
    run_at(procs, [&] {
      gmp::go([&] {
        gmp::defer last{[&] { ++groups; }};
        std::string used = "by the tasks";
        task_group group;
        for (int i = 0; i < 5; ++i) {
          group.go([&] {
            gmp::defer d{[&] { tasks += used == "by the tasks"; }};
            ++started;
            gmp::make_chan<void>().recv();
          });
        }
        group.wait();
      });
      until([&] { return started == 5; });
    });
    EXPECT_EQ(tasks, 5);
    EXPECT_EQ(groups, 1);
  }
}

TEST_F(task_group_unit, waited_for_by_a_thread_whose_runtime_stops) {
  std::optional<task_group> group;
  std::thread waiter;
  std::exception_ptr told;
  {
    gmp::runtime runs;
    group.emplace();
    group->go([] { gmp::make_chan<void>().recv(); });
    waiter = std::thread([&] {
      try {
        group->wait();
      } catch (...) {
        told = std::current_exception();
      }
    });
  }
  waiter.join();
  EXPECT_THROW(std::rethrow_exception(told), std::system_error);
  EXPECT_THROW(group->go([] {}), std::system_error);  // no runtime
  group.reset();
}

}  // namespace
