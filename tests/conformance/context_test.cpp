// Contexts: what Go's context tests check of cancelling, deadlines and values.
#include <random>

#include "support/contexts.hpp"

namespace {

using namespace gmp_test;
using clock_type = std::chrono::steady_clock;
using gmp::context;

class context_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(context_conformance, 1u, 2u, 4u);

struct user {
  using type = std::string;
};
struct number {
  using type = int;
};
struct other_number {
  using type = int;
};

// Go: TestBackground, TestTODO
TEST_P(context_conformance, the_background_is_never_done) {
  run([] {
    const context root = context::background();
    EXPECT_TRUE(alive(root));
    EXPECT_FALSE(root.done());
    EXPECT_EQ(root.deadline(), std::nullopt);
    EXPECT_EQ(root.cause(), nullptr);
    EXPECT_FALSE(root.token().stop_possible());
    EXPECT_EQ(root.value<number>(), std::nullopt);
    EXPECT_EQ(root, context());
  });
}

// Go: TestWithCancel: at once, and all below
TEST_P(context_conformance, a_cancel_is_complete_when_it_returns) {
  run([] {
    auto [c1, cancel1] = with_cancel(context::background());
    auto with_number = gmp::with_value<number>(c1, 1);
    auto [c2, cancel2] = with_cancel(with_number);
    auto c3 = gmp::with_value<user>(c2, "x");
    for (const context& c : {c1, with_number, c2, c3}) EXPECT_TRUE(alive(c));
    cancel1();
    for (const context& c : {c1, with_number, c2, c3}) EXPECT_TRUE(canceled(c));
    cancel1();
    cancel2();
    EXPECT_TRUE(canceled(c3));
  });
}

// Go: TestDeadline, TestTimeout
TEST_P(context_conformance, a_deadline_passes_for_all_below) {
  run([] {
    const auto start = clock_type::now();
    auto [c, cancel] = gmp::with_deadline(context(), start + 5ms);
    auto [below, cancel_below] = gmp::with_deadline(c, start + 1h);
    EXPECT_EQ(c.deadline(), start + 5ms);
    EXPECT_EQ(below.deadline(), start + 5ms);
    EXPECT_EQ(gmp::with_value<number>(below, 1).deadline(), start + 5ms);
    EXPECT_FALSE(below.done().recv());
    EXPECT_GE(clock_type::now(), start + 5ms);
    EXPECT_TRUE(late(c));
    EXPECT_TRUE(late(below));
    auto [timed, cancel_timed] = gmp::with_timeout(context(), 2ms);
    auto [cancellable, cancel_it] = with_cancel(timed);
    EXPECT_FALSE(cancellable.done().recv());
    EXPECT_TRUE(late(cancellable));
    auto [past, cancel_past] = gmp::with_deadline(context(), start - 1s);
    EXPECT_TRUE(late(past));
    auto [nothing, cancel_nothing] = gmp::with_timeout(context(), 0s);
    EXPECT_TRUE(late(nothing));
    auto [long_one, cancel_long] = gmp::with_timeout(context(), std::chrono::hours::max());
    EXPECT_TRUE(alive(long_one));
  });
}

// Go: TestDeadlineExceededSupportsTimeout
TEST_P(context_conformance, a_missed_deadline_is_a_time_out) {
  run([] {
    auto [c, cancel] = gmp::with_timeout(context(), -1s);
    EXPECT_EQ(c.err(), std::make_error_code(std::errc::timed_out));
    try {
      std::rethrow_exception(c.cause());
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), std::errc::timed_out);
    }
  });
}

// Go: TestCanceledTimeout
TEST_P(context_conformance, cancelled_before_its_deadline) {
  run([] {
    auto [c, cancel] = gmp::with_timeout(context(), 1h);
    auto [below, cancel_below] = gmp::with_timeout(c, 2h);
    cancel();
    EXPECT_TRUE(canceled(c));
    EXPECT_TRUE(canceled(below));
  });
}

// Go: TestValues
TEST_P(context_conformance, the_nearest_value_of_a_key) {
  run([] {
    auto c1 = gmp::with_value<number>(context(), 1);
    auto c2 = gmp::with_value<other_number>(c1, 2);
    auto c3 = gmp::with_value<number>(c2, 3);
    auto [c4, cancel] = with_cancel(gmp::with_value<user>(c3, std::string(100, 'u')));
    EXPECT_EQ(c1.value<number>(), 1);
    EXPECT_EQ(c1.value<other_number>(), std::nullopt);
    EXPECT_EQ(c2.value<number>(), 1);
    EXPECT_EQ(c4.value<number>(), 3);
    EXPECT_EQ(c4.value<other_number>(), 2);
    EXPECT_EQ(c4.value<user>(), std::string(100, 'u'));
    EXPECT_EQ(c1.value<number>(), 1);
    struct maybe {
      using type = std::shared_ptr<int>;
    };
    auto full = gmp::with_value<maybe>(context(), std::make_shared<int>(4));
    auto hidden = gmp::with_value<maybe>(full, nullptr);  // nothing is a value, too
    EXPECT_EQ(**full.value<maybe>(), 4);
    EXPECT_EQ(hidden.value<maybe>().value(), nullptr);
  });
}

// Go: TestParentFinishesChild
TEST_P(context_conformance, the_end_of_the_parent_ends_the_children) {
  run([] {
    auto [parent, cancel] = with_cancel(context());
    auto [child, cancel_child] = with_cancel(parent);
    auto value = gmp::with_value<number>(parent, 1);
    auto [timed, cancel_timed] = gmp::with_timeout(value, 1h);
    EXPECT_EQ(children_of(parent), 2u);
    cancel();
    for (const context& c : {parent, child, value, timed}) EXPECT_TRUE(canceled(c));
    EXPECT_EQ(children_of(parent), 0u);
    auto [born_dead, cancel_it] = with_cancel(parent);
    EXPECT_TRUE(canceled(born_dead));
    EXPECT_EQ(children_of(parent), 0u);
  });
}

// Go: TestChildFinishesFirst
TEST_P(context_conformance, the_end_of_a_child_leaves_the_parent_alone) {
  run([] {
    for (bool with_parent : {false, true}) {
      auto [parent, cancel] = with_cancel(context());
      auto [child, cancel_child] = with_cancel(with_parent ? parent : context());
      cancel_child();
      EXPECT_TRUE(canceled(child));
      EXPECT_TRUE(alive(parent));
      EXPECT_EQ(children_of(parent), 0u);
    }
  });
}

// Go: TestCancelRemoves
TEST_P(context_conformance, what_has_ended_is_forgotten) {
  run([] {
    auto [parent, cancel] = with_cancel(context());
    {
      auto [child, cancel_child] = with_cancel(parent);
      EXPECT_EQ(children_of(parent), 1u);
      cancel_child();
      EXPECT_EQ(children_of(parent), 0u);
    }
    {
      auto [child, cancel_child] = gmp::with_timeout(parent, 1h);
      EXPECT_EQ(children_of(parent), 1u);
      cancel_child();
      EXPECT_EQ(children_of(parent), 0u);
    }
    {
      auto [child, cancel_child] = gmp::with_timeout(parent, 1ms);
      child.done().recv();
      until([&p = parent] { return children_of(p) == 0; });
    }
    {
      auto stop = gmp::after_func(parent, [] {});
      EXPECT_EQ(children_of(parent), 1u);
      EXPECT_TRUE(stop());
      EXPECT_EQ(children_of(parent), 0u);
    }
    {
      auto [child, cancel_child] = with_cancel(parent);
      EXPECT_EQ(children_of(parent), 1u);
    }  // the last copy of the cancel function is gone
    EXPECT_EQ(children_of(parent), 0u);
    EXPECT_TRUE(alive(parent));
  });
}

// Go: TestCustomContextGoroutines: nobody waits on behalf of a context
TEST_P(context_conformance, contexts_need_no_gs) {
  run([] {
    const auto before = gmp::stats().spawned;
    auto [parent, cancel] = with_cancel(context());
    auto [child, cancel_child] = gmp::with_timeout(parent, 1h);
    auto stop = gmp::after_func(child, [] {});
    static_cast<void>(child.token());
    static_cast<void>(child.done());
    EXPECT_TRUE(stop());
    cancel();
    EXPECT_EQ(gmp::stats().spawned, before);
  });
}

// Go: TestSimultaneousCancels
TEST_P(context_conformance, a_hundred_cancelled_in_any_order_at_the_same_time) {
  run([] {
    auto [root, cancel_root] = with_cancel(context());
    std::vector<std::pair<context, gmp::cancel_function>> all{{root, cancel_root}};
    for (std::size_t i = 0; all.size() < 100; ++i) {
      const context above = all[i].first;
      for (int k = 0; k < 2; ++k) all.push_back(with_cancel(above));
    }
    std::shuffle(all.begin(), all.end(), std::mt19937(1));
    crowd callers;
    for (auto& each : all) callers.go([cancel = each.second] { cancel(); });
    for (auto& each : all) EXPECT_FALSE(each.first.done().recv());
    callers.wait();
    for (auto& each : all) EXPECT_TRUE(canceled(each.first));
    for (auto& each : all) EXPECT_EQ(children_of(each.first), 0u);
  });
}

// Go: TestInterlockedCancels
TEST_P(context_conformance, a_child_cancelled_because_its_parent_is) {
  run([] {
    auto [parent, cancel] = with_cancel(context());
    auto [child, cancel_child] = with_cancel(parent);
    crowd one;
    one.go([done = parent.done(), cancel_child = cancel_child] {
      done.recv();
      cancel_child();
    });
    cancel();
    EXPECT_FALSE(child.done().recv());
    one.wait();
  });
}

// Go: TestLayersCancel, TestLayersTimeout
void layers(unsigned seed, bool timeout) {
  std::mt19937 random(seed);
  std::vector<gmp::cancel_function> cancels;
  context c;
  int values = 0;
  for (int i = 0; i < 33; ++i) {
    switch (random() % 3) {
      case 0:
        c = gmp::with_value<number>(c, ++values);
        break;
      case 1: {
        auto [next, cancel] = with_cancel(c);
        c = next;
        cancels.push_back(cancel);
        break;
      }
      default: {
        auto [next, cancel] = gmp::with_timeout(c, timeout ? 5ms : 10s);
        c = next;
        cancels.push_back(cancel);
      }
    }
  }
  if (values > 0) {
    EXPECT_EQ(c.value<number>(), values);
  }
  if (cancels.empty()) return;
  if (timeout) {
    auto [last, cancel] = gmp::with_timeout(c, 5ms);
    EXPECT_FALSE(last.done().recv());
    EXPECT_TRUE(late(last));
    return;
  }
  EXPECT_TRUE(alive(c));
  cancels[random() % cancels.size()]();
  EXPECT_TRUE(canceled(c));
  if (values > 0) {
    EXPECT_EQ(c.value<number>(), values);
  }
}

TEST_P(context_conformance, any_layer_of_thirty_three_reaches_the_last) {
  run([] {
    for (unsigned seed = 1; seed <= 30; ++seed) layers(seed, false);
    for (unsigned seed = 1; seed <= 5; ++seed) layers(seed, true);
  });
}

// Go: TestWithoutCancel
TEST_P(context_conformance, only_the_values_without_the_end) {
  run([] {
    auto [parent, cancel] = gmp::with_timeout(gmp::with_value<number>(context(), 7), 1h);
    auto detached = without_cancel(parent);
    EXPECT_EQ(detached.value<number>(), 7);
    EXPECT_EQ(detached.deadline(), std::nullopt);
    EXPECT_FALSE(detached.done());
    cancel();
    EXPECT_TRUE(alive(detached));
    EXPECT_EQ(detached.cause(), nullptr);
    EXPECT_EQ(detached.value<number>(), 7);
    auto [below, cancel_below] = with_cancel(detached);
    EXPECT_TRUE(alive(below));
  });
}

// Go: TestContextErrDoneRace: who sees the error finds the channel closed, and the other way round
TEST_P(context_conformance, error_and_channel_come_together) {
  run([] {
    for (int round = 0; round < 60; ++round) {
      auto [c, cancel] = with_cancel(context());
      auto done = c.done();
      crowd watchers;
      watchers.go([c = c, done] {
        while (!c.err()) gmp::this_g::yield();
        EXPECT_EQ(done.try_recv(), gmp::chan_status::closed);
        EXPECT_TRUE(c.cause() != nullptr);
      });
      watchers.go([c = c, done] {
        while (done.try_recv() != gmp::chan_status::closed) gmp::this_g::yield();
        EXPECT_TRUE(c.err());
      });
      std::thread outside([cancel = cancel] { cancel(); });
      watchers.wait();
      outside.join();
    }
  });
}

// Go: TestInvalidDerivedFail, TestWithValueChecksKey: there is no context that is nothing, and keys
// are types
static_assert(std::is_nothrow_default_constructible_v<context>);
static_assert(!std::is_constructible_v<context, std::nullptr_t>);
template <class Key>
concept usable_key = requires(context c) {
  gmp::with_value<Key>(c, {});
};
static_assert(usable_key<number> && !usable_key<int>);

}  // namespace
