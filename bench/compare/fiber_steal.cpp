// Fork and join. Small ones, with ns per fork or node as figures: a fiber's stack is 16 KiB, and a
// tree of them is held at once.
#include "../work_tree.hpp"
#include "fiber_world.hpp"

namespace fiber_bench {

namespace {

template <class F>
boost::fibers::fiber fork(F&& body) {
  return {boost::fibers::launch::dispatch, std::allocator_arg,
          boost::fibers::fixedsize_stack(16 * 1024), std::forward<F>(body)};
}

std::uint64_t fib_of(std::uint64_t n) {
  if (n < 2) return n;
  std::uint64_t left = 0;
  boost::fibers::fiber branch = fork([&left, n] { left = fib_of(n - 1); });
  const std::uint64_t right = fib_of(n - 2);
  branch.join();
  return left + right;
}

std::uint64_t walk(const bench::uneven_node& node) {
  bench::uneven_node children[bench::uneven_node::most];
  const std::size_t n = node.split(children);
  std::uint64_t counts[bench::uneven_node::most];
  boost::fibers::fiber branches[bench::uneven_node::most];
  for (std::size_t i = 0; i < n; ++i)
    branches[i] = fork([&count = counts[i], &child = children[i]] { count = walk(child); });
  std::uint64_t count = node.work();
  for (std::size_t i = 0; i < n; ++i) {
    branches[i].join();
    count += counts[i];
  }
  return count;
}

}  // namespace

bench::report fib(const bench::request& asked) {
  double ns = 0;
  with_workers(asked.procs, [&] {
    bench::stopwatch watch;
    const std::uint64_t found = fib_of(asked.n);
    ns = watch.ns() / bench::fib_forks(asked.n);
    bench::require(found == bench::fibonacci(asked.n), "wrong fib");
  });
  return {{"fib_fork", ns, "ns"}};
}

bench::report uneven(const bench::request& asked) {
  double ms = 0;
  with_workers(asked.procs, [&] {
    bench::stopwatch watch;
    const std::uint64_t found = walk(bench::uneven_node::root(asked.n));
    ms = watch.ms();
    bench::require(found == asked.n, "wrong number of nodes");
  });
  return {{"uneven", ms * 1e6 / static_cast<double>(asked.n), "ns"}};
}

}  // namespace fiber_bench
