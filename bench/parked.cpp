// How much memory does a G take that waits: one that only receives, one that has allocated, thrown,
// caught and copied strings before, and one whose own function calls snprintf, which has no split
// stack?
#include <gmp/gmp.hpp>

#include <atomic>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "harness.hpp"

namespace {

using namespace std::chrono_literals;

struct crowd {
  gmp::chan<int> gate = gmp::make_chan<int>();
  gmp::wait_group done;
  std::atomic<std::uint64_t> begun = 0;
  std::atomic<std::uint64_t> bytes_seen = 0;
};

// What each G runs. The work and the receive are in one function, so that whatever the work needed
// of the stack and did not give back shows.
using waiter = void (*)(crowd&);

[[gnu::noinline]] void wait_only(crowd& all) {
  all.begun.fetch_add(1, std::memory_order_relaxed);
  all.gate.recv();
  all.done.done();
}

[[gnu::noinline]] void throw_and_wait(crowd& all) {
  {
    std::string text(100, 'x');
    auto block = std::make_unique<char[]>(200);
    block[0] = text[1];
    try {
      throw std::runtime_error(text);
    } catch (const std::exception& error) {
      std::string copy = text;
      copy += error.what();
      all.bytes_seen.fetch_add(copy.size() + (block[0] == 'x'), std::memory_order_relaxed);
    }
  }
  all.begun.fetch_add(1, std::memory_order_relaxed);
  all.gate.recv();
  all.done.done();
}

[[gnu::noinline]] void print_and_wait(crowd& all) {
  char text[64];
  int length = std::snprintf(text, sizeof text, "G %llu of many",
                             static_cast<unsigned long long>(gmp::this_g::id()));
  all.bytes_seen.fetch_add(static_cast<std::uint64_t>(length), std::memory_order_relaxed);
  all.begun.fetch_add(1, std::memory_order_relaxed);
  all.gate.recv();
  all.done.done();
}

// Bytes of RSS for each of n Gs that wait, control block and all. Every one must wake and end
// afterwards.
double resident_each(const bench::request& asked, waiter body) {
  return gmp::run(
      [&] {
        crowd all;
        all.done.add(static_cast<int>(asked.n));
        std::size_t before = bench::resident_bytes();
        for (std::uint64_t i = 0; i < asked.n; ++i) gmp::go([&all, body] { body(all); });
        while (all.begun.load(std::memory_order_relaxed) < asked.n) gmp::this_g::yield();
        gmp::this_g::sleep_for(50ms);  // the last to count themselves reach their receive
        std::size_t after = bench::resident_bytes();
        all.gate.close();
        all.done.wait();
        return static_cast<double>(after - before) / static_cast<double>(asked.n);
      },
      {.procs = asked.procs});
}

bench::report parked(const bench::request& asked) {
  return {{"parked", resident_each(asked, wait_only), "bytes"}};
}

bench::report parked_throw(const bench::request& asked) {
  return {{"parked_throw", resident_each(asked, throw_and_wait), "bytes"}};
}

bench::report parked_snprintf(const bench::request& asked) {
  return {{"parked_snprintf", resident_each(asked, print_and_wait), "bytes"}};
}

constexpr bench::question questions[] = {
    {"parked", 1'000'000, 0, parked},
    {"parked_throw", 1'000'000, 0, parked_throw},
    {"parked_snprintf", 100'000, 0, parked_snprintf},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
