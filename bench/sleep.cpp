// How late is the last of 100,000 Gs that sleep for a second, and what processor time does it take?
#include <gmp/gmp.hpp>

#include <chrono>

#include "harness.hpp"

namespace {

using namespace std::chrono_literals;

bench::report sleep(const bench::request& asked) {
  double cpu = bench::cpu_seconds();
  double ms = gmp::run(
      [&asked] {
        gmp::wait_group done;
        done.add(static_cast<int>(asked.n));
        auto start = std::chrono::steady_clock::now();
        for (std::uint64_t i = 0; i < asked.n; ++i)
          gmp::go([&done] {
            gmp::this_g::sleep_for(1s);
            done.done();
          });
        done.wait();
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count();
      },
      {.procs = asked.procs});
  return {{"sleep", ms - 1'000, "ms"}, {"sleep_cpu", bench::cpu_seconds() - cpu, "s"}};
}

constexpr bench::question questions[] = {{"sleep", 100'000, 0, sleep}};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
