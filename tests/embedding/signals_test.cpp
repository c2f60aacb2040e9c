// The user's own signal handlers, with SA_ONSTACK, while Gs run on small and growing stacks.
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "embedding/signals_body.hpp"
#include "stack/stack.hpp"
#include "support/harness.hpp"

namespace signals {
counts split;
void on_signal_split(int) { handle(split); }
}  // namespace signals

namespace {

using namespace gmp_test;

struct handler {
  handler(int which, void (*function)(int)) : number(which) {
    struct sigaction action = {};
    action.sa_handler = function;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(number, &action, &former);
  }
  ~handler() { ::sigaction(number, &former, nullptr); }
  int number;
  struct sigaction former = {};
};

class signals_beside_gs : public at_procs {
 protected:
  handler prof_{SIGPROF, &signals::on_signal_split};
  handler alarm_{SIGVTALRM, &signals::on_signal_unsplit};
  handler usr1_{SIGUSR1, &signals::on_signal_split};
  handler usr2_{SIGUSR2, &signals::on_signal_unsplit};
};

class signals_of_ms : public testing::Test {
  handler usr1_{SIGUSR1, &signals::on_signal_split};
  watchdog guard_;
};

void expect_on_signal_stacks() {
#if !GMPSCHED_TSAN  // which calls handlers when it sees fit, as plain functions
  EXPECT_EQ(signals::split.elsewhere, 0u);
  EXPECT_EQ(signals::unsplit.elsewhere, 0u);
#endif
}

// Grows to `depth` frames; at the bottom raises both signals, yields and raises again.
__attribute__((noinline)) long dive(int depth) {
  volatile long room[24];
  for (int i = 0; i < 24; ++i) room[i] = depth + i;
  long sum = 0;
  if (depth == 0) {
    const void* limit = gmp::detail::stack_limit();
    ::raise(SIGUSR1);
    ::raise(SIGUSR2);
    EXPECT_EQ(gmp::detail::stack_limit(), limit);
    gmp::this_g::yield();
    ::raise(SIGUSR1);
    ::raise(SIGUSR2);
  } else {
    sum = dive(depth - 1);
  }
  for (int i = 0; i < 24; ++i) sum += room[i] - i;
  return sum;
}

TEST_P(signals_beside_gs, handlers_run_on_the_alternate_stack_at_any_depth) {
  const unsigned split_before = signals::split.calls;
  const unsigned unsplit_before = signals::unsplit.calls;
  constexpr int depths = 60;
  run([] {
    crowd all;
    for (int depth = 0; depth < depths; ++depth)
      all.go([depth] { EXPECT_EQ(dive(depth), 24L * depth * (depth + 1) / 2); });
    all.wait();
  });
  EXPECT_EQ(signals::split.calls - split_before, 2u * depths);
  EXPECT_EQ(signals::unsplit.calls - unsplit_before, 2u * depths);
  expect_on_signal_stacks();
}

// Runs f on a G whose M was made by the monitor, because another G keeps the only P's first M.
template <class F>
void on_a_late_thread(F f) {
  gmp::run(
      [&] {
        std::atomic<bool> over = false;
        gmp::go([&] {
          f();
          over = true;
        });
        while (!over) ::usleep(1'000);
        EXPECT_GE(gmp::stats().handoffs, 1u);
      },
      {.procs = 1});
}

TEST_F(signals_of_ms, the_thread_that_takes_over_a_p_gets_signals) {
  const unsigned before = signals::split.calls;
  on_a_late_thread([] { ::raise(SIGUSR1); });
  EXPECT_EQ(signals::split.calls - before, 1u);
}

TEST_F(signals_of_ms, every_thread_has_the_mask_of_who_made_the_runtime) {
  sigset_t blocked, now;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  on_a_late_thread([&] { ::pthread_sigmask(SIG_SETMASK, nullptr, &now); });
  ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  EXPECT_EQ(::sigismember(&now, SIGUSR2), 1);
  EXPECT_EQ(::sigismember(&now, SIGUSR1), 0);
}

void set_timers(int microseconds) {
  const itimerval every{{0, microseconds}, {0, microseconds}};
  ::setitimer(ITIMER_PROF, &every, nullptr);
  ::setitimer(ITIMER_VIRTUAL, &every, nullptr);
}

__attribute__((noinline)) long sink(int depth) {
  volatile long room[40];
  for (int i = 0; i < 40; ++i) room[i] = i;
  const long below = depth == 0 ? 0 : sink(depth - 1);
  return below + room[depth % 40];
}

// Signals at any moment: in prologues, in __morestack, in the switch, in channel operations.
TEST_P(signals_beside_gs, a_storm_changes_nothing) {
  std::atomic<bool> over = false;
  std::atomic<int> tids[8] = {};
  std::thread storm([&] {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    while (!over) {
      for (auto& tid : tids) {
        if (tid == 0) continue;
        ::syscall(SYS_tgkill, ::getpid(), tid.load(), SIGUSR1);
        ::syscall(SYS_tgkill, ::getpid(), tid.load(), SIGUSR2);
      }
      std::this_thread::yield();
    }
  });
  const unsigned split_before = signals::split.calls;
  const unsigned unsplit_before = signals::unsplit.calls;
  set_timers(500);
  run([&] {
    auto ch = gmp::make_chan<int>();
    crowd all;
    for (int i = 0; i < 4; ++i) {
      all.go([&, ch, i] {
        for (int n = 0; n < scaled(20'000); ++n) {
          tids[i] = ::gettid();
          const int depth = n % 50;
          long expected = 0;
          for (int d = 0; d <= depth; ++d) expected += d % 40;
          ASSERT_EQ(sink(depth), expected);
          if (i % 2 == 0) {
            ch.send(n);
          } else {
            ASSERT_TRUE(ch.recv().has_value());
          }
        }
        tids[i] = 0;
      });
    }
    all.wait();
  });
  set_timers(0);
  over = true;
  storm.join();
  EXPECT_GT(signals::split.calls, split_before);
  EXPECT_GT(signals::unsplit.calls, unsplit_before);
  expect_on_signal_stacks();
}

GMPSCHED_TEST_AT_PROCS(signals_beside_gs, 1u, 2u, 4u);

}  // namespace
