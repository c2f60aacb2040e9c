// What a G may do with its thread while others go on beside it, at one P: resolve names, hold a
// std::mutex while it waits for another G, compute for a second.
#include <netdb.h>

#include <mutex>

#include "../arguments.hpp"
#include "ticker.hpp"

namespace {

using namespace std::chrono_literals;

int resolve(const char* host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host, "80", &hints, &found);
  if (status == 0) ::freeaddrinfo(found);
  return status;
}

// A lock of the threads' world, held while its G waits: the G comes back on another thread perhaps,
// and std::mutex must be unlocked by the thread that locked it. So the G must not leave its thread:
// it waits in a way that blocks the thread, here for a condition variable, and the P goes on.
int hold_over_a_wait() {
  std::mutex lock;
  std::condition_variable changed;
  bool ready = false;
  gmp::wait_group done;
  done.go([&] {
    gmp::this_g::sleep_for(20ms);
    const std::lock_guard hold(lock);
    ready = true;
    changed.notify_one();
  });
  {
    std::unique_lock hold(lock);
    changed.wait(hold, [&] { return ready; });
  }
  done.wait();
  return 1;
}

unsigned long compute(std::chrono::milliseconds length) {
  unsigned long turns = 0;
  const auto end = std::chrono::steady_clock::now() + length;
  while (std::chrono::steady_clock::now() < end) ++turns;
  return turns;
}

}  // namespace

int main(int argc, char** argv) {
  unsigned procs = 1;
  unsigned milliseconds = 1'000;
  examples::command_line options("Stalls its threads in several ways while a ticker runs");
  options.number("--procs", procs, "number of Ps");
  options.number("--compute", milliseconds, "milliseconds to compute");
  if (auto code = options.parse(argc, argv)) return *code;

  return examples::guarded("foreign_calls", [&] {
    gmp::run(
        [&] {
          examples::lateness_ticker ticker;
          auto found = gmp::spawn(resolve, "localhost");
          auto waited = gmp::spawn(hold_over_a_wait);
          auto turns = gmp::spawn(compute, std::chrono::milliseconds(milliseconds));
          fmt::print("getaddrinfo: {}\n", found.get() == 0 ? "found" : "not found");
          fmt::print("std::condition_variable: {}\n", waited.get() == 1 ? "woken" : "lost");
          fmt::print("computed: {}\n", turns.get() > 0 ? "done" : "nothing");
          ticker.report();
        },
        {.procs = procs});
    return examples::success;
  });
}
