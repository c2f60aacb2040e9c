// The scheduler under load: trees of Gs, timers, foreign threads, Ps that come and go.
#include <thread>

#include <gmp/timer.hpp>

#include "support/lengthen.hpp"
#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class sched_stress : public stress_test {};

// A tree of Gs in which each inner node sums its children.
void grow(gmp::chan<long> parent, long first, long size) {
  if (size == 1) {
    parent.send(first);
    return;
  }
  auto children = gmp::make_chan<long>(10);
  const long part = size / 10;
  for (long i = 0; i < 10; ++i) gmp::go(&grow, children, first + i * part, part);
  long sum = 0;
  for (int i = 0; i < 10; ++i) sum += *children.recv();
  parent.send(sum);
}

TEST_F(sched_stress, trees_of_gs) {
  run_each([] {
    const long leaves = sanitized ? 1'000 : 10'000;
    for (int round = 0; round < stressed(30) / 10; ++round) {
      auto root = gmp::make_chan<long>();
      gmp::go(&grow, root, 0L, leaves);
      EXPECT_EQ(root.recv(), leaves * (leaves - 1) / 2);
    }
    until([] { return gmp::stats().live == 1; });
  });
}

long fibonacci(int n) {
  if (n < 2) return n;
  auto left = gmp::spawn(&fibonacci, n - 1);
  const long right = fibonacci(n - 2);
  return left.get() + right;
}
TEST_F(sched_stress, recursion_by_tasks) {
  run_each([] {
    for (int round = 0; round < stressed(2); ++round)
      EXPECT_EQ(fibonacci(sanitized ? 10 : 16), sanitized ? 55 : 987);
  });
}

// Timers of all lengths beside channels that are always busy.
TEST_F(sched_stress, timers_among_channels) {
  run_each([] {
    auto ch = gmp::make_chan<int>();
    auto stop = gmp::make_chan<void>();
    std::atomic<long> talk = 0;
    crowd talkers;
    for (int k = 0; k < 4; ++k) {
      talkers.go([=, &talk] {
        for (bool over = false; !over;)
          gmp::select(gmp::on_recv(stop, [&] { over = true; }), gmp::on_send(ch, 1),
                      gmp::on_recv(ch, [&] { ++talk; }));
      });
    }
    std::atomic<int> early = 0, woken = 0;
    crowd sleepers;
    const int gs = 50, rounds = stressed(20);
    for (int k = 0; k < gs; ++k) {
      sleepers.go([=, &early, &woken] {
        for (int i = 0; i < rounds; ++i) {
          const auto length = std::chrono::microseconds((k * 37 + i * 11) % 300);
          const auto start = std::chrono::steady_clock::now();
          if (i % 3 == 0) {
            gmp::this_g::sleep_for(length);
          } else if (i % 3 == 1) {
            gmp::after(length).recv();
          } else {
            gmp::timer stopped(1ms);
            stopped.stop();
            gmp::select(gmp::on_recv(stopped.channel()), gmp::on_timeout(length));
          }
          early += std::chrono::steady_clock::now() - start < length;
          ++woken;
        }
      });
    }
    sleepers.wait();
    stop.close();
    talkers.wait();
    EXPECT_EQ(early, 0);
    EXPECT_EQ(woken, gs * rounds);
  });
}

TEST_F(sched_stress, foreign_threads_send_receive_and_start_gs) {
  for (unsigned procs : stress_procs()) {
    gmp::runtime scheduler({.procs = procs});
    const int n = stressed(500);
    auto ch = gmp::make_chan<int>(3), echo = gmp::make_chan<int>();
    scheduler.go([=] {
      for (int v : ch) echo.send(v);
    });
    std::atomic<long> sum = 0, ran = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < n; ++i) {
          ch.send(1);
          sum += *echo.recv();
          if (i % 4 == t) scheduler.go([&ran] { ++ran; });
          if (i % 16 == t) ran += scheduler.spawn([] { return 0; }).get();
        }
      });
    }
    for (auto& each : threads) each.join();
    EXPECT_EQ(sum, 3L * n);
    scheduler.run([&] { until([&] { return scheduler.stats().live == 2; }); });
    EXPECT_GE(ran, 3L * (n / 4));
    ch.close();
  }
}

TEST_F(sched_stress, the_number_of_ps_changes_under_load) {
  run_each([] {
    auto stop = gmp::make_chan<void>();
    std::atomic<long> work = 0, slept = 0;
    crowd all;
    for (int k = 0; k < 8; ++k) {
      auto a = gmp::make_chan<int>(), b = gmp::make_chan<int>();
      all.go([=, &work] {
        for (bool over = false; !over;)
          gmp::select(gmp::on_recv(stop, [&] { over = true; }), gmp::on_send(a, 1),
                      gmp::on_recv(b, [&] { ++work; }));
      });
      all.go([=, &work] {
        for (bool over = false; !over;)
          gmp::select(gmp::on_recv(stop, [&] { over = true; }), gmp::on_send(b, 1),
                      gmp::on_recv(a, [&] { ++work; }));
      });
      all.go([=, &slept] {
        while (stop.recv_for(50us) == gmp::chan_status::would_block) ++slept;
      });
    }
    const unsigned before = gmp::procs();
    for (int i = 0; i < stressed(100); ++i) {
      gmp::set_procs(1 + static_cast<unsigned>(i * 5) % 8);
      const long seen = work;
      until([&] { return work > seen; });
      crowd few;
      for (int k = 0; k < 5; ++k) few.go([] { gmp::this_g::yield(); });
      few.wait();
    }
    gmp::set_procs(before);
    stop.close();
    all.wait();
    EXPECT_GT(work, 0);
    EXPECT_EQ(gmp::procs(), before);
  });
}

// The holder of the only P takes Gs without locked instructions, until there are thieves.
TEST_F(sched_stress, a_second_p_comes_while_the_first_is_busy) {
  for (int round = 0; round < stressed(100); ++round) {
    run_at(1, [round] {
      std::atomic<long> turns = 0;
      crowd all;
      for (int k = 0; k < 8; ++k)
        all.go([&] {
          for (int i = 0; i < 300; ++i) {
            gmp::this_g::yield();
            crowd child;
            if (i % 8 == 0) child.go([&] { ++turns; });
            child.wait();
            ++turns;
          }
        });
      for (int i = 0; i < round % 20; ++i) gmp::this_g::yield();
      gmp::set_procs(2 + static_cast<unsigned>(round) % 3);
      all.wait();
      EXPECT_EQ(turns, 8 * (300 + 38));
    });
  }
}

// Runtimes that end while their Gs are anywhere: running, queued, parked, asleep.
TEST_F(sched_stress, stopping_in_the_midst_of_everything) {
  for (unsigned procs : stress_procs()) {
    for (int round = 0; round < stressed(30); ++round) {
      auto alive = std::make_shared<int>(0);
      run_at(procs, [alive, round] {
        auto ch = gmp::make_chan<std::shared_ptr<int>>();
        for (int k = 0; k < 20; ++k) {
          gmp::go([=] {
            for (;;) gmp::select(gmp::on_send(ch, alive), gmp::on_recv(ch), gmp::on_timeout(30us));
          });
          gmp::go([=] {
            for (auto held = alive;;) gmp::this_g::yield();
          });
          gmp::go([=] {
            for (auto held = alive;;) gmp::spawn([held] { gmp::this_g::sleep_for(10us); }).wait();
          });
        }
        yield_often(round);
      });
      EXPECT_EQ(alive.use_count(), 1);
    }
  }
}

// Many deep stacks, one batch after another: memory is used again. Go: TestStackMem.
[[gnu::noinline]] int deep(int depth) {
  volatile char frame[200];
  frame[0] = static_cast<char>(depth);
  if (depth == 0) {
    gmp::this_g::yield();
    return 0;
  }
  return deep(depth - 1) + 1 + (frame[0] - static_cast<char>(depth));
}
TEST_F(sched_stress, batches_of_deep_gs) {
  run_each([] {
    for (int batch = 0; batch < stressed(20); ++batch) {
      std::atomic<int> sum = 0;
      crowd all;
      for (int k = 0; k < 32; ++k) all.go([&] { sum += deep(200); });
      all.wait();
      EXPECT_EQ(sum, 32 * 200);
    }
  });
}

}  // namespace
