// Locks for reading, permits, conditions.
#include <condition_variable>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "threads_world.hpp"

namespace threads_bench {

namespace {

constexpr std::uint64_t users = 8;
constexpr std::uint64_t reads_per_write = 100;

// ns per call of body(i), by several threads.
template <class Body>
double by_users(const bench::request& asked, std::uint64_t threads, Body body) {
  keep_to(asked.procs);
  const std::uint64_t each = asked.n / threads;
  std::vector<std::jthread> all;
  bench::stopwatch watch;
  for (std::uint64_t t = 0; t < threads; ++t)
    all.emplace_back([&] {
      for (std::uint64_t i = 0; i < each; ++i) body(i);
    });
  all.clear();
  return watch.ns() / static_cast<double>(each * threads);
}

double read_mostly(const bench::request& asked, std::uint64_t threads) {
  std::shared_mutex lock;
  std::uint64_t written = 0;
  const double ns = by_users(asked, threads, [&](std::uint64_t i) {
    if (i % reads_per_write == 0) {
      std::lock_guard hold(lock);
      ++written;
    } else {
      std::shared_lock hold(lock);
      asm volatile("" : : "r"(written));  // reads it
    }
  });
  const std::uint64_t each = asked.n / threads;
  bench::require(written == (each + reads_per_write - 1) / reads_per_write * threads,
                 "lost a write");
  return ns;
}

}  // namespace

bench::report shared_mutex1(const bench::request& asked) {
  return {{"shared_mutex1", read_mostly(asked, 1), "ns"}};
}

bench::report shared_mutex8(const bench::request& asked) {
  return {{"shared_mutex8", read_mostly(asked, users), "ns"}};
}

bench::report semaphore8(const bench::request& asked) {
  std::counting_semaphore<users> permits(users / 2);
  const double ns = by_users(asked, users, [&](std::uint64_t) {
    permits.acquire();
    permits.release();
  });
  std::uint64_t left = 0;
  while (permits.try_acquire()) ++left;
  bench::require(left == users / 2, "wrong permits");
  return {{"semaphore8", ns, "ns"}};
}

bench::report condition(const bench::request& asked) {
  keep_to(asked.procs);
  std::mutex lock;
  std::condition_variable changed[2];
  int turn = 0;
  auto take = [&](int side) {
    std::unique_lock hold(lock);
    changed[side].wait(hold, [&] { return turn == side; });
    turn = 1 - side;
    changed[1 - side].notify_one();
  };
  bench::stopwatch watch;
  std::jthread other([&] {
    for (std::uint64_t i = 0; i < asked.n; ++i) take(1);
  });
  for (std::uint64_t i = 0; i < asked.n; ++i) take(0);
  other.join();
  return {{"condition", watch.ns() / static_cast<double>(asked.n), "ns"}};
}

}  // namespace threads_bench
