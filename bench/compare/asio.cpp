// What Asio's C++20 coroutines answer: they switch, are spawned, sleep; Asio of Boost 1.74 has no
// channel.
#include <utility>  // first: Boost 1.74 forgets it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "../harness.hpp"

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// Runs what the context has to do on as many threads as there are to be workers.
void run(asio::io_context& context, unsigned workers) {
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < workers; ++i) others.emplace_back([&context] { context.run(); });
  context.run();
}

asio::awaitable<void> turns(std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i)
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

bench::report yield(const bench::request& asked) {
  asio::io_context context(static_cast<int>(asked.procs));
  bench::stopwatch watch;
  asio::co_spawn(context, turns(asked.n / 2), asio::detached);
  asio::co_spawn(context, turns(asked.n / 2), asio::detached);
  run(context, asked.procs);
  return {{"yield", watch.ns() / static_cast<double>(asked.n), "ns"}};
}

// Batches of 1,000; the last coroutine of one starts the next.
class batches {
 public:
  batches(asio::io_context& context, std::uint64_t n) : context_(context), left_(n) {}

  void start() {
    if (left_ == 0) return;
    --left_;
    running_ = size;
    for (int i = 0; i < size; ++i) asio::co_spawn(context_, child(), asio::detached);
  }

  static constexpr int size = 1'000;

 private:
  asio::awaitable<void> child() {
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) start();
    co_return;
  }

  asio::io_context& context_;
  std::uint64_t left_;
  std::atomic<int> running_{0};
};

bench::report spawn(const bench::request& asked) {
  asio::io_context context(static_cast<int>(asked.procs));
  const std::uint64_t n = (asked.n + batches::size - 1) / batches::size;
  batches all(context, n);
  bench::stopwatch watch;
  asio::post(context, [&all] { all.start(); });
  run(context, asked.procs);
  return {{"spawn", watch.ns() / static_cast<double>(n * batches::size), "ns"}};
}

// Waited for and cancelled; what that posts is run now and then.
bench::report timer(const bench::request& asked) {
  asio::io_context context(1);
  std::uint64_t cancelled = 0;
  bench::stopwatch watch;
  for (std::uint64_t i = 0; i < asked.n; ++i) {
    asio::steady_timer limit(context, 1h);
    limit.async_wait([&cancelled](boost::system::error_code) { ++cancelled; });
    limit.cancel();
    if (i % 64 == 0) context.poll();
  }
  context.restart();
  context.poll();
  const double ns = watch.ns() / static_cast<double>(asked.n);
  bench::require(cancelled == asked.n, "a timer of an hour fired");
  return {{"timer", ns, "ns"}};
}

asio::awaitable<void> nap(std::chrono::nanoseconds length) {
  asio::steady_timer timer(co_await asio::this_coro::executor, length);
  co_await timer.async_wait(asio::use_awaitable);
}

bench::report sleep(const bench::request& asked) {
  asio::io_context context(static_cast<int>(asked.procs));
  const double cpu = bench::cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < asked.n; ++i) asio::co_spawn(context, nap(1s), asio::detached);
  run(context, asked.procs);
  const auto taken = std::chrono::steady_clock::now() - start;
  return {{"sleep", std::chrono::duration<double, std::milli>(taken - 1s).count(), "ms"},
          {"sleep_cpu", bench::cpu_seconds() - cpu, "s"}};
}

constexpr bench::question questions[] = {
    {"yield", 2'000'000, 100'000, yield},
    {"spawn", 1'000'000, 50'000, spawn},
    {"timer", 1'000'000, 50'000, timer},
    {"sleep", 100'000, 0, sleep},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
