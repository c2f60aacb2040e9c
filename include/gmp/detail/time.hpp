// Times as the library counts them inside: nanoseconds of the steady clock, saturating.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>
#include <type_traits>

namespace gmp::detail {

using nanoseconds_count = std::int64_t;
inline constexpr nanoseconds_count forever = std::numeric_limits<nanoseconds_count>::max();

nanoseconds_count now_on_g() noexcept;

// Any duration, floating ones too, clamped to what 64 bits of nanoseconds hold.
template <class Rep, class Period>
constexpr nanoseconds_count clamp_duration(std::chrono::duration<Rep, Period> d) noexcept {
  if constexpr (std::is_integral_v<Rep> && sizeof(Rep) <= 8 && Period::den <= std::nano::den &&
                std::nano::den % Period::den == 0) {  // whole nanoseconds: no floating point
    constexpr std::intmax_t each = std::nano::den / Period::den;
    nanoseconds_count ns = 0;
    if (!__builtin_mul_overflow(d.count(), Period::num, &ns) &&
        !__builtin_mul_overflow(ns, each, &ns))
      return ns;
    return d.count() < 0 ? std::numeric_limits<nanoseconds_count>::min() : forever;
  }
  using wide = std::chrono::duration<long double, std::nano>;
  const long double ns = std::chrono::duration_cast<wide>(d).count();
  if (!(ns > 0))
    return ns <= static_cast<long double>(std::numeric_limits<nanoseconds_count>::min())
               ? std::numeric_limits<nanoseconds_count>::min()
               : static_cast<nanoseconds_count>(ns);
  if (ns >= static_cast<long double>(forever)) return forever;
  const auto whole = static_cast<nanoseconds_count>(ns);
  return static_cast<long double>(whole) < ns ? whole + 1 : whole;  // never early
}

inline nanoseconds_count deadline_in(nanoseconds_count delay) noexcept {
  const nanoseconds_count now = now_on_g();
  if (delay <= 0) return now;
  return delay >= forever - now ? forever : now + delay;
}

template <class Rep, class Period>
nanoseconds_count deadline_after(std::chrono::duration<Rep, Period> d) noexcept {
  return deadline_in(clamp_duration(d));
}

template <class Duration>
nanoseconds_count deadline_at(
    std::chrono::time_point<std::chrono::steady_clock, Duration> t) noexcept {
  return clamp_duration(t.time_since_epoch());
}

// Other clocks: what is left on that clock, counted on the steady one.
template <class Clock, class Duration>
nanoseconds_count deadline_at(std::chrono::time_point<Clock, Duration> t) noexcept {
  return deadline_after(t - Clock::now());
}

}  // namespace gmp::detail
