// Fork and join as oneTBB tasks: no coroutines; what a task scheduler alone would take.
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/task_group.h>

#include "../harness.hpp"
#include "../work_tree.hpp"

namespace {

std::uint64_t fib(std::uint64_t n) {
  if (n < 2) return n;
  std::uint64_t left = 0;
  std::uint64_t right = 0;
  oneapi::tbb::parallel_invoke([&left, n] { left = fib(n - 1); },
                               [&right, n] { right = fib(n - 2); });
  return left + right;
}

double ms_of(const bench::request& asked, std::uint64_t (*work)(std::uint64_t),
             std::uint64_t expected, const char* wrong) {
  oneapi::tbb::global_control workers(oneapi::tbb::global_control::max_allowed_parallelism,
                                      asked.procs);
  bench::stopwatch watch;
  const std::uint64_t found = work(asked.n);
  const double ms = watch.ms();
  bench::require(found == expected, wrong);
  return ms;
}

bench::report fork_join(const bench::request& asked) {
  const double ms = ms_of(asked, fib, bench::fibonacci(asked.n), "wrong fib");
  return {{"fib", ms, "ms"}, {"fib_fork", ms * 1e6 / bench::fib_forks(asked.n), "ns"}};
}

std::uint64_t queens_below(const bench::board& at) {
  if (at.full()) return 1;
  std::uint64_t found[bench::board::most] = {};
  oneapi::tbb::task_group joined;
  std::size_t children = 0;
  for (std::uint32_t free = at.free(); free != 0; free &= free - 1)
    joined.run([&result = found[children++], next = at.with(free & -free)] {
      result = queens_below(next);
    });
  joined.wait();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < children; ++i) sum += found[i];
  return sum;
}

bench::report n_queens(const bench::request& asked) {
  auto work = [](std::uint64_t n) { return queens_below(bench::board(n)); };
  return {{"queens", ms_of(asked, work, bench::queens_solutions(asked.n), "wrong number"), "ms"}};
}

std::uint64_t leaves_below(std::uint64_t first, std::uint64_t size) {
  if (size == 1) return first;
  std::uint64_t sums[10];
  oneapi::tbb::task_group joined;
  for (std::uint64_t i = 0; i < 10; ++i)
    joined.run([&sum = sums[i], from = first + i * (size / 10), size] {
      sum = leaves_below(from, size / 10);
    });
  joined.wait();
  std::uint64_t sum = 0;
  for (std::uint64_t s : sums) sum += s;
  return sum;
}

double skynet_ms(const bench::request& asked) {
  auto work = [](std::uint64_t n) { return leaves_below(0, n); };
  return ms_of(asked, work, asked.n * (asked.n - 1) / 2, "is n a power of ten?");
}

double peak_mb() { return static_cast<double>(bench::peak_resident_bytes()) / 1e6; }

// Beside the skynet over channels.
bench::report skynet(const bench::request& asked) {
  const double ms = skynet_ms(asked);
  return {{"skynet", ms, "ms"}, {"skynet_rss", peak_mb(), "MB"}};
}

bench::report skynet_join(const bench::request& asked) {
  const double ms = skynet_ms(asked);
  return {{"skynet_join", ms, "ms"}, {"skynet_join_rss", peak_mb(), "MB"}};
}

std::uint64_t walk(const bench::uneven_node& node) {
  bench::uneven_node children[bench::uneven_node::most];
  const std::size_t n = node.split(children);
  std::uint64_t counts[bench::uneven_node::most];
  oneapi::tbb::task_group joined;
  for (std::size_t i = 0; i < n; ++i)
    joined.run([&count = counts[i], child = children[i]] { count = walk(child); });
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
    {"fib", 32, 20, fork_join},          {"queens", 12, 8, n_queens},
    {"skynet", 1'000'000, 0, skynet},    {"skynet_join", 1'000'000, 0, skynet_join},
    {"uneven", 300'000, 10'000, uneven},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
