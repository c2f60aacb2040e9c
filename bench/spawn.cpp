// What does a G cost from `go` to its end? Measured: an empty function (but for done()) is spawned
// in batches of 1,000 and a wait group waits for each batch; ns per G, the waiting included.
#include <gmp/gmp.hpp>

#include "harness.hpp"

namespace {

constexpr std::uint64_t batch = 1'000;

bench::report spawn(const bench::request& asked) {
  std::uint64_t batches = (asked.n + batch - 1) / batch;
  double ns = gmp::run(
      [batches] {
        gmp::wait_group done;
        bench::stopwatch watch;
        for (std::uint64_t b = 0; b < batches; ++b) {
          done.add(static_cast<int>(batch));
          for (std::uint64_t i = 0; i < batch; ++i) gmp::go([&done] { done.done(); });
          done.wait();
        }
        return watch.ns();
      },
      {.procs = asked.procs});
  return {{"spawn", ns / static_cast<double>(batches * batch), "ns"}};
}

// The same with a result each: spawn() and get().
bench::report spawn_task(const bench::request& asked) {
  std::uint64_t batches = (asked.n + batch - 1) / batch;
  std::uint64_t sum = 0;
  double ns = gmp::run(
      [batches, &sum] {
        std::vector<gmp::task<std::uint64_t>> tasks;
        tasks.reserve(batch);
        bench::stopwatch watch;
        for (std::uint64_t b = 0; b < batches; ++b) {
          for (std::uint64_t i = 0; i < batch; ++i) tasks.push_back(gmp::spawn([i] { return i; }));
          for (gmp::task<std::uint64_t>& task : tasks) sum += task.get();
          tasks.clear();
        }
        return watch.ns();
      },
      {.procs = asked.procs});
  bench::require(sum == batches * (batch * (batch - 1) / 2), "wrong sum");
  return {{"spawn_task", ns / static_cast<double>(batches * batch), "ns"}};
}

constexpr bench::question questions[] = {
    {"spawn", 2'000'000, 100'000, spawn},
    {"spawn_task", 1'000'000, 50'000, spawn_task},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
