// The scheduler: progress, parallelism, fairness.
#include <unistd.h>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class sched_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(sched_conformance, 1u, 2u, 4u);
class parallel_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(parallel_conformance, 2u, 3u, 4u);
class fair_conformance : public in_runtime {};

// Go: TestStopTheWorldDeadlock: Ps come and go below a G that starts its own successor without end.
TEST_P(sched_conformance, resizing_while_gs_respawn_makes_progress) {
  run([] {
    struct respawn {
      std::atomic<bool> stop = false;
      std::atomic<int> born = 0;
      gmp::chan<void> over = gmp::make_chan<void>();
      static void next(std::shared_ptr<respawn> all) {
        ++all->born;
        if (all->stop) {
          all->over.close();
          return;
        }
        gmp::go(&next, all);
      }
    };
    auto all = std::make_shared<respawn>();
    gmp::go(&respawn::next, all);
    const unsigned before = gmp::procs();
    for (int i = 0; i < scaled(100); ++i) {
      gmp::set_procs(static_cast<unsigned>(i % 3) + 1);
      const int seen = all->born;
      until([&] { return all->born > seen; });
    }
    gmp::set_procs(before);
    all->stop = true;
    all->over.recv();
    EXPECT_GE(all->born, scaled(100));
  });
}

// Go: TestYieldProgress
TEST_P(sched_conformance, a_spinning_g_that_yields_lets_others_run_and_can_be_stopped) {
  run([] {
    auto stop = gmp::make_chan<bool>(), acknowledged = gmp::make_chan<bool>();
    std::atomic<long> turns = 0;
    gmp::go([=, &turns] {
      for (bool over = false; !over;) {
        gmp::select(gmp::on_recv(stop, [&] { over = true; }), gmp::otherwise([&] {
                      ++turns;
                      gmp::this_g::yield();
                    }));
      }
      acknowledged.send(true);
    });
    until([&] { return turns > 100; });
    stop.send(true);
    EXPECT_EQ(acknowledged.recv(), true);
  });
}

// Go: TestPreemption: here at the points where a G yields.
TEST_P(sched_conformance, two_gs_that_wait_busily_for_one_another_alternate) {
  run([] {
    const int rounds = scaled(1'000);
    std::atomic<int> turn = 0;
    crowd two;
    for (int me = 0; me < 2; ++me) {
      two.go([=, &turn] {
        for (int i = 0; i < rounds; ++i) {
          until([&] { return turn % 2 == me; });
          ++turn;
        }
      });
    }
    two.wait();
    EXPECT_EQ(turn, 2 * rounds);
  });
}

// Gs that spin without yielding to each other: each must have a thread of its own.
void spin_in_turn(unsigned gs, int rounds) {
  std::atomic<unsigned> turn = 0;
  crowd all;
  for (unsigned me = 0; me < gs; ++me) {
    all.go([=, &turn] {
      for (int i = 0; i < rounds; ++i) {
        const unsigned mine = gs * static_cast<unsigned>(i) + me;
        while (turn != mine) std::this_thread::yield();  // the thread's processor, not the G's P
        turn = mine + 1;
      }
    });
  }
  all.wait();
  EXPECT_EQ(turn, gs * static_cast<unsigned>(rounds));
}

// Go: TestGoroutineParallelism
TEST_P(parallel_conformance, as_many_gs_as_ps_run_at_the_same_time) {
  run([gs = GetParam()] {
    for (int i = 0; i < scaled(20); ++i) spin_in_turn(gs, 10);
  });
}

void start_nested(std::atomic<unsigned>& arrived, unsigned left, unsigned all,
                  gmp::chan<void> done) {
  if (left > 1) gmp::go([=, &arrived] { start_nested(arrived, left - 1, all, done); });
  ++arrived;
  while (arrived != all) std::this_thread::yield();
  done.send();
}

// Go: TestGoroutineParallelism2: started one by another, after the workers had gone to sleep.
TEST_P(parallel_conformance, gs_started_by_gs_get_sleeping_workers) {
  run([gs = GetParam()] {
    for (int i = 0; i < scaled(20); ++i) {
      if (i % 2 == 1)
        gmp::this_g::sleep_for(200us);  // gives idle workers time to park; not a synchronisation
      std::atomic<unsigned> arrived = 0;
      auto done = gmp::make_chan<void>(gs);
      gmp::go([=, &arrived] { start_nested(arrived, gs, gs, done); });
      for (unsigned k = 0; k < gs; ++k) done.recv();
      EXPECT_EQ(arrived, gs);
    }
  });
}

// Go: Gosched puts the caller behind everybody.
TEST_P(sched_conformance, who_makes_gs_and_yields_lets_them_run) {
  run([] {
    std::uint64_t most = 0;
    for (int i = 1; i <= 20'000; ++i) {
      gmp::go([] {});
      if (i % 64 != 0) continue;
      gmp::this_g::yield();
      most = std::max<std::uint64_t>(most, gmp::stats().live);
    }
    EXPECT_LT(most, 1'000u);
  });
}

// Go: TestBlockLocked, without the lock to a thread, which this library does not have.
TEST_P(sched_conformance, a_thousand_handoffs) {
  run([] {
    const int n = 1'000;
    auto ch = gmp::make_chan<bool>();
    gmp::go([ch] {
      for (int i = 0; i < n; ++i) ch.send(true);
      ch.close();
    });
    int got = 0;
    for (bool v : ch) got += v;
    EXPECT_EQ(got, n);
  });
}

void ping_for_ever(const gmp::chan<int>& from, const gmp::chan<int>& to,
                   const gmp::chan<void>& stop, bool call) {
  char byte = 0;
  for (bool over = false; !over;) {
    if (call && ::write(-1, &byte, 1) == 0) byte = 1;  // a system call that fails at once
    gmp::select(gmp::on_recv(stop, [&] { over = true; }), gmp::on_recv(from), gmp::on_send(to, 1));
  }
}

// Go: TestTimerFairness, TestTimerFairness2
TEST_P(sched_conformance, a_timer_fires_under_gs_that_keep_each_other_busy) {
  run([] {
    for (bool call : {false, true}) {
      auto a = gmp::make_chan<int>(), b = gmp::make_chan<int>();
      auto stop = gmp::make_chan<void>();
      crowd pair;
      pair.go([=] { ping_for_ever(a, b, stop, call); });
      pair.go([=] { ping_for_ever(b, a, stop, call); });
      const auto start = std::chrono::steady_clock::now();
      gmp::this_g::sleep_for(20ms);  // what is tested
      const auto late = std::chrono::steady_clock::now() - start;
      stop.close();
      pair.wait();
      EXPECT_GE(late, 20ms);
      EXPECT_LT(late, 5s);
    }
  });
}

// Go: TestAfterFuncStarvation, with a sleeping G: a pair on a buffered channel does not keep one P
// to itself.
TEST_P(sched_conformance, a_sleeper_wakes_beside_a_pair_on_a_buffered_channel) {
  run([] {
    auto ch = gmp::make_chan<bool>(1);
    auto stop = gmp::make_chan<void>();
    crowd pair;
    pair.go([=] {
      while (gmp::select(gmp::on_recv(stop), gmp::on_send(ch, true)) != 0) {
      }
    });
    pair.go([=] {
      while (gmp::select(gmp::on_recv(stop), gmp::on_recv(ch)) != 0) {
      }
    });
    bool woke = gmp::spawn([] {
                  gmp::this_g::sleep_for(1us);  // what is tested
                  return true;
                }).get();
    stop.close();
    pair.wait();
    EXPECT_TRUE(woke);
  });
}

// Go: TestNumGoroutine, TestNoHelperGoroutines
TEST_P(sched_conformance, only_the_programs_own_gs_are_counted) {
  run([] {
    gmp::this_g::sleep_for(1us);  // timers need no G
    EXPECT_EQ(gmp::stats().live, 1u);
    auto ch = gmp::make_chan<void>();
    for (int i = 0; i < 10; ++i) gmp::go([ch] { ch.recv(); });
    EXPECT_EQ(gmp::stats().live, 11u);
    ch.close();
    until([] { return gmp::stats().live == 1; });
  });
}

// Go: TestMainGoroutineID
TEST_P(sched_conformance, the_main_g_has_number_one) {
  const std::uint64_t id = run([] { return gmp::this_g::id(); });
  EXPECT_EQ(id, 1u);
}

// Compilers may keep the address of errno over a call, in one function; a G that moved would look
// at the old thread's.
[[gnu::noinline]] int read_errno() {
  asm volatile("" ::: "memory");
  return errno;
}
[[gnu::noinline]] void write_errno(int value) {
  asm volatile("" ::: "memory");
  errno = value;
}

// Go: TestGetgThreadSwitch: who I am, and what I hold per G, is read anew after each switch.
TEST_P(sched_conformance, identity_and_errno_survive_moving_between_threads) {
  run([] {
    const int gs = 16, rounds = scaled(2'000);
    std::atomic<int> wrong = 0;
    crowd all;
    for (int k = 0; k < gs; ++k) {
      all.go([=, &wrong] {
        const std::uint64_t id = gmp::this_g::id();
        for (int i = 0; i < rounds; ++i) {
          write_errno(1000 + k);
          gmp::this_g::yield();
          if (read_errno() != 1000 + k || gmp::this_g::id() != id) ++wrong;
        }
      });
    }
    all.wait();
    EXPECT_EQ(wrong, 0);
  });
}

// Go: TestPingPongHog: who wakes a partner hands on its time slice with the wake-up: a pair counts
// as one.
TEST_F(fair_conformance, a_hogging_pair_leaves_a_light_pair_its_share) {
  run_at(1, [] {
    std::atomic<bool> stop = false;
    crowd all;
    auto pair = [&](long& turns, int work) {
      auto a = gmp::make_chan<void>(1), b = gmp::make_chan<void>(1);
      auto partner = [&turns, &stop, work](gmp::chan<void> from, gmp::chan<void> to) {
        while (from.recv()) {
          for (int i = 0; i < work; ++i) asm volatile("" ::: "memory");
          ++turns;
          if (stop) break;
          to.send();
        }
        to.close();
      };
      all.go([=] { partner(a, b); });
      all.go([=] { partner(b, a); });
      a.send();
    };
    long hog = 0, light = 0;
    pair(hog, 0);
    pair(light, 100);
    gmp::this_g::sleep_for(100ms);  // the measured time, not a synchronisation
    stop = true;
    all.wait();
    EXPECT_GT(hog, 0);
    EXPECT_GT(light, 0);
    EXPECT_LT(hog, light * 20);
    EXPECT_LT(light, hog * 20);
  });
}

// Go: TestBigGOMAXPROCS
TEST_F(fair_conformance, a_thousand_ps_start_and_stop) {
  const unsigned seen = run_at(1024, [] {
    crowd all;
    std::atomic<int> ran = 0;
    for (int i = 0; i < 100; ++i) all.go([&] { ++ran; });
    all.wait();
    EXPECT_EQ(ran, 100);
    return gmp::procs();
  });
  EXPECT_EQ(seen, 1024u);
}

// Go: TestNetpollBreak, for the sleep of an idle worker: an earlier timer or new work ends it.
TEST_P(sched_conformance, an_idle_worker_notices_an_earlier_timer_and_new_work) {
  gmp::options wanted;
  wanted.procs = GetParam();
  gmp::runtime scheduler(wanted);
  auto never = gmp::make_chan<void>();
  scheduler.go([never] { static_cast<void>(never.recv_for(1h)); });
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    scheduler.run([] { gmp::this_g::sleep_for(100us); });
    EXPECT_EQ(scheduler.spawn([i] { return i; }).get(), i);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

}  // namespace
