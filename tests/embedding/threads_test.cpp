// Plain threads that come and go, and runtimes that start and stop, all at once.
#include <random>
#include <system_error>

#include <gmp/mutex.hpp>
#include <gmp/task.hpp>
#include <gmp/timer.hpp>
#include <gmp/wait_group.hpp>

#include "support/harness.hpp"

namespace {

using namespace gmp_test;

class foreign_threads : public testing::Test {
  watchdog guard_;
};

struct shared_state {
  gmp::chan<std::shared_ptr<int>> there = gmp::make_chan<std::shared_ptr<int>>(3);
  gmp::chan<std::shared_ptr<int>> back = gmp::make_chan<std::shared_ptr<int>>();
  gmp::mutex lock;
  long guarded = 0;  // under lock
  std::atomic<long> counted{0};
  std::atomic<long> received{0};
  std::atomic<bool> over{false};

  void count_one() {
    std::lock_guard hold(lock);
    ++guarded;
    ++counted;
  }
};

// What a G does in a runtime that may stop at any moment: carries tokens from one channel to the
// other. A token that it holds when it is unwound is dropped, not leaked.
void carry(shared_state& s) {
  for (;;) {
    auto token = s.there.recv();
    if (!token) return;
    s.count_one();
    gmp::select(gmp::on_send(s.back, *token), gmp::on_timeout(5ms));
  }
}

void a_short_life(shared_state& s, unsigned seed) {
  std::minstd_rand random(seed);
  for (int i = 0; i < 20; ++i) {
    switch (random() % 5) {
      case 0: {
        auto token = std::make_shared<int>(i);
        s.there.send_for(token, 1ms);
        break;
      }
      case 1: {
        std::optional<std::shared_ptr<int>> token;
        if (s.back.recv_for(token, 1ms) == gmp::chan_status::ok && *token) ++s.received;
        break;
      }
      case 2:
        gmp::select(gmp::on_recv(s.back, [&](auto token) { s.received += token.has_value(); }),
                    gmp::on_send(s.there, std::make_shared<int>(i)), gmp::on_timeout(1ms));
        break;
      case 3:
        s.count_one();
        break;
      default: {
        gmp::wait_group ended;
        ended.add(1);
        std::thread other([&] {
          s.count_one();
          ended.done();
        });
        ended.wait();
        other.join();
      }
    }
  }
}

// Runtimes of one thread: made, used from outside, stopped, again and again.
void runtimes_in_a_row(shared_state& s, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    gmp::runtime scheduler({.procs = 1 + static_cast<unsigned>(round) % 3});
    for (int i = 0; i < 4; ++i) scheduler.go([&s] { carry(s); });
    auto answer = scheduler.spawn([&s, round] {
      s.count_one();
      gmp::this_g::sleep_for(200us);
      return round;
    });
    EXPECT_EQ(answer.get(), round);
    scheduler.run([&] {
      gmp::timer soon(100us);
      soon.channel().recv();
      s.count_one();
    });
    if (round % 2 == 0) scheduler.stop();
    if (round % 2 == 0) {
      EXPECT_THROW(scheduler.go([] {}), std::system_error);
    }
  }
}

TEST_F(foreign_threads, come_and_go_while_runtimes_start_and_stop) {
  shared_state s;
  std::vector<std::thread> makers;
  for (int i = 0; i < 3; ++i) makers.emplace_back([&s] { runtimes_in_a_row(s, scaled(60)); });
  std::vector<std::thread> spawners;
  for (unsigned i = 0; i < 3; ++i) {
    spawners.emplace_back([&s, i] {
      for (unsigned n = 0; !s.over; ++n) std::thread(a_short_life, std::ref(s), 100 * n + i).join();
    });
  }
  for (auto& maker : makers) maker.join();
  s.over = true;
  for (auto& spawner : spawners) spawner.join();
  EXPECT_EQ(s.guarded, s.counted);
  EXPECT_GT(s.counted, 0);
}

// A ring of runtimes: what goes in at the first comes out of the last, in order, while other
// threads make and end runtimes beside them.
TEST_F(foreign_threads, channels_between_runtimes_keep_order_and_lose_nothing) {
  constexpr int links = 3;
  const int n = scaled(5'000);
  std::vector<gmp::chan<int>> between;
  for (int i = 0; i <= links; ++i)
    between.push_back(gmp::make_chan<int>(static_cast<std::size_t>(i) % 2));
  std::vector<std::unique_ptr<gmp::runtime>> ring;
  for (int i = 0; i < links; ++i) {
    ring.push_back(std::make_unique<gmp::runtime>(gmp::options{.procs = 2}));
    ring.back()->go([from = between[static_cast<std::size_t>(i)],
                     to = between[static_cast<std::size_t>(i) + 1]] {
      for (int value : from) to.send(value);
      to.close();
    });
  }
  std::atomic<bool> over = false;
  std::thread beside([&] {
    while (!over)
      EXPECT_EQ(gmp::run([] { return gmp::spawn([] { return 1; }).get(); }, {.procs = 2}), 1);
  });
  std::thread feeder([&] {
    for (int i = 0; i < n; ++i) between.front().send(i);
    between.front().close();
  });
  int expected = 0;
  for (int value : between.back()) ASSERT_EQ(value, expected++);
  EXPECT_EQ(expected, n);
  feeder.join();
  over = true;
  beside.join();
}

}  // namespace
