// How long does a tree of Gs with a million leaves take, ten children a node, sums over channels,
// and how much memory at most?
#include <gmp/gmp.hpp>

#include "harness.hpp"

namespace {

using channel = gmp::chan<std::int64_t>;

void node(const channel& out, std::int64_t first, std::int64_t size) {
  if (size == 1) return out.send(first);
  channel in = gmp::make_chan<std::int64_t>();
  for (std::int64_t i = 0; i < 10; ++i) gmp::go(node, in, first + i * (size / 10), size / 10);
  std::int64_t sum = 0;
  for (int i = 0; i < 10; ++i) sum += *in.recv();
  out.send(sum);
}

bench::report skynet(const bench::request& asked) {
  auto n = static_cast<std::int64_t>(asked.n);
  std::int64_t sum = 0;
  double ms = gmp::run(
      [n, &sum] {
        channel out = gmp::make_chan<std::int64_t>();
        bench::stopwatch watch;
        gmp::go(node, out, 0, n);
        sum = *out.recv();
        return watch.ms();
      },
      {.procs = asked.procs});
  bench::require(sum == n * (n - 1) / 2, "wrong sum: is n a power of ten?");
  return {{"skynet", ms, "ms"},
          {"skynet_rss", static_cast<double>(bench::peak_resident_bytes()) / 1e6, "MB"}};
}

constexpr bench::question questions[] = {{"skynet", 1'000'000, 0, skynet}};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
