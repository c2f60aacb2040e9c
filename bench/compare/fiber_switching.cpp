// Yield, spawn, a contended mutex, a condition.
#include "fiber_world.hpp"

namespace fiber_bench {

bench::report yield(const bench::request& asked) {
  double ns = 0;
  with_workers(asked.procs, [&] {
    auto body = [&] {
      for (std::uint64_t i = 0; i < asked.n / 2; ++i) boost::this_fiber::yield();
    };
    bench::stopwatch watch;
    boost::fibers::fiber one(body);
    boost::fibers::fiber two(body);
    one.join();
    two.join();
    ns = watch.ns() / static_cast<double>(asked.n);
  });
  return {{"yield", ns, "ns"}};
}

// Batches of 1,000 on pooled stacks, which do not fault again; each batch is joined.
bench::report spawn(const bench::request& asked) {
  constexpr std::uint64_t batch = 1'000;
  double ns = 0;
  with_workers(asked.procs, [&] {
    boost::fibers::pooled_fixedsize_stack stacks;
    std::vector<boost::fibers::fiber> fibers;
    fibers.reserve(batch);
    bench::stopwatch watch;
    for (std::uint64_t made = 0; made < asked.n; made += batch) {
      for (std::uint64_t i = 0; i < batch; ++i)
        fibers.emplace_back(boost::fibers::launch::post, std::allocator_arg, stacks, [] {});
      for (boost::fibers::fiber& f : fibers) f.join();
      fibers.clear();
    }
    ns = watch.ns() / static_cast<double>(asked.n);
  });
  return {{"spawn", ns, "ns"}};
}

bench::report mutex8(const bench::request& asked) {
  double ns = 0;
  with_workers(asked.procs, [&] {
    boost::fibers::mutex lock;
    std::uint64_t counter = 0;
    std::vector<boost::fibers::fiber> users;
    bench::stopwatch watch;
    for (int u = 0; u < 8; ++u)
      users.emplace_back([&] {
        for (std::uint64_t i = 0; i < asked.n / 8; ++i) {
          std::lock_guard hold(lock);
          ++counter;
        }
      });
    for (boost::fibers::fiber& user : users) user.join();
    ns = watch.ns() / static_cast<double>(asked.n);
    bench::require(counter == asked.n / 8 * 8, "lost an increment");
  });
  return {{"mutex8", ns, "ns"}};
}

bench::report condition(const bench::request& asked) {
  double ns = 0;
  with_workers(asked.procs, [&] {
    boost::fibers::mutex lock;
    boost::fibers::condition_variable changed[2];
    int turn = 0;
    auto take = [&](int side) {
      std::unique_lock hold(lock);
      changed[side].wait(hold, [&] { return turn == side; });
      turn = 1 - side;
      changed[1 - side].notify_one();
    };
    bench::stopwatch watch;
    boost::fibers::fiber other([&] {
      for (std::uint64_t i = 0; i < asked.n; ++i) take(1);
    });
    for (std::uint64_t i = 0; i < asked.n; ++i) take(0);
    other.join();
    ns = watch.ns() / static_cast<double>(asked.n);
  });
  return {{"condition", ns, "ns"}};
}

}  // namespace fiber_bench
