// How late is the last of 100,000 Gs that sleep for a second, and what processor time does it take?
#include <gmp/gmp.hpp>

#include "harness.hpp"

namespace {

using namespace std::chrono_literals;

bench::report sleep(const bench::request& asked) {
  double cpu = bench::cpu_seconds();
  double ms = gmp::run(
      [&asked] {
        gmp::wait_group done;
        done.add(static_cast<int>(asked.n));
        bench::stopwatch watch;
        for (std::uint64_t i = 0; i < asked.n; ++i)
          gmp::go([&done] {
            gmp::this_g::sleep_for(1s);
            done.done();
          });
        done.wait();
        return watch.ms();
      },
      {.procs = asked.procs});
  return {{"sleep", ms - 1'000, "ms"}, {"sleep_cpu", bench::cpu_seconds() - cpu, "s"}};
}

constexpr bench::question questions[] = {{"sleep", 100'000, 0, sleep}};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
