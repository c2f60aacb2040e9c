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

// A lock of the threads' world, held on purpose while its G waits. Others that want it block their
// threads, not their Ps, so whoever the G waits for gets to run. (glibc's plain std::mutex may be
// unlocked on another thread than it was locked on; gmp::mutex needs no such favour, nor a thread.)
int hold_over_a_park() {
  std::mutex lock;
  int turns = 0;
  gmp::wait_group done;
  for (int i = 0; i < 8; ++i) {
    done.go([&] {
      lock.lock();
      gmp::this_g::sleep_for(5ms);
      ++turns;
      lock.unlock();
    });
  }
  done.wait();
  return turns;
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
          auto waited = gmp::spawn(hold_over_a_park);
          auto turns = gmp::spawn(compute, std::chrono::milliseconds(milliseconds));
          fmt::print("getaddrinfo: {}\n", found.get() == 0 ? "found" : "not found");
          fmt::print("std::mutex: {} turns\n", waited.get());
          fmt::print("computed: {}\n", turns.get() > 0 ? "done" : "nothing");
          ticker.report();
        },
        {.procs = procs});
    return examples::success;
  });
}
