// What does an exception cost that is thrown and caught inside one G, and inside one thread, with
// 0, 4 and 16 calls between handler and throw?
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

constexpr bench::question questions[] = {
    {"throw_catch", 60'000, 3'000, throw_catch},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
