// From a notification on one processor until the waiting thread runs on another.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "../lateness.hpp"
#include "threads_world.hpp"

namespace threads_bench {

namespace {

using namespace std::chrono_literals;
using clock_type = bench::lateness::clock;

bench::lateness wake(const bench::request& asked, clock_type::duration pause) {
  keep_to(std::max(asked.procs, 2u));
  bench::lateness late;
  std::mutex lock;
  std::condition_variable changed;
  std::optional<clock_type::time_point> sent;
  std::atomic<std::uint64_t> received{0};
  std::jthread receiver([&] {
    for (std::uint64_t i = 0; i < asked.n; ++i) {
      std::unique_lock hold(lock);
      changed.wait(hold, [&] { return sent.has_value(); });
      late.come(*sent);
      sent.reset();
      received.fetch_add(1, std::memory_order_release);
    }
  });
  std::this_thread::sleep_for(1ms);  // it waits
  for (std::uint64_t i = 1; i <= asked.n; ++i) {
    bench::compute(pause);
    {
      std::lock_guard hold(lock);
      sent = clock_type::now();
    }
    changed.notify_one();
    while (received.load(std::memory_order_acquire) < i) continue;
  }
  receiver.join();
  return late;
}

}  // namespace

bench::report wake_idle(const bench::request& asked) {
  bench::lateness late = wake(asked, 1ms);
  return {{"wake_idle", late.median(), "us"}, {"wake_idle_p99", late.p99(), "us"}};
}

bench::report wake_spinning(const bench::request& asked) {
  bench::lateness late = wake(asked, 2us);
  return {{"wake_spinning", late.median(), "us"}, {"wake_spinning_p99", late.p99(), "us"}};
}

}  // namespace threads_bench
