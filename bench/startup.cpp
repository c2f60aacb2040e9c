// How long does a runtime take to start, run one G and end, and a program that does only this?
#include <gmp/gmp.hpp>

#include "harness.hpp"
#include "process_time.hpp"

namespace {

// n runtimes in turn, each with one G besides its main one.
bench::report startup(const bench::request& asked) {
  std::vector<double> times;
  for (std::uint64_t i = 0; i < asked.n; ++i) {
    int answer = 0;
    bench::stopwatch watch;
    {
      gmp::runtime scheduler({.procs = asked.procs});
      answer = scheduler.run([] { return gmp::spawn([] { return 42; }).get(); });
    }
    times.push_back(watch.us());
    bench::require(answer == 42, "wrong answer");
  }
  const double first = times.front();
  const double middle = bench::median(times);  // sorts
  return {{"startup", middle, "us"},
          {"startup_p99", times[times.size() * 99 / 100], "us"},
          {"startup_first", first, "us"}};
}

bench::report process(const bench::request& asked) {
  return bench::process_time("hello_ours", asked.n);
}

constexpr bench::question questions[] = {
    {"startup", 500, 0, startup},
    {"process", 100, 5, process},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
