// The running G.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <system_error>

#include <gmp/detail/context_core.hpp>
#include <gmp/detail/time.hpp>

namespace gmp {

namespace detail {
void sleep_until_nanos(nanoseconds_count when);
void sleep_told(nanoseconds_count when, const context& ctx, std::error_code& why);
}  // namespace detail

namespace this_g {

// False on a plain thread and in a signal handler on one.
bool exists() noexcept;

// 1 and up, never reused within a runtime; 0 on a plain thread.
std::uint64_t id() noexcept;

// Lets others run. On a plain thread: std::this_thread::yield(). Go: runtime.Gosched().
void yield();

// Parks for at least the duration; the thread runs other Gs. Zero or less returns at once; the
// longest durations never end. On a plain thread: sleeps. Go: time.Sleep.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d) {
  if (d > d.zero()) detail::sleep_until_nanos(detail::deadline_after(d));
}

// The same, ended by a context too: a cancelled one fails at once. The first throws
// std::system_error of ctx.err(); the second sets `why` or clears it.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d, const context& ctx, std::error_code& why) {
  detail::sleep_told(detail::deadline_after(d), ctx, why);
}
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d, const context& ctx) {
  std::error_code why;
  sleep_for(d, ctx, why);
  detail::throw_if_told(why, "gmp::this_g::sleep_for");
}
template <class Clock, class Duration>
void sleep_until(std::chrono::time_point<Clock, Duration> t) {
  detail::sleep_until_nanos(detail::deadline_at(t));
}

// Names the G in reports; no effect on a plain thread. Throws std::bad_alloc.
void set_name(std::string_view name);

}  // namespace this_g
}  // namespace gmp
