#include <gmp/condition_variable.hpp>
#include <gmp/mutex.hpp>

#include <gmp/defer.hpp>

#include "support/contexts.hpp"

namespace {

using namespace gmp_test;
using gmp::context;

class context_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(context_at, 1u, 2u, 4u, 8u);
class context_unit : public in_runtime {};

static_assert(std::is_nothrow_copy_constructible_v<context> &&
              std::is_nothrow_move_assignable_v<gmp::cancel_function>);

TEST_P(context_at, a_select_case) {
  run([] {
    auto [c, cancel] = with_cancel(context());
    auto ch = gmp::make_chan<int>();
    EXPECT_EQ(gmp::select(gmp::on_recv(ch), gmp::on_done(c), gmp::otherwise()), 2u);
    crowd one;
    one.go([cancel = cancel] { cancel(); });
    std::error_code seen;
    EXPECT_EQ(gmp::select(gmp::on_recv(ch), gmp::on_done(c, [&](std::error_code e) { seen = e; })),
              1u);
    EXPECT_EQ(seen, std::errc::operation_canceled);
    int calls = 0;
    gmp::select(gmp::on_done(c, [&] { ++calls; }));
    gmp::select(gmp::on_done(context()), gmp::on_timeout(1ms, [&] { ++calls; }));
    EXPECT_EQ(calls, 2);
    one.wait();
  });
}

TEST_P(context_at, copies_of_the_cancel_function_count) {
  run([] {
    gmp::cancel_function kept;
    EXPECT_FALSE(kept);
    kept();  // of nothing
    context c;
    {
      auto [made, cancel] = with_cancel(context());
      c = made;
      kept = cancel;
    }
    EXPECT_TRUE(kept);
    EXPECT_TRUE(alive(c));
    gmp::cancel_function moved = std::move(kept);
    EXPECT_TRUE(alive(c));
    moved = {};
    EXPECT_TRUE(canceled(c));
  });
}

TEST_P(context_at, the_token_stops_after_all_below_are_cancelled) {
  run([] {
    auto [c, cancel] = with_cancel(context());
    auto [below, cancel_below] = with_cancel(c);
    std::string order;
    std::stop_callback above_stops(c.token(), [&, b = below] {
      order += canceled(b) ? "a" : "early";
      cancel();  // no lock is held
    });
    std::stop_callback below_stops(below.token(), [&] { order += "b"; });
    EXPECT_FALSE(c.token().stop_requested());
    cancel();
    EXPECT_EQ(order, "ba");
    EXPECT_TRUE(c.token().stop_requested());
    auto [dead, cancel_dead] = with_cancel(c);
    EXPECT_TRUE(dead.token().stop_requested());
  });
}

TEST_P(context_at, a_token_ends_the_wait_for_a_condition) {
  run([] {
    auto [c, cancel] = gmp::with_timeout(context(), 2ms);
    gmp::mutex m;
    gmp::condition_variable changed;
    std::unique_lock hold(m);
    EXPECT_FALSE(changed.wait(hold, c.token(), [] { return false; }));
    EXPECT_TRUE(c.token().stop_requested());
  });
}

TEST_P(context_at, cancelled_by_a_destructor_during_unwinding) {
  run([] {
    context c;
    try {
      auto [made, cancel] = with_cancel(context());
      c = made;
      throw std::runtime_error("away");
    } catch (const std::runtime_error&) {
    }
    EXPECT_TRUE(canceled(c));
  });
}

TEST_P(context_at, many_deadlines_at_once) {
  run([] {
    std::vector<std::pair<context, gmp::cancel_function>> all;
    auto [root, cancel] = with_cancel(context());
    const int n = scaled_gs(2'000);
    for (int i = 0; i < n; ++i)
      all.push_back(gmp::with_timeout(root, std::chrono::microseconds(i % 7 * 300)));
    for (auto& each : all) EXPECT_FALSE(each.first.done().recv());
    for (auto& each : all) EXPECT_TRUE(late(each.first));
    until([&] { return children_of(root) == 0; });
  });
}

// Deep trees end without deep recursion.
TEST_P(context_at, a_chain_of_many_contexts) {
  run([] {
    std::vector<gmp::cancel_function> cancels;
    auto [c, cancel] = with_cancel(context());
    context at = c;
    for (int i = 0; i < scaled(50'000); ++i) {
      auto [next, cancel_next] = with_cancel(at);
      at = next;
      cancels.push_back(std::move(cancel_next));
    }
    cancel();
    EXPECT_TRUE(canceled(at));
  });
}

// Gs that wait for a context when their runtime stops, and cancel in destructors meanwhile.
TEST_F(context_unit, outlives_its_runtime) {
  context c;
  gmp::cancel_function cancel;
  std::atomic<int> unwound = 0;
  std::atomic<bool> called = false;
  run_at(2, [&] {
    std::tie(c, cancel) = gmp::with_timeout(context(), 1h);
    gmp::after_func(c, [&] { called = true; });
    for (int i = 0; i < 4; ++i) {
      gmp::go([&] {
        auto [mine, cancel_mine] = with_cancel(c);
        gmp::after_func(mine, [&] { called = true; });
        gmp::defer d{[&] { ++unwound; }};
        mine.done().recv();
      });
    }
    until([&] { return children_of(c) == 5; });
    yield_often();
  });
  EXPECT_EQ(unwound, 4);
  EXPECT_EQ(children_of(c), 1u);
  cancel();
  EXPECT_TRUE(canceled(c));
  EXPECT_EQ(children_of(c), 0u);
  EXPECT_FALSE(called);  // nobody is left to call it
}

// --- plain threads

TEST(context_threads, cancelling_and_waiting_need_no_runtime) {
  auto [c, cancel] = with_cancel_cause(context());
  auto [below, cancel_below] = with_cancel(c);
  std::thread waits([below = below] { EXPECT_FALSE(below.done().recv()); });
  std::thread cancels([cancel = cancel] { cancel(std::make_error_code(std::errc::io_error)); });
  waits.join();
  cancels.join();
  try {
    std::rethrow_exception(below.cause());
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), std::errc::io_error);
  }
}

TEST(context_threads, deadlines_and_after_func_need_a_runtime) {
  auto [root, cancel] = with_cancel(context());
  EXPECT_THROW(static_cast<void>(gmp::with_timeout(root, 1h)), std::system_error);
  EXPECT_EQ(children_of(root), 0u);
  EXPECT_THROW(gmp::after_func(root, [] {}), std::system_error);
  EXPECT_EQ(children_of(root), 0u);
  auto [past, cancel_past] = gmp::with_timeout(root, -1s);
  EXPECT_TRUE(late(past));
  gmp::runtime somewhere;
  auto [c, cancel_c] = gmp::with_timeout(root, 1ms);
  EXPECT_FALSE(c.done().recv());
  EXPECT_TRUE(late(c));
  std::atomic<bool> called = false;
  gmp::after_func(c, [&] { called = gmp::this_g::exists(); });
  until([&] { return called.load(); });
}

}  // namespace
