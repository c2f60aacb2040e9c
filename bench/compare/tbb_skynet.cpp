// Skynet as oneTBB tasks: no coroutines, no channels; what a task scheduler alone would take.
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_group.h>

#include "../harness.hpp"

namespace {

using leaf = std::int64_t;

leaf node(leaf first, leaf size) {
  if (size == 1) return first;
  leaf sums[10];
  oneapi::tbb::task_group children;
  for (leaf i = 0; i < 10; ++i)
    children.run([&sums, first, size, i] { sums[i] = node(first + i * (size / 10), size / 10); });
  children.wait();
  leaf sum = 0;
  for (leaf s : sums) sum += s;
  return sum;
}

bench::report skynet(const bench::request& asked) {
  oneapi::tbb::global_control workers(oneapi::tbb::global_control::max_allowed_parallelism,
                                      asked.procs);
  leaf n = static_cast<leaf>(asked.n);
  bench::stopwatch watch;
  leaf sum = node(0, n);
  double ms = watch.ms();
  bench::require(sum == n * (n - 1) / 2, "wrong sum: is n a power of ten?");
  return {{"skynet", ms, "ms"},
          {"skynet_rss", static_cast<double>(bench::peak_resident_bytes()) / 1e6, "MB"}};
}

constexpr bench::question questions[] = {{"skynet", 1'000'000, 0, skynet}};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
