// What does a timer cost that is made and stopped before it fires, as a time limit is, or is put
// off, and how late does a ticker tick?
#include <gmp/gmp.hpp>

#include "harness.hpp"
#include "lateness.hpp"

namespace {

using namespace std::chrono_literals;

// ns per call of operation(i).
template <class Operation>
double each(const bench::request& asked, Operation operation) {
  return gmp::run(
      [&] {
        auto body = operation();
        bench::stopwatch watch;
        for (std::uint64_t i = 0; i < asked.n; ++i) body(i);
        return watch.ns() / static_cast<double>(asked.n);
      },
      {.procs = asked.procs});
}

bench::report timer(const bench::request& asked) {
  const double ns = each(asked, [] {
    return [](std::uint64_t) {
      gmp::timer limit(1h);
      limit.stop();
    };
  });
  return {{"timer", ns, "ns"}};
}

// Further away each time, as the time limit of a connection is moved by what it receives.
bench::report reset(const bench::request& asked) {
  const double ns = each(asked, [] {
    return [limit = gmp::timer(1h)](std::uint64_t i) mutable {
      limit.reset(1h + std::chrono::microseconds(i));
    };
  });
  return {{"timer_reset", ns, "ns"}};
}

// n ticks of 1 ms; late by the time at which each was due.
bench::report tick(const bench::request& asked) {
  constexpr auto period = 1ms;
  bench::lateness late;
  gmp::run(
      [&] {
        auto due = bench::lateness::clock::now();
        gmp::ticker ticks(period);
        for (std::uint64_t i = 0; i < asked.n; ++i) {
          ticks.channel().recv();
          const auto now = bench::lateness::clock::now();
          due += period;
          late.add(std::max(now - due, 0ns));
          while (due + period <= now) due += period;  // those were missed
        }
      },
      {.procs = asked.procs});
  return {{"ticker", late.median(), "us"},
          {"ticker_p99", late.p99(), "us"},
          {"ticker_max", late.max(), "us"}};
}

constexpr bench::question questions[] = {
    {"timer", 2'000'000, 50'000, timer},
    {"timer_reset", 4'000'000, 50'000, reset},
    {"ticker", 500, 0, tick},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
