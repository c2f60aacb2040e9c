// What does a value through a channel cost: there and back unbuffered, and one way between one and
// several Gs on either side?
#include <gmp/gmp.hpp>

#include <algorithm>
#include <functional>

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

// How many Gs send and receive on one channel.
struct crowd {
  std::uint64_t producers;
  std::uint64_t consumers;
  std::size_t capacity;
};

// ns per value.
double one_way(const bench::request& asked, const crowd& gs) {
  auto each = static_cast<std::int64_t>(asked.n / gs.producers);
  std::vector<std::int64_t> sums(gs.consumers);
  double ns = gmp::run(
      [&] {
        channel ch = gmp::make_chan<std::int64_t>(gs.capacity);
        gmp::wait_group producers;
        gmp::wait_group consumers;
        producers.add(static_cast<int>(gs.producers));
        consumers.add(static_cast<int>(gs.consumers));
        auto produce = [&, each] {
          for (std::int64_t i = 0; i < each; ++i) ch.send(i);
          producers.done();
        };
        auto consume = [&](std::int64_t& sum) {
          sum = sum_of(ch);
          consumers.done();
        };
        bench::stopwatch watch;
        for (std::uint64_t i = 0; i < std::max(gs.producers, gs.consumers); ++i) {
          if (i < gs.producers) gmp::go(produce);
          if (i < gs.consumers) gmp::go(consume, std::ref(sums[i]));
        }
        producers.wait();
        ch.close();
        consumers.wait();
        return watch.ns();
      },
      {.procs = asked.procs});
  std::int64_t total = 0;
  for (std::int64_t sum : sums) total += sum;
  auto values = static_cast<std::int64_t>(gs.producers) * each;
  bench::require(total == values / 2 * (each - 1), "wrong sum");
  return ns / static_cast<double>(values);
}

bench::report buffered11(const bench::request& asked) {
  return {{"buffered11", one_way(asked, {1, 1, 128}), "ns"}};
}
bench::report buffered14(const bench::request& asked) {
  return {{"buffered14", one_way(asked, {1, 4, 128}), "ns"}};
}
bench::report buffered41(const bench::request& asked) {
  return {{"buffered41", one_way(asked, {4, 1, 128}), "ns"}};
}
bench::report buffered44(const bench::request& asked) {
  return {{"buffered44", one_way(asked, {4, 4, 128}), "ns"}};
}
bench::report unbuffered14(const bench::request& asked) {
  return {{"unbuffered14", one_way(asked, {1, 4, 0}), "ns"}};
}
bench::report unbuffered41(const bench::request& asked) {
  return {{"unbuffered41", one_way(asked, {4, 1, 0}), "ns"}};
}

constexpr bench::question questions[] = {
    {"roundtrip", 1'000'000, 50'000, round_trip},
    {"buffered11", 8'000'000, 200'000, buffered11},
    {"buffered14", 8'000'000, 200'000, buffered14},
    {"buffered41", 8'000'000, 200'000, buffered41},
    {"buffered44", 8'000'000, 200'000, buffered44},
    {"unbuffered14", 4'000'000, 200'000, unbuffered14},
    {"unbuffered41", 4'000'000, 200'000, unbuffered41},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
