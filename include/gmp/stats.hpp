// Counters of a runtime.
#pragma once

#include <chrono>
#include <cstdint>

namespace gmp {

struct runtime_stats {
  unsigned procs = 0;          // Ps in use
  unsigned threads = 0;        // Ms
  std::uint64_t spawned = 0;   // Gs made since the start
  std::uint64_t finished = 0;  // Gs ended
  std::uint64_t live = 0;      // Gs that exist now
  std::uint64_t switches = 0;  // times a G was resumed
  std::uint64_t steals = 0;    // successful visits to another P's queue
  std::uint64_t stolen = 0;    // Gs brought home by them
  std::uint64_t handoffs = 0;  // Ps taken from threads that stalled, or given up by gmp::blocking
  std::chrono::nanoseconds busy{};  // time during which Ps were held by a thread, summed over Ps
  std::chrono::nanoseconds wall{};  // since the start
  // busy / (wall * procs): 0 to 1
  double utilisation() const noexcept {
    double all = static_cast<double>(wall.count()) * procs;
    return all > 0 ? static_cast<double>(busy.count()) / all : 0;
  }
};

}  // namespace gmp
