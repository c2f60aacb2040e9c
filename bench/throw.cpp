// What does an exception cost that is thrown and caught inside one G, and inside one thread?
#include <gmp/gmp.hpp>

#include <stdexcept>
#include <thread>

#include "harness.hpp"

namespace {

constexpr int depth = 4;  // calls between handler and throw

__attribute__((noinline)) void fail(int deeper) {
  if (deeper == 0) throw std::runtime_error("expected");
  fail(deeper - 1);
  asm volatile("");  // no tail call
}

double per_throw(std::uint64_t n) {
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

bench::report throw_catch(const bench::request& asked) {
  double thread = 0;
  std::thread([&] { thread = per_throw(asked.n); }).join();
  const double g = gmp::run([&] { return per_throw(asked.n); }, {.procs = asked.procs});
  return {{"throw_catch_g", g, "ns"}, {"throw_catch_thread", thread, "ns"}};
}

constexpr bench::question questions[] = {
    {"throw_catch", 500'000, 10'000, throw_catch},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
