// What does a timer cost that is made and stopped before it fires, as a time limit is?
#include <gmp/gmp.hpp>

#include "harness.hpp"

namespace {

using namespace std::chrono_literals;

bench::report timer(const bench::request& asked) {
  double ns = gmp::run(
      [&asked] {
        bench::stopwatch watch;
        for (std::uint64_t i = 0; i < asked.n; ++i) {
          gmp::timer limit(1h);
          limit.stop();
        }
        return watch.ns();
      },
      {.procs = asked.procs});
  return {{"timer", ns / static_cast<double>(asked.n), "ns"}};
}

constexpr bench::question questions[] = {{"timer", 1'000'000, 50'000, timer}};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
