// Contexts and groups under load: cancelled from everywhere at once, and nothing is left.
#include <gmp/defer.hpp>
#include <gmp/task_group.hpp>
#include <gmp/wait_group.hpp>

#include <array>

#include "support/contexts.hpp"
#include "support/lengthen.hpp"

namespace {

using namespace gmp_test;
using gmp::context;

class context_stress : public stress_test {};

// A tree that grows while its parts are cancelled by Gs, threads and deadlines.
TEST_F(context_stress, a_growing_tree_is_cut_everywhere) {
  run_each([] {
    for (int round = 0; round < stressed(30); ++round) {
      auto [root, cancel] = with_cancel(context());
      std::atomic<int> called = 0;
      gmp::wait_group after;
      crowd all;
      for (int k = 0; k < 8; ++k) {
        after.add(1);
        all.go([&, root = root, k] {
          context at = root;
          std::vector<gmp::cancel_function> cancels;
          for (int i = 0; i < 20; ++i) {
            auto [next, cancel_next] =
                i % 5 == k % 5 ? gmp::with_timeout(at, std::chrono::microseconds(100 * i))
                               : with_cancel(at);
            at = next;
            cancels.push_back(cancel_next);
          }
          gmp::after_func(at, [&] {
            ++called;
            after.done();
          });
          if (k % 2 == 0) cancels[static_cast<std::size_t>(k)]();
          at.done().recv();
          EXPECT_TRUE(at.err());
        });
      }
      std::thread outside([cancel = cancel] { cancel(); });
      all.wait();
      after.wait();
      outside.join();
      EXPECT_EQ(called, 8);
      EXPECT_EQ(children_of(root), 0u);
    }
  });
}

// Registrations come and go while their context is cancelled: each is called or was stopped.
TEST_F(context_stress, called_or_stopped) {
  run_each([] {
    for (int round = 0; round < stressed(200); ++round) {
      auto [c, cancel] = gmp::with_timeout(context(), 50us);
      std::atomic<int> called = 0, stopped = 0;
      gmp::task_group group;
      for (int k = 0; k < 8; ++k) {
        group.go([&, c = c, k] {
          auto stop = gmp::after_func(c, [&] { ++called; });
          for (int i = 0; i < k; ++i) gmp::this_g::yield();
          if (stop()) ++stopped;
        });
      }
      group.wait();
      cancel();
      until([&] { return called + stopped == 8; });
    }
  });
}

// Requests with a deadline, as a server has them: nothing is left in the root.
TEST_F(context_stress, short_lives_below_one_root) {
  run_each([] {
    auto [root, cancel] = with_cancel(context());
    gmp::task_group group(root);
    group.set_limit(64);
    std::atomic<int> done = 0, late_ones = 0;
    const int n = stressed(5'000);
    for (int i = 0; i < n; ++i) {
      group.go([&, i](const context& c) {
        auto [mine, cancel_mine] = gmp::with_timeout(c, i % 10 == 0 ? 10us : 10s);
        auto answer = gmp::make_chan<int>(1);
        if (i % 10 != 0) answer.send(i);
        gmp::select(gmp::on_recv(answer, [&] { ++done; }),
                    gmp::on_done(mine, [&] { ++late_ones; }));
      });
    }
    group.wait();
    EXPECT_EQ(done + late_ones, n);
    EXPECT_EQ(late_ones, n / 10);
    // A context whose time has come is taken out after its waits are over.
    until([&] { return children_of(group.context()) == 0; });
  });
}

// Failures, cancels and the end of groups within groups.
TEST_F(context_stress, nested_groups_fail_at_random) {
  run_each([] {
    for (int round = 0; round < stressed(50); ++round) {
      std::atomic<int> alive_tasks = 0;
      gmp::task_group outer;
      for (int k = 0; k < 4; ++k) {
        outer.go([&, k, round](const context& c) {
          gmp::task_group inner(c);
          inner.set_limit(3);
          for (int i = 0; i < 6; ++i) {
            inner.go([&, i, k, round](const context& mine) {
              ++alive_tasks;
              gmp::defer d{[&] { --alive_tasks; }};
              if (i == round % 9 && k == round % 5) throw std::runtime_error("bad luck");
              if (i % 2 == 0) return;
              gmp::select(gmp::on_done(mine), gmp::on_timeout(100us));
            });
          }
          inner.wait();
        });
      }
      const bool fails = round % 9 < 6 && round % 5 < 4;
      if (fails) {
        EXPECT_THROW(outer.wait(), std::runtime_error);
      } else {
        outer.wait();
      }
      EXPECT_EQ(alive_tasks, 0);
    }
  });
}

}  // namespace
