// How long does it take from a send on one P until the receiver, which waits, runs on another?
//
// The sender computes on until it has the answer, so nobody but another M can run the receiver. The
// pause between two sends decides what that M does meanwhile: after 1 ms it sleeps in the kernel,
// after 2 us it still looks for work.
#include <gmp/gmp.hpp>

#include <atomic>

#include "harness.hpp"
#include "lateness.hpp"

namespace {

using namespace std::chrono_literals;
using clock_type = bench::lateness::clock;

bench::lateness wake(const bench::request& asked, clock_type::duration pause) {
  bench::lateness late;
  gmp::run(
      [&] {
        auto ch = gmp::make_chan<clock_type::time_point>();
        std::atomic<std::uint64_t> received{0};
        gmp::wait_group done;
        done.add(1);
        gmp::go([&] {
          while (auto sent = ch.recv()) {
            late.come(*sent);
            received.fetch_add(1, std::memory_order_release);
          }
          done.done();
        });
        gmp::this_g::sleep_for(1ms);  // it waits
        for (std::uint64_t i = 1; i <= asked.n; ++i) {
          bench::compute(pause);
          ch.send(clock_type::now());
          while (received.load(std::memory_order_acquire) < i) continue;
        }
        ch.close();
        done.wait();
      },
      {.procs = std::max(asked.procs, 2u)});
  return late;
}

bench::report idle(const bench::request& asked) {
  bench::lateness late = wake(asked, 1ms);
  return {{"wake_idle", late.median(), "us"}, {"wake_idle_p99", late.p99(), "us"}};
}

bench::report spinning(const bench::request& asked) {
  bench::lateness late = wake(asked, 2us);
  return {{"wake_spinning", late.median(), "us"}, {"wake_spinning_p99", late.p99(), "us"}};
}

constexpr bench::question questions[] = {
    {"wake_idle", 300, 20, idle},
    {"wake_spinning", 20'000, 1'000, spinning},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
