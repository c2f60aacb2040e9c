// What does a select over four channels cost for each value, with and without buffers?
#include <gmp/gmp.hpp>

#include <optional>

#include "harness.hpp"

namespace {

using channel = gmp::chan<std::int64_t>;

// One G sends to the channels in turn, another selects; ns per value.
double select4(const bench::request& asked, std::size_t capacity) {
  auto n = static_cast<std::int64_t>(asked.n);
  std::int64_t sum = 0;
  double ns = gmp::run(
      [n, capacity, &sum] {
        channel ch[4];
        for (channel& c : ch) c = gmp::make_chan<std::int64_t>(capacity);
        auto take = [&sum](std::optional<std::int64_t> v) { sum += *v; };
        bench::stopwatch watch;
        gmp::go([n, &ch] {
          for (std::int64_t i = 0; i < n; ++i) ch[i & 3].send(i);
        });
        for (std::int64_t i = 0; i < n; ++i)
          gmp::select(gmp::on_recv(ch[0], take), gmp::on_recv(ch[1], take),
                      gmp::on_recv(ch[2], take), gmp::on_recv(ch[3], take));
        return watch.ns();
      },
      {.procs = asked.procs});
  bench::require(sum == n * (n - 1) / 2, "wrong sum");
  return ns / static_cast<double>(n);
}

bench::report unbuffered(const bench::request& asked) {
  return {{"select4", select4(asked, 0), "ns"}};
}

bench::report buffered(const bench::request& asked) {
  return {{"select4_buffered", select4(asked, 128), "ns"}};
}

constexpr bench::question questions[] = {
    {"select4", 1'000'000, 50'000, unbuffered},
    {"select4_buffered", 2'000'000, 50'000, buffered},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
