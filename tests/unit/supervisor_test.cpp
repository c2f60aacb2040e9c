#include <gmp/supervisor.hpp>

#include <algorithm>
#include <mutex>

#include <gmp/defer.hpp>
#include <gmp/mutex.hpp>

#include "support/contexts.hpp"

namespace {

using namespace gmp_test;
using gmp::context;
using gmp::restart;
using gmp::supervisor;

class supervisor_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(supervisor_at, 1u, 2u, 4u, 8u);
class supervisor_unit : public in_runtime {};

static_assert(!std::is_copy_constructible_v<supervisor>);

gmp::supervisor_options quick(unsigned max_restarts) {
  gmp::supervisor_options how;
  how.max_restarts = max_restarts;
  how.within = 1h;
  how.backoff = 1us;
  how.max_backoff = 100us;
  return how;
}

// Ends `times` times, by exception or return, then waits for its context.
auto ends(std::atomic<int>& runs, int times, bool by_exception) {
  return [&runs, times, by_exception](context c) {
    if (++runs <= times) {
      if (by_exception) throw std::runtime_error("crash");
      return;
    }
    c.done().recv();
  };
}

TEST_P(supervisor_at, policies) {
  run([] {
    supervisor s(quick(100));
    std::atomic<int> permanent = 0, transient_throws = 0, transient_returns = 0, temporary = 0,
                     permanent_returns = 0;
    s.start("permanent", restart::permanent, ends(permanent, 3, true));
    s.start("permanent, returns", restart::permanent, ends(permanent_returns, 3, false));
    s.start("transient, throws", restart::transient, ends(transient_throws, 3, true));
    s.start("transient, returns", restart::transient, ends(transient_returns, 3, false));
    s.start("temporary", restart::temporary, ends(temporary, 3, true));
    until([&] { return permanent == 4 && permanent_returns == 4 && transient_throws == 4; });
    until([&] { return s.children().size() == 3; });
    EXPECT_EQ(transient_returns, 1);
    EXPECT_EQ(temporary, 1);
    for (const gmp::child_info& each : s.children()) {
      EXPECT_TRUE(each.running) << each.name;
      EXPECT_EQ(each.restarts, 3u) << each.name;
    }
    s.stop();
    EXPECT_TRUE(s.children().empty());
    EXPECT_TRUE(canceled(s.context()));
    s.wait();  // no failure
    EXPECT_THROW(s.start("late", restart::permanent, [] {}), std::system_error);
  });
}

TEST_P(supervisor_at, waits_until_no_child_is_left) {
  run([] {
    supervisor s;
    s.wait();  // of nobody
    std::atomic<int> runs = 0;
    for (int i = 0; i < 5; ++i) s.start("once", restart::temporary, [&] { ++runs; });
    s.wait();
    EXPECT_EQ(runs, 5);
    s.start("again", restart::transient, [&] { ++runs; });
    s.wait();
    EXPECT_EQ(runs, 6);
  });
}

TEST_P(supervisor_at, gives_up_when_there_are_too_many_restarts) {
  run([] {
    supervisor s(quick(3));
    std::atomic<int> runs = 0, cancelled = 0;
    s.start("calm", restart::permanent, [&](const context& c) {
      c.done().recv();
      ++cancelled;
    });
    s.start("crashes", restart::permanent, ends(runs, 1'000, true));
    try {
      s.wait();
      ADD_FAILURE() << "no failure";
    } catch (const gmp::supervisor_failed& e) {
      EXPECT_STREQ(e.what(), "gmp::supervisor: \"crashes\" ended after 3 restarts");
      EXPECT_EQ(text_of(e.cause()), "crash");
    }
    EXPECT_EQ(runs, 4);
    EXPECT_EQ(cancelled, 1);
    EXPECT_TRUE(s.children().empty());
    EXPECT_EQ(text_of(s.context().cause()), "gmp::supervisor: \"crashes\" ended after 3 restarts");
  });
}

TEST_P(supervisor_at, restarts_long_ago_do_not_count) {
  run([] {
    auto how = quick(2);
    how.within = 1ms;
    supervisor s(how);
    std::atomic<int> runs = 0;
    s.start("now and then", restart::permanent, [&](const context& c) {
      if (++runs > 6) {
        c.done().recv();
        return;
      }
      gmp::this_g::sleep_for(2ms);
      throw std::runtime_error("crash");
    });
    until([&] { return runs == 7; });
    s.stop();
    s.wait();
  });
}

TEST_P(supervisor_at, all_for_one) {
  run([] {
    auto how = quick(100);
    how.strategy = gmp::supervision::one_for_all;
    supervisor s(how);
    std::atomic<int> crashes = 0, a = 0, b = 0, at_once = 0, guest = 0;
    auto follower = [&at_once](std::atomic<int>& runs) {
      return [&](const context& c) {
        ++runs;
        ++at_once;
        gmp::defer d{[&] { --at_once; }};
        c.done().recv();
      };
    };
    s.start("a", restart::permanent, follower(a));
    s.start("b", restart::transient, follower(b));
    s.start("guest", restart::temporary, follower(guest));
    s.start("crashes", restart::permanent, [&](const context& c) {
      until([&] { return at_once >= 2; });
      if (++crashes <= 3) throw std::runtime_error("crash");
      c.done().recv();
    });
    until([&] { return crashes == 4; });
    EXPECT_EQ(a, 4);
    EXPECT_EQ(b, 4);
    EXPECT_EQ(guest, 1);
    EXPECT_EQ(s.children().size(), 3u);
    s.stop();
    EXPECT_EQ(at_once, 0);
  });
}

TEST_P(supervisor_at, backs_off_further_each_time) {
  run([] {
    std::vector<std::chrono::nanoseconds> delays;
    auto how = quick(6);
    how.backoff = 10us;
    how.max_backoff = 100us;
    how.on_exit = [&](const gmp::child_exit& e) {
      EXPECT_EQ(e.name, "crashes");
      EXPECT_EQ(text_of(e.error), "crash");
      EXPECT_EQ(e.restarting, delays.size() < 6);
      delays.push_back(e.delay);
    };
    supervisor s(how);
    std::atomic<int> runs = 0;
    s.start("crashes", restart::permanent, ends(runs, 1'000, true));
    EXPECT_THROW(s.wait(), gmp::supervisor_failed);
    EXPECT_EQ(delays,
              (std::vector<std::chrono::nanoseconds>{10us, 20us, 40us, 80us, 100us, 100us, 0us}));
  });
}

TEST_P(supervisor_at, ends_with_the_context_above) {
  run([] {
    auto [c, cancel] = gmp::with_cancel(context());
    supervisor s(quick(100), c);
    std::atomic<int> runs = 0, ended = 0;
    for (int i = 0; i < 3; ++i) {
      s.start("child", restart::permanent, [&](const context& mine) {
        ++runs;
        mine.done().recv();
        ++ended;
      });
    }
    until([&] { return runs == 3; });
    cancel();
    s.wait();
    EXPECT_EQ(ended, runs);
    EXPECT_TRUE(s.context().cancelled());
    EXPECT_THROW(s.start("late", restart::permanent, [] {}), std::system_error);
  });
}

TEST_P(supervisor_at, its_end_waits_for_the_children) {
  run([] {
    std::atomic<int> ended = 0, begun = 0;
    {
      supervisor s(quick(100));
      for (int i = 0; i < 3; ++i) {
        s.start("child", restart::permanent, [&](const context& c) {
          ++begun;
          c.done().recv();
          yield_often(5);
          ++ended;
        });
      }
      until([&] { return begun == 3; });
    }
    EXPECT_EQ(ended, 3);
  });
}

// Each run has a G of its own, with its name.
TEST_P(supervisor_at, every_start_is_on_a_fresh_g) {
  run([] {
    supervisor s(quick(100));
    gmp::mutex m;
    std::vector<std::uint64_t> ids;
    s.start("child", restart::permanent, [&](const context& c) {
      std::size_t n = 0;
      {
        std::lock_guard hold(m);
        ids.push_back(gmp::this_g::id());
        n = ids.size();
      }
      if (n == 4) c.done().recv();
    });
    until([&] {
      std::lock_guard hold(m);
      return ids.size() == 4;
    });
    s.stop();
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
  });
}

TEST_F(supervisor_unit, bad_arguments) {
  gmp::supervisor_options how;
  how.within = 0s;
  EXPECT_THROW(supervisor{how}, std::invalid_argument);
  how = {};
  how.backoff = -1s;
  EXPECT_THROW(supervisor{how}, std::invalid_argument);
  how = {};
  how.max_backoff = 0s;
  EXPECT_THROW(supervisor{how}, std::invalid_argument);
  supervisor s;
  EXPECT_THROW(s.start("nowhere", restart::permanent, [] {}), std::system_error);  // no runtime
  s.wait();
  s.stop();
}

TEST_F(supervisor_unit, the_end_of_the_runtime) {
  for (unsigned procs : {1u, 2u, 4u}) {
    std::atomic<int> begun = 0, unwound = 0;
    std::optional<supervisor> s;
    s.emplace(quick(100));
    run_at(procs, [&] {
      for (int i = 0; i < 3; ++i) {
        s->start("child", restart::permanent, [&] {
          gmp::defer d{[&] { ++unwound; }};
          ++begun;
          gmp::make_chan<void>().recv();
        });
      }
      until([&] { return begun == 3; });
    });
    EXPECT_EQ(unwound, 3);
    EXPECT_THROW(s->wait(), std::system_error);
    s.reset();
  }
}

}  // namespace
