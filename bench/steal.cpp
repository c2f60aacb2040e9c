// What does fork and join cost when the scheduler has to spread the work: a binary recursion that
// forks at every call, n queens, a wide tree, and trees of no regular shape?
#include <gmp/gmp.hpp>

#include "harness.hpp"
#include "work_tree.hpp"

namespace {

// A G for one branch; the other is computed here.
std::uint64_t fib(std::uint64_t n) {
  if (n < 2) return n;
  std::uint64_t left = 0;
  gmp::wait_group joined;
  joined.add(1);
  gmp::go([&left, &joined, n] {
    left = fib(n - 1);
    joined.done();
  });
  const std::uint64_t right = fib(n - 2);
  joined.wait();
  return left + right;
}

std::uint64_t fib_task(std::uint64_t n) {
  if (n < 2) return n;
  gmp::task<std::uint64_t> left = gmp::spawn(fib_task, n - 1);
  const std::uint64_t right = fib_task(n - 2);
  return left.get() + right;
}

double ms_of(const bench::request& asked, std::uint64_t (*work)(std::uint64_t),
             std::uint64_t expected, const char* wrong) {
  return gmp::run(
      [&] {
        bench::stopwatch watch;
        const std::uint64_t found = work(asked.n);
        const double ms = watch.ms();
        bench::require(found == expected, wrong);
        return ms;
      },
      {.procs = asked.procs});
}

bench::report fork_join(const bench::request& asked) {
  const double ms = ms_of(asked, fib, bench::fibonacci(asked.n), "wrong fib");
  return {{"fib", ms, "ms"}, {"fib_fork", ms * 1e6 / bench::fib_forks(asked.n), "ns"}};
}

bench::report fork_join_task(const bench::request& asked) {
  const double ms = ms_of(asked, fib_task, bench::fibonacci(asked.n), "wrong fib");
  return {{"fib_task", ms, "ms"}, {"fib_task_fork", ms * 1e6 / bench::fib_forks(asked.n), "ns"}};
}

// Each queen that fits is a G; solutions below it.
std::uint64_t queens_below(const bench::board& at) {
  if (at.full()) return 1;
  std::uint64_t found[bench::board::most] = {};
  gmp::wait_group joined;
  std::size_t children = 0;
  for (std::uint32_t free = at.free(); free != 0; free &= free - 1) {
    joined.add(1);
    gmp::go([&joined, &result = found[children++], next = at.with(free & -free)] {
      result = queens_below(next);
      joined.done();
    });
  }
  joined.wait();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < children; ++i) sum += found[i];
  return sum;
}

std::uint64_t queens(std::uint64_t n) { return queens_below(bench::board(n)); }

bench::report n_queens(const bench::request& asked) {
  return {{"queens", ms_of(asked, queens, bench::queens_solutions(asked.n), "wrong number"), "ms"}};
}

std::uint64_t leaves_below(std::uint64_t first, std::uint64_t size) {
  if (size == 1) return first;
  std::uint64_t sums[10];
  gmp::wait_group joined;
  joined.add(10);
  for (std::uint64_t i = 0; i < 10; ++i)
    gmp::go([&joined, &sum = sums[i], from = first + i * (size / 10), size] {
      sum = leaves_below(from, size / 10);
      joined.done();
    });
  joined.wait();
  std::uint64_t sum = 0;
  for (std::uint64_t s : sums) sum += s;
  return sum;
}

bench::report skynet_join(const bench::request& asked) {
  auto work = [](std::uint64_t n) { return leaves_below(0, n); };
  const double ms = ms_of(asked, work, asked.n * (asked.n - 1) / 2, "is n a power of ten?");
  return {{"skynet_join", ms, "ms"},
          {"skynet_join_rss", static_cast<double>(bench::peak_resident_bytes()) / 1e6, "MB"}};
}

// Nodes below and including this one.
std::uint64_t walk(const bench::uneven_node& node) {
  bench::uneven_node children[bench::uneven_node::most];
  const std::size_t n = node.split(children);
  std::uint64_t counts[bench::uneven_node::most];
  gmp::wait_group joined;
  joined.add(static_cast<int>(n));
  for (std::size_t i = 0; i < n; ++i)
    gmp::go([&joined, &count = counts[i], child = children[i]] {
      count = walk(child);
      joined.done();
    });
  std::uint64_t count = node.work();
  joined.wait();
  for (std::size_t i = 0; i < n; ++i) count += counts[i];
  return count;
}

bench::report uneven(const bench::request& asked) {
  auto work = [](std::uint64_t n) { return walk(bench::uneven_node::root(n)); };
  const double ms = ms_of(asked, work, asked.n, "wrong number of nodes");
  return {{"uneven", ms * 1e6 / static_cast<double>(asked.n), "ns"}};
}

constexpr bench::question questions[] = {
    {"fib", 32, 20, fork_join},          {"fib_task", 32, 20, fork_join_task},
    {"queens", 12, 8, n_queens},         {"skynet_join", 1'000'000, 0, skynet_join},
    {"uneven", 300'000, 10'000, uneven},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
