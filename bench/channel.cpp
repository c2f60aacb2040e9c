// What does a value through a channel cost: there and back unbuffered, and one way buffered with
// one and four pairs of Gs?
#include <gmp/gmp.hpp>

#include "harness.hpp"

namespace {

using channel = gmp::chan<std::int64_t>;

bench::report round_trip(const bench::request& asked) {
  auto n = static_cast<std::int64_t>(asked.n);
  std::int64_t sum = 0;
  double ns = gmp::run(
      [n, &sum] {
        channel ping = gmp::make_chan<std::int64_t>();
        channel pong = gmp::make_chan<std::int64_t>();
        gmp::go([ping, pong] {
          while (auto v = ping.recv()) pong.send(*v + 1);
        });
        bench::stopwatch watch;
        for (std::int64_t i = 0; i < n; ++i) {
          ping.send(i);
          sum += *pong.recv();
        }
        double taken = watch.ns();
        ping.close();
        return taken;
      },
      {.procs = asked.procs});
  bench::require(sum == n * (n + 1) / 2, "wrong sum");
  return {{"roundtrip", ns / static_cast<double>(n), "ns"}};
}

std::int64_t sum_of(const channel& ch) {
  std::int64_t sum = 0;
  while (auto v = ch.recv()) sum += *v;
  return sum;
}

// ns per value.
double buffered(const bench::request& asked, std::uint64_t pairs) {
  auto each = static_cast<std::int64_t>(asked.n / pairs);
  std::vector<std::int64_t> sums(pairs);
  double ns = gmp::run(
      [&] {
        channel ch = gmp::make_chan<std::int64_t>(128);
        gmp::wait_group producers;
        gmp::wait_group consumers;
        producers.add(static_cast<int>(pairs));
        consumers.add(static_cast<int>(pairs));
        bench::stopwatch watch;
        for (std::int64_t& sum : sums) {
          gmp::go([&, each] {
            for (std::int64_t i = 0; i < each; ++i) ch.send(i);
            producers.done();
          });
          gmp::go([&] {
            sum = sum_of(ch);
            consumers.done();
          });
        }
        producers.wait();
        ch.close();
        consumers.wait();
        return watch.ns();
      },
      {.procs = asked.procs});
  std::int64_t total = 0;
  for (std::int64_t sum : sums) total += sum;
  auto values = static_cast<std::int64_t>(pairs) * each;
  bench::require(total == values / 2 * (each - 1), "wrong sum");
  return ns / static_cast<double>(values);
}

bench::report buffered11(const bench::request& asked) {
  return {{"buffered11", buffered(asked, 1), "ns"}};
}

bench::report buffered44(const bench::request& asked) {
  return {{"buffered44", buffered(asked, 4), "ns"}};
}

constexpr bench::question questions[] = {
    {"roundtrip", 1'000'000, 50'000, round_trip},
    {"buffered11", 8'000'000, 200'000, buffered11},
    {"buffered44", 8'000'000, 200'000, buffered44},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
