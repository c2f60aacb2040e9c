// What does a growing stack cost: a deep recursion, much stack in a fresh G, a call that crosses
// into a new segment each time it is made, and one through a pointer, of whose target the compiler
// cannot know what stack it needs?
#include <gmp/gmp.hpp>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include <algorithm>
#include <array>
#include <chrono>

#include "harness.hpp"
#include "stack_use.hpp"

namespace {

// Each time in a new G, from `go` until it has ended; the first time and the median.
bench::report in_fresh_gs(const bench::request& asked, std::uint64_t (*work)(), const char* name,
                          const char* first_name) {
  std::vector<double> times;
  times.reserve(asked.n);
  gmp::run(
      [&] {
        for (std::uint64_t i = 0; i < asked.n; ++i) {
          gmp::wait_group done;
          done.add(1);
          bench::stopwatch watch;
          gmp::go([&done, work] {
            work();
            done.done();
          });
          done.wait();
          times.push_back(watch.us());
        }
      },
      {.procs = asked.procs});
  double first = times.front();
  return {{name, bench::median(times), "us"}, {first_name, first, "us"}};
}

bench::report deep(const bench::request& asked) {
  return in_fresh_gs(
      asked, [] { return bench::descend(100'000); }, "deep", "deep_first");
}

bench::report stack_64k(const bench::request& asked) {
  return in_fresh_gs(
      asked, [] { return bench::use_stack(64); }, "stack_64k", "stack_64k_first");
}

bench::report stack_1m(const bench::request& asked) {
  return in_fresh_gs(
      asked, [] { return bench::use_stack(1024); }, "stack_1m", "stack_1m_first");
}

// A clock without a call: a function that calls the real one would be given a large stack and never
// split.
inline std::uint64_t ticks() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  std::uint64_t now;
  asm volatile("mrs %0, cntvct_el0" : "=r"(now));
  return now;
#endif
}

double ns_per_tick() {
  using clock = std::chrono::steady_clock;
  clock::time_point begin = clock::now();
  std::uint64_t start = ticks();
  clock::time_point end = begin;
  while (end - begin < std::chrono::milliseconds(20)) end = clock::now();
  std::uint64_t taken = ticks() - start;
  return std::chrono::duration<double, std::nano>(end - begin).count() / static_cast<double>(taken);
}

constexpr std::size_t depths = 128;  // times 16 bytes at least: more than a first segment
struct split_times {
  std::uint64_t calls = 0;
  std::array<std::uint64_t, depths> ticks_at{};
};

// A frame that does not fit once little enough is left.
[[gnu::noinline]] std::uint64_t leaf(std::uint64_t i) {
  volatile std::uint64_t frame[24];
  frame[i % 24] = i;
  return frame[i % 24];
}

// Its frame is larger than the step from depth to depth, so that no depth steps over the place
// where the leaf does not fit.
[[gnu::noinline]] std::uint64_t call_leaves(std::uint64_t calls) {
  volatile std::uint64_t frame[16];
  frame[0] = calls;
  std::uint64_t start = ticks();
  for (std::uint64_t i = 0; i < frame[0]; ++i) leaf(i);
  return ticks() - start;
}

// Calls the leaf from a frame `depth` small frames further down.
[[gnu::noinline]] std::uint64_t call_leaves_at(std::size_t depth, std::uint64_t calls) {
  if (depth == 0) return call_leaves(calls);
  std::uint64_t taken = call_leaves_at(depth - 1, calls);
  asm volatile("" : "+r"(taken));  // not a tail call: the frame stays
  return taken;
}

[[gnu::noinline]] void time_depths(split_times& all) {
  for (std::size_t depth = 0; depth < depths; ++depth)
    all.ticks_at[depth] = call_leaves_at(depth, all.calls);
}

// At some depths every single call of the leaf crosses into another segment and comes back. The
// slowest depth of three sweeps is the figure (each depth counts with its best sweep, so that an
// interrupt does not), the median depth is a call without a split.
bench::report split(const bench::request& asked) {
  std::array<std::uint64_t, depths> best;
  best.fill(~std::uint64_t{0});
  gmp::run(
      [&] {
        for (int sweep = 0; sweep < 3; ++sweep) {
          split_times all{.calls = asked.n};
          gmp::wait_group done;
          done.add(1);
          gmp::go([&] {
            time_depths(all);
            done.done();
          });
          done.wait();
          for (std::size_t d = 0; d < depths; ++d) best[d] = std::min(best[d], all.ticks_at[d]);
        }
      },
      {.procs = asked.procs});
  double scale = ns_per_tick() / static_cast<double>(asked.n);
  std::ranges::sort(best);
  return {{"split", static_cast<double>(best.back()) * scale, "ns"},
          {"no_split", static_cast<double>(best[depths / 2]) * scale, "ns"}};
}

bench::report indirect(const bench::request& asked) {
  bench::indirect_times times{};
  gmp::run(
      [&] {
        gmp::wait_group done;
        done.add(1);
        gmp::go([&] {
          times.measure(asked.n);
          done.done();
        });
        done.wait();
      },
      {.procs = asked.procs});
  return times.lines();
}

constexpr bench::question questions[] = {
    {"deep", 15, 0, deep},
    {"stack_64k", 200, 0, stack_64k},
    {"stack_1m", 100, 0, stack_1m},
    {"split", 20'000, 0, split},
    {"indirect", 20'000'000, 10'000, indirect},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
