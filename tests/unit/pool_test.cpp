#include <gmp/pool.hpp>

#include <gmp/defer.hpp>
#include <gmp/wait_group.hpp>

#include "support/contexts.hpp"

namespace {

using namespace gmp_test;
using gmp::pool;

class pool_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(pool_at, 1u, 2u, 4u, 8u);
class pool_unit : public in_runtime {};

static_assert(!std::is_copy_constructible_v<pool>);

TEST_P(pool_at, gives_results_and_exceptions) {
  run([] {
    pool workers(3);
    auto seven = workers.submit([] { return 7; });
    auto moved = workers.submit([kept = std::make_unique<int>(8)] { return *kept; });
    auto thrown = workers.submit([]() -> int { throw std::runtime_error("x"); });
    EXPECT_EQ(seven.get(), 7);
    EXPECT_EQ(moved.get(), 8);
    EXPECT_THROW(thrown.get(), std::runtime_error);
    workers.submit([] {}).get();
  });
}

TEST_P(pool_at, uses_no_more_gs_than_it_may) {
  run([] {
    pool workers(2);
    std::atomic<int> now = 0, most = 0;
    for (int i = 0; i < 200; ++i) {
      workers.go([&] {
        const int n = ++now;
        for (int seen = most; seen < n && !most.compare_exchange_weak(seen, n);) {
        }
        gmp::this_g::yield();
        --now;
      });
    }
    workers.close();
    EXPECT_LE(most, 2);
    const auto s = workers.stats();
    EXPECT_EQ(s.submitted, 200u);
    EXPECT_EQ(s.completed, 200u);
    EXPECT_EQ(s.workers, 0u);
  });
}

TEST_P(pool_at, workers_are_used_again) {
  run([] {
    pool workers(1);
    const auto before = gmp::stats().spawned;
    const auto first = workers.submit([] { return gmp::this_g::id(); }).get();
    for (int i = 0; i < 100; ++i)
      EXPECT_EQ(workers.submit([] { return gmp::this_g::id(); }).get(), first);
    EXPECT_EQ(gmp::stats().spawned, before + 1);
  });
}

// The only worker is busy until `hold` is closed.
struct busy_pool {
  gmp::chan<void> hold = gmp::make_chan<void>();
  pool workers{1};
  busy_pool() {
    auto begun = gmp::make_chan<void>();
    workers.go([hold = hold, begun] {
      begun.send();
      hold.recv();
    });
    begun.recv();
  }
};

TEST_P(pool_at, while_all_are_busy) {
  run([] {
    busy_pool p;
    EXPECT_FALSE(p.workers.try_submit([] {}));
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(p.workers.try_submit_for([] {}, 3ms));
    EXPECT_GE(std::chrono::steady_clock::now() - start, 3ms);
    auto [c, cancel] = gmp::with_timeout(gmp::context(), 2ms);
    try {
      static_cast<void>(p.workers.submit([] {}, c));
      ADD_FAILURE() << "submitted";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), std::errc::timed_out);
    }
    std::string order;
    crowd callers;
    for (char name : {'a', 'b', 'c'}) {
      const auto waiting = p.workers.stats().waiting;
      callers.go([&, name] { p.workers.submit([&, name] { order += name; }).get(); });
      until([&] { return p.workers.stats().waiting == waiting + 1; });
    }
    p.hold.close();
    callers.wait();
    EXPECT_EQ(order, "abc");  // first come, first served
    until([&] { return p.workers.stats().idle == 1; });
    EXPECT_EQ(p.workers.try_submit([] { return 1; })->get(), 1);
    EXPECT_EQ(p.workers.try_submit_for([] { return 2; }, 1h)->get(), 2);
    EXPECT_EQ(p.workers.submit([] { return 3; }, gmp::context()).get(), 3);
  });
}

TEST_P(pool_at, idle_workers_end_after_their_time) {
  run([] {
    pool workers(4, {.idle_after = 2ms});
    gmp::wait_group all;
    auto meet = gmp::make_chan<void>();
    for (int i = 0; i < 4; ++i) {
      all.add(1);
      workers.go([&] {
        meet.recv();
        all.done();
      });
    }
    EXPECT_EQ(workers.stats().workers, 4u);
    meet.close();
    all.wait();
    while (workers.stats().workers != 0) gmp::this_g::sleep_for(1ms);
    EXPECT_EQ(workers.stats().purged, 4u);
    EXPECT_EQ(workers.submit([] { return 1; }).get(), 1);  // a new one
  });
}

TEST_P(pool_at, purging_and_resizing) {
  run([] {
    pool workers(3);
    auto hold = gmp::make_chan<void>();
    auto fill = [&](std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) workers.go([hold] { hold.recv(); });
    };
    fill(3);
    EXPECT_FALSE(workers.try_submit([] {}));
    workers.resize(4);
    EXPECT_TRUE(workers.try_submit([] {}));
    workers.resize(1);
    for (int i = 0; i < 3; ++i) hold.send();
    until([&] {
      const auto s = workers.stats();
      return s.workers == 1 && s.idle == 1;
    });
    EXPECT_EQ(workers.purge(), 1u);
    EXPECT_EQ(workers.purge(), 0u);
    EXPECT_EQ(workers.stats().workers, 0u);
    fill(1);
    crowd callers;
    for (int i = 0; i < 3; ++i) callers.go([&] { workers.go([hold] { hold.recv(); }); });
    until([&] { return workers.stats().waiting == 3; });
    workers.resize(4);  // they go on at once
    callers.wait();
    EXPECT_EQ(workers.stats().workers, 4u);
    hold.close();
  });
}

TEST_P(pool_at, a_handler_gets_what_nobody_waits_for) {
  run([] {
    std::atomic<int> handled = 0;
    pool workers(2, {.on_panic = [&](std::exception_ptr e) { handled += text_of(e) == "lost"; }});
    for (int i = 0; i < 20; ++i) workers.go([] { throw std::runtime_error("lost"); });
    EXPECT_EQ(workers.submit([] { return 1; }).get(), 1);
    workers.close();
    EXPECT_EQ(handled, 20);
    EXPECT_EQ(workers.stats().panics, 20u);
    EXPECT_EQ(workers.stats().completed, 21u);
  });
}

TEST_P(pool_at, a_closed_pool) {
  run([] {
    busy_pool p;
    std::atomic<int> refused = 0;
    crowd callers;
    for (int i = 0; i < 3; ++i) {
      callers.go([&] {
        try {
          p.workers.go([] {});
        } catch (const std::system_error& e) {
          refused += e.code() == std::errc::operation_canceled;
        }
      });
    }
    until([&] { return p.workers.stats().waiting == 3; });
    callers.go([&] { p.workers.close(); });
    until([&] { return refused == 3; });
    EXPECT_THROW(static_cast<void>(p.workers.try_submit([] {})), std::system_error);
    p.hold.close();
    callers.wait();
    p.workers.close();
    EXPECT_EQ(p.workers.stats().completed, 1u);
  });
}

TEST_F(pool_unit, bad_arguments) {
  EXPECT_THROW(pool(0), std::invalid_argument);
  EXPECT_THROW(pool(1, {.idle_after = 0s}), std::invalid_argument);
  pool workers(1);
  EXPECT_THROW(workers.resize(0), std::invalid_argument);
  EXPECT_THROW(workers.go([] {}), std::system_error);  // no runtime
  EXPECT_EQ(workers.stats().workers, 0u);
  EXPECT_EQ(workers.stats().submitted, 0u);
}

TEST_F(pool_unit, from_plain_threads) {
  gmp::runtime runs;
  pool workers(2);
  std::atomic<int> sum = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) sum += workers.submit([i] { return i; }).get();
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(sum, 3 * 49 * 50 / 2);
}

TEST_F(pool_unit, workers_outlived_by_their_pool) {
  pool workers(4);
  std::atomic<int> unwound = 0;
  run_at(2, [&] {
    for (int i = 0; i < 2; ++i) {
      workers.go([&] {
        gmp::defer d{[&] { ++unwound; }};
        gmp::make_chan<void>().recv();
      });
    }
    workers.submit([] {}).get();
    yield_often();
    until([&] { return workers.stats().idle == 1; });
  });
  EXPECT_EQ(unwound, 2);
  EXPECT_EQ(workers.stats().workers, 0u);
  run_at(2, [&] { EXPECT_EQ(workers.submit([] { return 1; }).get(), 1); });
}

}  // namespace
