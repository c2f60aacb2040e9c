// Contexts: what Go's context tests check of causes and of functions called after the end.
#include <gmp/wait_group.hpp>

#include "support/contexts.hpp"

namespace {

using namespace gmp_test;
using gmp::context;

class context_cause_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(context_cause_conformance, 1u, 2u, 4u);
class after_func_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(after_func_conformance, 1u, 2u, 4u);

const char* const plainly = "gmp::context: Operation canceled";
const char* const too_late = "gmp::context: Connection timed out";

// Go: TestCause: one row each
struct cause_row {
  const char* name;
  context (*make)(std::vector<std::shared_ptr<void>>& keep);
  int error;
  std::string cause;
};

// Keeps the cancel function as long as the row.
template <class C>
context kept(std::vector<std::shared_ptr<void>>& keep, std::pair<context, C> made) {
  keep.push_back(std::make_shared<C>(made.second));
  return made.first;
}
using keeper = std::vector<std::shared_ptr<void>>;

const std::exception_ptr parent_cause = error("parent"), child_cause = error("child"),
                         late_cause = error("late");

context by_parent(keeper& keep, bool parent_first, bool child_too) {
  auto [parent, cancel_parent] = with_cancel_cause(context());
  auto [child, cancel_child] = with_cancel_cause(parent);
  if (parent_first) cancel_parent(parent_cause);
  if (child_too) cancel_child(child_cause);
  if (!parent_first) cancel_parent(parent_cause);
  kept(keep, std::pair(parent, cancel_parent));
  return kept(keep, std::pair(child, cancel_child));
}

// Cancelled by its function, with these arguments.
template <class... Why>
context by_itself(keeper& keep, const Why&... why) {
  auto made = with_cancel_cause(context());
  (made.second(why), ...);
  return kept(keep, made);
}

context cancelled_plainly(keeper& keep) {
  auto made = with_cancel(context());
  made.second();
  return kept(keep, made);
}

context missed(keeper& keep) {
  return kept(
      keep, gmp::with_deadline_cause(context(), std::chrono::steady_clock::now() - 1s, late_cause));
}

context cancelled_in_time(keeper& keep) {
  auto made = gmp::with_timeout_cause(context(), 1h, late_cause);
  made.second();
  return kept(keep, made);
}

context timed_out(keeper& keep) {
  return kept(keep, gmp::with_timeout_cause(context(), 0s, late_cause));
}

context below_a_barrier(keeper& keep) {
  auto made = with_cancel_cause(without_cancel(by_parent(keep, true, true)));
  made.second(child_cause);
  return kept(keep, made);
}

struct some_key {
  using type = int;
};

const cause_row cause_rows[] = {
    {"background", [](keeper&) { return context(); }, 0, "none"},
    {"alive", [](keeper& k) { return kept(k, with_cancel(context())); }, 0, "none"},
    {"alive, with cause", [](keeper& k) { return by_itself(k); }, 0, "none"},
    {"cancelled", &cancelled_plainly, ECANCELED, plainly},
    {"for a reason", [](keeper& k) { return by_itself(k, parent_cause); }, ECANCELED, "parent"},
    {"for none", [](keeper& k) { return by_itself(k, nullptr, parent_cause); }, ECANCELED, plainly},
    {"twice", [](keeper& k) { return by_itself(k, child_cause, parent_cause); }, ECANCELED,
     "child"},
    {"an exception", [](keeper& k) { return by_itself(k, std::logic_error("thrown")); }, ECANCELED,
     "thrown"},
    {"the parent first", [](keeper& k) { return by_parent(k, true, true); }, ECANCELED, "parent"},
    {"the child first", [](keeper& k) { return by_parent(k, false, true); }, ECANCELED, "child"},
    {"the parent alone", [](keeper& k) { return by_parent(k, true, false); }, ECANCELED, "parent"},
    {"late", [](keeper& k) { return kept(k, gmp::with_timeout(context(), 0s)); }, ETIMEDOUT,
     too_late},
    {"late for a reason", &timed_out, ETIMEDOUT, "late"},
    {"deadline missed for a reason", &missed, ETIMEDOUT, "late"},
    {"cancelled before it was late", &cancelled_in_time, ECANCELED, plainly},
    {"below a late one", [](keeper& k) { return kept(k, with_cancel_cause(timed_out(k))); },
     ETIMEDOUT, "late"},
    {"below a late one, with more time",
     [](keeper& k) { return kept(k, gmp::with_timeout_cause(timed_out(k), 1h, child_cause)); },
     ETIMEDOUT, "late"},
    {"a value passes it on",
     [](keeper& k) { return gmp::with_value<some_key>(by_parent(k, true, false), 1); }, ECANCELED,
     "parent"},
    {"without the end there is no cause",
     [](keeper& k) { return without_cancel(by_parent(k, true, true)); }, 0, "none"},
    {"cancelled below without the end", &below_a_barrier, ECANCELED, "child"},
};

TEST_P(context_cause_conformance, the_first_cause_counts_and_is_handed_down) {
  run([] {
    for (const cause_row& row : cause_rows) {
      keeper keep;
      const context c = row.make(keep);
      EXPECT_EQ(c.err().value(), row.error) << row.name;
      EXPECT_EQ(text_of(c.cause()), row.cause) << row.name;
    }
  });
}

// Go: TestCauseRace: an error without a cause is never seen
TEST_P(context_cause_conformance, the_cause_is_there_as_soon_as_the_error) {
  run([] {
    for (int i = 0; i < scaled(300); ++i) {
      auto [c, cancel] = with_cancel_cause(context());
      crowd one;
      one.go([cancel = cancel] { cancel(child_cause); });
      while (c.cause() == nullptr) gmp::this_g::yield();
      EXPECT_EQ(c.cause(), child_cause);
      EXPECT_TRUE(canceled(c));
      one.wait();
    }
  });
}

// Go: TestWithCancelCanceledParent
TEST_P(context_cause_conformance, the_child_of_a_cancelled_parent) {
  run([] {
    auto [parent, cancel] = with_cancel_cause(context());
    cancel(std::runtime_error("because"));
    auto [child, cancel_child] = with_cancel(parent);
    EXPECT_TRUE(canceled(child));
    EXPECT_EQ(child.cause(), parent.cause());
    auto [timed, cancel_timed] = gmp::with_timeout(parent, 1h);
    EXPECT_TRUE(canceled(timed));
    EXPECT_EQ(text_of(timed.cause()), "because");
  });
}

// Go: TestWithCancelSimultaneouslyCanceledParent
TEST_P(context_cause_conformance, the_child_of_a_parent_that_is_being_cancelled) {
  run([] {
    for (int i = 0; i < scaled(500); ++i) {
      auto [parent, cancel] = with_cancel_cause(context());
      crowd one;
      one.go([cancel = cancel] { cancel(parent_cause); });
      auto [child, cancel_child] = with_cancel(parent);
      EXPECT_FALSE(child.done().recv());
      EXPECT_EQ(child.cause(), parent_cause);
      one.wait();
    }
  });
}

// Go: TestAfterFuncCalledAfterCancel
TEST_P(after_func_conformance, called_once_after_the_end) {
  run([] {
    auto [c, cancel] = with_cancel(context());
    auto called = gmp::make_chan<std::uint64_t>(2);
    auto stop = gmp::after_func(c, [called] { called.send(gmp::this_g::id()); });
    EXPECT_EQ(called.recv_for(*std::make_unique<std::optional<std::uint64_t>>(), 2ms),
              gmp::chan_status::would_block);
    cancel();
    EXPECT_NE(called.recv(), gmp::this_g::id());  // on a G of its own
    EXPECT_FALSE(stop());
    cancel();
    yield_often();
    EXPECT_EQ(called.len(), 0u);
  });
}

// Go: TestAfterFuncCalledAfterTimeout
TEST_P(after_func_conformance, called_after_a_deadline) {
  run([] {
    auto [c, cancel] = gmp::with_timeout(context(), 1ms);
    auto called = gmp::make_chan<void>();
    gmp::after_func(c, [called] { called.send(); });
    EXPECT_TRUE(called.recv());
    EXPECT_TRUE(late(c));
  });
}

// Go: TestAfterFuncCalledImmediately
TEST_P(after_func_conformance, called_at_once_when_it_is_over) {
  run([] {
    auto [c, cancel] = with_cancel(context());
    cancel();
    auto called = gmp::make_chan<void>();
    auto stop = gmp::after_func(c, [called] { called.send(); });
    EXPECT_TRUE(called.recv());
    EXPECT_FALSE(stop());
  });
}

// Go: TestAfterFuncNotCalledAfterStop
TEST_P(after_func_conformance, a_stopped_one_is_not_called) {
  run([] {
    auto [c, cancel] = with_cancel(context());
    auto called = gmp::make_chan<void>();
    auto kept_alive = std::make_shared<int>();
    auto stop = gmp::after_func(c, [called, kept_alive] { called.send(); });
    const auto copy = stop;
    EXPECT_TRUE(stop());
    EXPECT_EQ(kept_alive.use_count(), 1);  // what it captured is gone
    EXPECT_FALSE(stop());
    EXPECT_FALSE(copy());
    cancel();
    EXPECT_EQ(called.recv_for(2ms), gmp::chan_status::would_block);
    auto never = gmp::after_func(context(), [called] { called.send(); });
    EXPECT_TRUE(never());
    EXPECT_FALSE(never());
    EXPECT_FALSE(gmp::stop_function()());
  });
}

// Go: TestAfterFuncCalledAsynchronously: the cancel does not wait
TEST_P(after_func_conformance, who_cancels_does_not_wait_for_it) {
  run([] {
    auto [c, cancel] = with_cancel(context());
    auto meet = gmp::make_chan<void>();
    gmp::after_func(c, [meet] { meet.send(); });
    cancel();  // would hang here
    EXPECT_TRUE(meet.recv());
  });
}

// Go: TestCustomContextAfterFunc*: in the order of their making, each once, at any depth
TEST_P(after_func_conformance, many_at_every_depth) {
  run([] {
    auto [root, cancel] = with_cancel(context());
    std::vector<std::pair<context, gmp::cancel_function>> below;
    std::vector<gmp::stop_function> stops;
    std::atomic<int> called = 0;
    gmp::wait_group all;
    context at = root;
    for (int i = 0; i < 100; ++i) {
      all.add(1);
      stops.push_back(gmp::after_func(at, [&] {
        ++called;
        all.done();
      }));
      below.push_back(with_cancel(at));
      at = below.back().first;
    }
    for (std::size_t i = 0; i < stops.size(); i += 2) {
      EXPECT_TRUE(stops[i]());
      all.done();
    }
    cancel();
    all.wait();
    EXPECT_EQ(called, 50);
    for (auto& stop : stops) EXPECT_FALSE(stop());
  });
}

}  // namespace
