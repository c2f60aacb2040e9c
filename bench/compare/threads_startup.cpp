// Threads in place of a runtime; a program with a thread.
#include <thread>
#include <vector>

#include "../process_time.hpp"
#include "threads_world.hpp"

namespace threads_bench {

// As many threads as there would be Ps, made and joined; one of them does something.
bench::report startup(const bench::request& asked) {
  std::vector<double> times;
  for (std::uint64_t i = 0; i < asked.n; ++i) {
    int answer = 0;
    bench::stopwatch watch;
    {
      std::vector<std::jthread> threads;
      threads.emplace_back([&answer] { answer = 42; });
      for (unsigned t = 1; t < asked.procs; ++t) threads.emplace_back([] {});
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
  return bench::process_time("hello_threads", asked.n);
}

}  // namespace threads_bench
