// Signals as a channel.
#include <gmp/signals.hpp>

#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/harness.hpp"

namespace {

using namespace gmp_test;
using gmp::signals::notify;

class signals_unit : public in_runtime {};
class signals_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(signals_at, 1u, 4u);

// To the process. The thread sanitizer holds signals back on a thread that waits in a system call
// it does not know, as the main thread does here: it gets them on this one.
void signal_process(int signal) {
  if (sanitized) {
    ::raise(signal);
  } else {
    ::kill(::getpid(), signal);
  }
}

// Before the first listener and after the last: what the program had set.
void count_usr1(int) {}

TEST_P(signals_at, reach_a_G_that_waits) {
  run([] {
    auto listening = notify({SIGUSR1, SIGUSR2});
    auto got = gmp::spawn([ch = listening.channel()] { return ch.recv(); });
    yield_often();
    signal_process(SIGUSR2);
    EXPECT_EQ(got.get(), SIGUSR2);
  });
}

TEST_P(signals_at, every_subscriber_gets_each) {
  run([] {
    std::vector<gmp::signals::subscription> all;
    for (int i = 0; i < 5; ++i) all.push_back(notify({SIGUSR1}));
    auto other = notify({SIGUSR2});
    for (int round = 0; round < scaled(200); ++round) {
      signal_process(SIGUSR1);
      for (auto& one : all) EXPECT_EQ(one.channel().recv(), SIGUSR1);
    }
    int none = 0;
    EXPECT_EQ(other.channel().try_recv(none), gmp::chan_status::would_block);
  });
}

TEST_F(signals_unit, slow_receivers_lose_no_number_and_hold_nobody_up) {
  auto slow = notify({SIGUSR1, SIGUSR2});
  auto quick = notify({SIGUSR1, SIGUSR2});
  for (int i = 0; i < 200; ++i) {  // more than a channel has room for
    signal_process(SIGUSR1);
    EXPECT_EQ(quick.channel().recv(), SIGUSR1);
  }
  signal_process(SIGUSR2);
  EXPECT_EQ(quick.channel().recv(), SIGUSR2);
  auto from = slow.channel();
  int signal = SIGUSR1;
  int others = 0;
  for (; signal == SIGUSR1; ++others) signal = from.recv().value();
  EXPECT_EQ(signal, SIGUSR2);
  EXPECT_GT(others, 1);
}

TEST_F(signals_unit, work_on_threads_without_a_runtime) {
  auto listening = notify({SIGUSR1});
  std::optional<int> got;
  std::thread waiting([&] { got = listening.channel().recv(); });
  signal_process(SIGUSR1);
  waiting.join();
  EXPECT_EQ(got, SIGUSR1);
}

TEST_F(signals_unit, the_end_closes_the_channel_and_restores_what_was_set) {
  struct sigaction mine {};
  struct sigaction before {};
  struct sigaction now {};
  mine.sa_handler = &count_usr1;
  ::sigaction(SIGUSR1, &mine, &before);
  run_at(2, [&] {
    auto first = notify({SIGUSR1});
    auto second = notify({SIGUSR1});
    auto rest = gmp::spawn([ch = first.channel()] { return ch.recv().has_value(); });
    yield_often();
    first.stop();
    first.stop();
    EXPECT_FALSE(rest.get());
    ::sigaction(SIGUSR1, nullptr, &now);
    EXPECT_NE(now.sa_handler, &count_usr1);  // somebody listens still
    signal_process(SIGUSR1);
    EXPECT_EQ(second.channel().recv(), SIGUSR1);
  });
  ::sigaction(SIGUSR1, &before, &now);
  EXPECT_EQ(now.sa_handler, &count_usr1);
}

TEST_F(signals_unit, moving_hands_the_subscription_on) {
  gmp::signals::subscription kept;
  EXPECT_FALSE(kept.channel());
  {
    auto made = notify({SIGUSR1});
    kept = std::move(made);
  }
  signal_process(SIGUSR1);
  EXPECT_EQ(kept.channel().recv(), SIGUSR1);
  kept = {};
}

TEST_F(signals_unit, refuses_what_cannot_be) {
  EXPECT_THROW(static_cast<void>(notify({})), std::invalid_argument);
  for (int signal : {0, -1, 65, SIGKILL, SIGSTOP, SIGSEGV})
    EXPECT_THROW(static_cast<void>(notify({SIGUSR1, signal})), std::invalid_argument);
}

// [SIG4] The stale one has the smaller number, so it would come first.
TEST_F(signals_unit, what_came_before_is_not_heard_of) {
  for (int round = 0; round < scaled(200); ++round) {
    {
      auto former = notify({SIGUSR1});
      ::raise(SIGUSR1);  // may be noted still when its only listener leaves
    }
    auto later = notify({SIGUSR1, SIGUSR2});
    ::raise(SIGUSR2);
    ASSERT_EQ(later.channel().recv(), SIGUSR2);
  }
  auto steady = notify({SIGUSR1});
  for (int round = 0; round < scaled(200); ++round) {
    ::raise(SIGUSR1);
    auto later = notify({SIGUSR1, SIGUSR2});
    ::raise(SIGUSR2);
    ASSERT_EQ(later.channel().recv(), SIGUSR2);
    ASSERT_EQ(steady.channel().recv(), SIGUSR1);
  }
}

TEST_P(signals_at, come_and_go_under_fire) {
  // Those still on their way when the last subscription ends are to be ignored.
  struct sigaction ignored {};
  struct sigaction before {};
  ignored.sa_handler = SIG_IGN;
  ::sigaction(SIGUSR2, &ignored, &before);
  run([] {
    auto steady = notify({SIGUSR2});
    std::atomic<bool> over{false};
    std::thread firing([&] {
      while (!over) {
        signal_process(SIGUSR2);
        std::this_thread::yield();
      }
    });
    crowd all;
    for (int i = 0; i < 4; ++i) {
      all.go([] {
        for (int round = 0; round < scaled(100); ++round) {
          auto mine = notify({SIGUSR2});
          EXPECT_EQ(mine.channel().recv(), SIGUSR2);
        }
      });
    }
    all.wait();
    over = true;
    firing.join();
    EXPECT_EQ(steady.channel().recv(), SIGUSR2);
  });
  ::sigaction(SIGUSR2, &before, nullptr);
}

}  // namespace
