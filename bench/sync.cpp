// What do the other ways of waiting for each other cost: a lock that is mostly taken for reading, a
// condition that two Gs tell each other of, permits of a semaphore?
#include <gmp/gmp.hpp>

#include <mutex>
#include <shared_mutex>

#include "harness.hpp"

namespace {

constexpr std::uint64_t users = 8;
constexpr std::uint64_t reads_per_write = 100;

// ns per call of body(i), by several Gs.
template <class Body>
double by_users(const bench::request& asked, std::uint64_t gs, Body body) {
  const std::uint64_t each = asked.n / gs;
  const double ns = gmp::run(
      [&, each] {
        gmp::wait_group done;
        done.add(static_cast<int>(gs));
        bench::stopwatch watch;
        for (std::uint64_t g = 0; g < gs; ++g)
          gmp::go([&, each] {
            for (std::uint64_t i = 0; i < each; ++i) body(i);
            done.done();
          });
        done.wait();
        return watch.ns();
      },
      {.procs = asked.procs});
  return ns / static_cast<double>(each * gs);
}

double read_mostly(const bench::request& asked, std::uint64_t gs) {
  gmp::shared_mutex lock;
  std::uint64_t written = 0;
  const double ns = by_users(asked, gs, [&](std::uint64_t i) {
    if (i % reads_per_write == 0) {
      std::lock_guard hold(lock);
      ++written;
    } else {
      std::shared_lock hold(lock);
      asm volatile("" : : "r"(written));  // reads it
    }
  });
  const std::uint64_t each = asked.n / gs;
  bench::require(written == (each + reads_per_write - 1) / reads_per_write * gs, "lost a write");
  return ns;
}

bench::report shared_mutex1(const bench::request& asked) {
  return {{"shared_mutex1", read_mostly(asked, 1), "ns"}};
}

bench::report shared_mutex8(const bench::request& asked) {
  return {{"shared_mutex8", read_mostly(asked, users), "ns"}};
}

// Permits for half of the users.
bench::report semaphore8(const bench::request& asked) {
  gmp::semaphore permits(users / 2);
  const double ns = by_users(asked, users, [&](std::uint64_t) {
    permits.acquire();
    permits.release();
  });
  bench::require(permits.try_acquire(users / 2) && !permits.try_acquire(), "wrong permits");
  return {{"semaphore8", ns, "ns"}};
}

// Waits until it is this side's turn, then gives it to the other.
struct turns {
  gmp::mutex lock;
  gmp::condition_variable changed[2];
  int turn = 0;

  void take(int side) {
    std::unique_lock hold(lock);
    changed[side].wait(hold, [&] { return turn == side; });
    turn = 1 - side;
    changed[1 - side].notify_one();
  }
};

bench::report condition(const bench::request& asked) {
  const double ns = gmp::run(
      [n = asked.n] {
        turns both;
        gmp::wait_group done;
        done.add(1);
        bench::stopwatch watch;
        gmp::go([&] {
          for (std::uint64_t i = 0; i < n; ++i) both.take(1);
          done.done();
        });
        for (std::uint64_t i = 0; i < n; ++i) both.take(0);
        done.wait();
        return watch.ns();
      },
      {.procs = asked.procs});
  return {{"condition", ns / static_cast<double>(asked.n), "ns"}};
}

constexpr bench::question questions[] = {
    {"shared_mutex1", 8'000'000, 200'000, shared_mutex1},
    {"shared_mutex8", 8'000'000, 200'000, shared_mutex8},
    {"semaphore8", 8'000'000, 200'000, semaphore8},
    {"condition", 2'000'000, 50'000, condition},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
