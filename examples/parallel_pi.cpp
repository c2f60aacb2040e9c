// Pi as the integral of 4 / (1 + x^2) from 0 to 1, the work cut into chunks that Gs take from a
// channel.
//
//   main --chunks--> worker, worker, ... --partial sums--> main
//
// The channel is the load balancer: a worker that is done takes the next chunk, whoever is slow
// takes fewer.
#include <gmp/gmp.hpp>

#include <algorithm>
#include <cstdint>

#include "arguments.hpp"

namespace {

struct chunk {
  std::uint64_t first, last;  // of the steps, last excluded
};

// The rectangles of the midpoint rule: no waiting in here, so a G keeps its P until it is through.
double integrate(chunk part, double width) {
  double sum = 0;
  for (std::uint64_t i = part.first; i < part.last; ++i) {
    const double x = (static_cast<double>(i) + 0.5) * width;
    sum += 4 / (1 + x * x);
  }
  return sum * width;
}

double pi(std::uint64_t steps, std::uint64_t chunk_size, unsigned workers) {
  auto chunks = gmp::make_chan<chunk>(workers);
  auto sums = gmp::make_chan<double>(workers);

  gmp::go([=] {
    for (std::uint64_t first = 0; first < steps; first += std::min(chunk_size, steps - first))
      chunks.send({first, first + std::min(chunk_size, steps - first)});
    chunks.close();
  });

  gmp::wait_group working;
  for (unsigned w = 0; w < workers; ++w) {
    working.go([=] {
      for (chunk part : chunks) sums.send(integrate(part, 1 / static_cast<double>(steps)));
    });
  }
  // The last worker to leave would have to close `sums`. Who that is the wait_group knows, so a G
  // waits for it.
  gmp::go([&working, sums] {
    working.wait();
    sums.close();
  });

  double result = 0;
  for (double sum : sums) result += sum;
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t steps = 20'000'000;
  std::uint64_t chunk_size = 100'000;
  unsigned workers = 0, procs = 0;
  examples::command_line options(
      "Computes pi with Gs that take chunks of the work from a channel.");
  options.number("--steps", steps, "rectangles under the curve", 1);
  options.number("--chunk", chunk_size, "rectangles per chunk", 1);
  options.number("--workers", workers, "Gs that compute; 0: one per P", 0, 100'000);
  options.number("--procs", procs, "Ps; 0: as many as the machine gives");
  if (auto code = options.parse(argc, argv)) return *code;

  return examples::guarded("parallel_pi", [&] {
    // procs() asks the runtime of the caller, hence in here.
    double result =
        gmp::run([&] { return pi(steps, chunk_size, workers > 0 ? workers : gmp::procs()); },
                 {.procs = procs});
    fmt::print("{:.12f}\n", result);
    return examples::success;
  });
}
