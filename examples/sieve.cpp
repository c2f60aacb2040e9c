// Prime numbers by a chain of Gs: the classic of Hoare, Pike and every Go tutorial.
//
//   generate -> 2,3,4,5... -> filter 2 -> 3,5,7,9... -> filter 3 -> 5,7,11... -> filter 5 -> ...
//
// What arrives at the end of the chain is prime, and gets a filter of its own, which becomes the
// new end. The thousandth prime has passed 999 Gs. As a sieve it is slow; as an exercise for a
// scheduler it is hard to beat.
#include <gmp/gmp.hpp>

#include "arguments.hpp"

namespace {

// send_chan and recv_chan are the two ends of a channel: a signature says who does what.
void generate(const gmp::send_chan<int>& out) {
  for (int i = 2;; ++i) out.send(i);
}

void filter(const gmp::recv_chan<int>& in, const gmp::send_chan<int>& out, int prime) {
  while (auto number = in.recv())
    if (*number % prime != 0) out.send(*number);
}

void print_primes(int count) {
  auto chain = gmp::make_chan<int>();
  gmp::go(generate, chain);
  for (int i = 0; i < count; ++i) {
    const int prime = *chain.recv();
    fmt::print("{}\n", prime);
    auto next = gmp::make_chan<int>();
    gmp::go(filter, chain, next, prime);
    chain = next;
  }
  // Nobody told the generator and the filters to stop: they are parked, waiting for a receiver that
  // does not come. When run() stops the runtime it unwinds them, so that their destructors run, and
  // frees their stacks.
}

}  // namespace

int main(int argc, char** argv) {
  int count = 100;
  unsigned procs = 0;
  examples::command_line options("Prints the first prime numbers, found by a chain of Gs.");
  options.number("count", count, "how many", 0, 100'000);
  options.number("--procs", procs, "Ps; 0: as many as the machine gives");
  if (auto code = options.parse(argc, argv)) return *code;

  return examples::guarded("sieve", [&] {
    gmp::run([count] { print_primes(count); }, {.procs = procs});
    return examples::success;
  });
}
