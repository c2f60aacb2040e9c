// Plain threads: as partners of Gs, and without any runtime.
#include <future>
#include <system_error>
#include <thread>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using gmp::chan_status;

class threads_unit : public in_runtime {};
class threads_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(threads_at, 1u, 2u, 4u);

TEST_F(threads_unit, channels_work_between_threads) {
  for (std::size_t capacity : {0u, 1u, 8u}) {
    auto ch = gmp::make_chan<int>(capacity);
    const int n = scaled(1'000);
    std::thread sender([=] {
      for (int i = 0; i < n; ++i) ch.send(i);
      ch.close();
    });
    int next = 0;
    for (int v : ch) EXPECT_EQ(v, next++);
    sender.join();
    EXPECT_EQ(next, n);
  }
}

TEST_F(threads_unit, limits_of_time_on_a_thread) {
  auto ch = gmp::make_chan<int>();
  std::optional<int> got;
  int value = 1;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(ch.recv_for(got, 2ms), chan_status::would_block);
  EXPECT_FALSE(ch.send_for(value, 2ms));
  EXPECT_EQ(gmp::select(gmp::on_recv(ch), gmp::on_timeout(2ms)), 1u);
  EXPECT_EQ(gmp::select(gmp::on_timeout(2ms)), 0u);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 8ms);
  EXPECT_FALSE(receiver_waits(ch));
  EXPECT_FALSE(sender_waits(ch));
}

TEST_F(threads_unit, selects_between_threads) {
  auto a = gmp::make_chan<int>(), b = gmp::make_chan<int>(2);
  const int n = scaled(1'000);
  std::thread sender([=] {
    for (int i = 0; i < n; ++i) gmp::select(gmp::on_send(a, i), gmp::on_send(b, i));
    a.close();
  });
  long sum = 0;
  int count = 0;
  for (bool open = true; open;) {
    gmp::select(gmp::on_recv(a,
                             [&](std::optional<int> v) {
                               open = v.has_value();
                               sum += v.value_or(0);
                               count += open;
                             }),
                gmp::on_recv(b, [&](std::optional<int> v) {
                  sum += *v;
                  ++count;
                }));
  }
  sender.join();
  for (int rest = 0; b.try_recv(rest) == chan_status::ok; ++count) sum += rest;
  EXPECT_EQ(count, n);
  EXPECT_EQ(sum, static_cast<long>(n) * (n - 1) / 2);
}

TEST_F(threads_unit, without_a_runtime_nothing_can_be_started) {
  std::thread([] {  // a thread that has used none before
    EXPECT_THROW(gmp::go([] {}), std::system_error);
    EXPECT_THROW(static_cast<void>(gmp::spawn([] { return 1; })), std::system_error);
    EXPECT_THROW(gmp::procs(), std::system_error);
  })
      .join();
  run_at(1, [] {});
  EXPECT_THROW(gmp::go([] {}), std::system_error);  // that one is gone
}

TEST_F(threads_unit, a_thread_starts_gs_in_the_only_runtime_or_the_one_it_used_last) {
  gmp::runtime one({.procs = 1});
  std::thread([] { EXPECT_EQ(gmp::spawn([] { return gmp::procs(); }).get(), 1u); }).join();
  gmp::runtime three({.procs = 3});
  EXPECT_EQ(three.run([] { return 1; }), 1);
  EXPECT_EQ(gmp::spawn([] { return gmp::procs(); }).get(), 3u);
  EXPECT_EQ(gmp::procs(), 3u);
  EXPECT_EQ(one.run([] { return 1; }), 1);
  EXPECT_EQ(gmp::spawn([] { return gmp::procs(); }).get(), 1u);
  std::thread([] { EXPECT_THROW(gmp::go([] {}), std::system_error); }).join();  // which one?
}

TEST_P(threads_at, threads_and_gs_exchange_values) {
  run([] {
    for (std::size_t capacity : {0u, 3u}) {
      const int n = scaled(1'000);
      auto to_gs = gmp::make_chan<int>(capacity), to_threads = gmp::make_chan<int>(capacity);
      std::vector<std::thread> threads;
      for (int t = 0; t < 2; ++t) {
        threads.emplace_back([=] {
          for (int i = 0; i < n; ++i) {
            to_gs.send(i);
            to_threads.recv();
          }
        });
      }
      crowd gs;
      for (int g = 0; g < 2; ++g) {
        gs.go([=] {
          for (int i = 0; i < n; ++i) to_threads.send(*to_gs.recv());
        });
      }
      gs.wait();
      for (auto& each : threads) each.join();
      EXPECT_EQ(to_gs.len() + to_threads.len(), 0u);
    }
  });
}

TEST_P(threads_at, a_waiting_thread_is_woken_by_close) {
  run([] {
    auto ch = gmp::make_chan<int>();
    auto closed = std::async(std::launch::async, [ch] { return !ch.recv().has_value(); });
    until_receiver_waits(ch);
    ch.close();
    EXPECT_TRUE(closed.get());
  });
}

TEST_P(threads_at, threads_start_gs_and_wait_for_them) {
  gmp::options wanted;
  wanted.procs = GetParam();
  gmp::runtime scheduler(wanted);
  std::vector<std::thread> threads;
  std::atomic<int> sum = 0;
  const int n = scaled(200);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < n; ++i) sum += scheduler.spawn([] { return 1; }).get();
      EXPECT_EQ(scheduler.run([] { return gmp::this_g::exists(); }), true);
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(sum, 4 * n);
}

TEST_P(threads_at, a_thread_made_by_a_g_is_no_g) {
  run([] {
    std::atomic<bool> g = true;
    std::thread([&] { g = gmp::this_g::exists(); }).join();
    EXPECT_FALSE(g);
    EXPECT_TRUE(gmp::this_g::exists());
  });
}

}  // namespace
