// What does an exception cost that is thrown and caught inside one G, and inside one thread, with
// 0, 4 and 16 calls between handler and throw? And one that ends its isolated G: time,
// with the report to a handler, and memory that stays behind.
//
// Chunks of throws in a G and on a thread alternate, so that whatever else the machine does meets
// both; the figures are medians, the ratio is that of each two neighbours.
#include <gmp/gmp.hpp>

#include <stdexcept>
#include <thread>
#include <vector>

#include "harness.hpp"

namespace {

constexpr std::uint64_t chunks = 15;

__attribute__((noinline)) void fail(int deeper) {
  if (deeper == 0) throw std::runtime_error("expected");
  fail(deeper - 1);
  asm volatile("");  // no tail call
}

double per_throw(std::uint64_t n, int depth) {
  std::uint64_t caught = 0;
  bench::stopwatch watch;
  for (std::uint64_t i = 0; i < n; ++i) {
    try {
      fail(depth);
    } catch (const std::runtime_error&) {
      ++caught;
    }
  }
  const double ns = watch.ns();
  bench::require(caught == n, "an exception was lost");
  return ns / static_cast<double>(n);
}

struct costs {
  double g, thread, ratio;
};

costs at_depth(const bench::request& asked, int depth) {
  const std::uint64_t each = asked.n / chunks + 1;
  gmp::runtime scheduler({.procs = asked.procs});
  std::vector<double> gs, threads, ratios;
  for (std::uint64_t i = 0; i < chunks; ++i) {
    gs.push_back(scheduler.run([&] { return per_throw(each, depth); }));
    std::thread([&] { threads.push_back(per_throw(each, depth)); }).join();
    ratios.push_back(gs.back() / threads.back());
  }
  return {bench::median(gs), bench::median(threads), bench::median(ratios)};
}

bench::report throw_catch(const bench::request& asked) {
  const costs none = at_depth(asked, 0);
  const costs four = at_depth(asked, 4);
  const costs many = at_depth(asked, 16);
  return {{"throw_catch_g", four.g, "ns"},
          {"throw_catch_thread", four.thread, "ns"},
          {"throw_catch_ratio", four.ratio, "x"},
          {"throw_catch0_g", none.g, "ns"},
          {"throw_catch0_thread", none.thread, "ns"},
          {"throw_catch0_ratio", none.ratio, "x"},
          {"throw_catch16_g", many.g, "ns"},
          {"throw_catch16_thread", many.thread, "ns"},
          {"throw_catch16_ratio", many.ratio, "x"}};
}

constexpr std::uint64_t at_once = 64;  // what is alive must not decide what memory is taken

double isolated_panics(std::uint64_t n, gmp::semaphore& told) {
  bench::stopwatch watch;
  for (std::uint64_t i = 0; i < n; i += at_once) {
    for (std::uint64_t k = 0; k < at_once; ++k)
      gmp::go({.name = "weak", .panic = gmp::panic_class::isolated}, [] { fail(4); });
    told.acquire(at_once);
  }
  return watch.ns() / static_cast<double>((n + at_once - 1) / at_once * at_once);
}

bench::report panics(const bench::request& asked) {
  gmp::semaphore told(0);
  double each = 0;
  std::size_t before = 0, after = 0;
  gmp::run(
      [&] {
        isolated_panics(20'000, told);
        before = bench::resident_bytes();
        each = isolated_panics(asked.n, told);
        after = bench::resident_bytes();
      },
      {.procs = asked.procs, .on_panic = [&](const gmp::panic_report&) { told.release(); }});
  constexpr double mib = 1 << 20;
  return {{"panic", each, "ns"},
          {"panic_rss_before", static_cast<double>(before) / mib, "MiB"},
          {"panic_rss_after", static_cast<double>(after) / mib, "MiB"}};
}

constexpr bench::question questions[] = {
    {"throw_catch", 60'000, 3'000, throw_catch},
    {"panics", 1'000'000, 0, panics},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
