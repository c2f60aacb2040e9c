// Time as the runtime counts it: nanoseconds of the steady clock, saturating.
#pragma once

#include <cstdint>
#include <ctime>
#include <limits>

namespace gmp::detail {

using nanos = std::int64_t;

inline constexpr nanos never = std::numeric_limits<nanos>::max();

inline nanos clock_now() noexcept {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<nanos>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

// now + delay, clamped: a delay that is too long means never, a negative one means now.
inline nanos after(nanos now, nanos delay) noexcept {
  if (delay <= 0) return now;
  return delay >= never - now ? never : now + delay;
}

}  // namespace gmp::detail
