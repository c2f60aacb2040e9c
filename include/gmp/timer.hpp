// Times to come as channels.
#pragma once

#include <chrono>
#include <utility>

#include <gmp/chan.hpp>
#include <gmp/detail/chan_core.hpp>
#include <gmp/detail/time.hpp>

namespace gmp {

namespace detail {

// A channel with a timer behind it. `delay` from now, then every `period` (0: once). Throws
// std::system_error when there is no runtime to keep the time, std::bad_alloc.
chan_core* timer_chan_make(nanoseconds_count delay, nanoseconds_count period);
// True: a firing was prevented. Afterwards nothing can be received.
bool timer_chan_stop(chan_core& core) noexcept;
// Before a reference is given up that kept the timer going: the others receive nothing any more.
void timer_chan_drop(chan_core& core) noexcept;
bool timer_chan_reset(chan_core& core, nanoseconds_count delay, nanoseconds_count period);
// Throws std::invalid_argument naming the call.
nanoseconds_count checked_period(nanoseconds_count period, const char* call);

using time_chan = recv_chan<std::chrono::steady_clock::time_point>;

inline time_chan share(const chan_ref& ref) noexcept {
  if (ref.get() == nullptr) return {};
  chan_retain(ref.get());
  return chan_access::adopt<time_chan>(ref.get());
}

}  // namespace detail

// All of this works in Gs, and on plain threads while a runtime exists in the process; otherwise
// std::system_error. A value is the time at which it should have been sent; durations of zero or
// less fire at once, the longest ones never. The channels look unbuffered (len and cap are 0) and
// are never closed: to stop waiting for a stopped timer, select on something else too. Every member
// may be called from any G or thread at the same time; not from signal handlers. When the runtime
// that keeps the time stops, nothing fires any more.

// A channel that gets one value after the duration. Dropped unread it costs nothing more. Go:
// time.After.
template <class Rep, class Period>
[[nodiscard]] recv_chan<std::chrono::steady_clock::time_point> after(
    std::chrono::duration<Rep, Period> d) {
  return detail::chan_access::adopt<detail::time_chan>(
      detail::timer_chan_make(detail::clamp_duration(d), 0));
}

// One value after a duration, unless stopped before. Movable; its end stops it. Go: time.NewTimer.
class timer {
 public:
  template <class Rep, class Period>
  explicit timer(std::chrono::duration<Rep, Period> d)
      : ref_(detail::timer_chan_make(detail::clamp_duration(d), 0)) {}
  timer(timer&& other) noexcept = default;
  timer& operator=(timer&& other) noexcept {
    if (this != &other) {
      stop();
      ref_ = std::move(other.ref_);
    }
    return *this;
  }
  ~timer() {
    if (ref_.get() != nullptr) detail::timer_chan_drop(*ref_.get());
  }

  // The same one always; nil when moved from.
  recv_chan<std::chrono::steady_clock::time_point> channel() const noexcept {
    return detail::share(ref_);
  }

  // No value can be received any more. True: this prevented it, also when the value was there but
  // not read yet.
  bool stop() noexcept { return ref_.get() != nullptr && detail::timer_chan_stop(*ref_.get()); }

  // stop(), then starts again; returns what stop() did.
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> d) {
    return ref_.get() != nullptr &&
           detail::timer_chan_reset(*ref_.get(), detail::clamp_duration(d), 0);
  }

 private:
  detail::chan_ref ref_;
};

// A value every period, at multiples of the period from its start; who receives too slowly misses
// some and never gets two in a burst. Movable; its end stops it. A period of zero or less:
// std::invalid_argument. Go: time.NewTicker.
class ticker {
 public:
  template <class Rep, class Period>
  explicit ticker(std::chrono::duration<Rep, Period> period) {
    const detail::nanoseconds_count each = detail::checked_period(
        detail::clamp_duration(period), "gmp::ticker: the period must be positive");
    ref_ = detail::chan_ref(detail::timer_chan_make(each, each));
  }
  ticker(ticker&& other) noexcept = default;
  ticker& operator=(ticker&& other) noexcept {
    if (this != &other) {
      stop();
      ref_ = std::move(other.ref_);
    }
    return *this;
  }
  ~ticker() {
    if (ref_.get() != nullptr) detail::timer_chan_drop(*ref_.get());
  }

  // The same one always; nil when moved from.
  recv_chan<std::chrono::steady_clock::time_point> channel() const noexcept {
    return detail::share(ref_);
  }

  // No value can be received any more.
  void stop() noexcept {
    if (ref_.get() != nullptr) detail::timer_chan_stop(*ref_.get());
  }

  // Starts anew with another period; the next value comes one period from now.
  template <class Rep, class Period>
  void reset(std::chrono::duration<Rep, Period> period) {
    const detail::nanoseconds_count each = detail::checked_period(
        detail::clamp_duration(period), "gmp::ticker::reset: the period must be positive");
    if (ref_.get() != nullptr) detail::timer_chan_reset(*ref_.get(), each, each);
  }

 private:
  detail::chan_ref ref_;
};

}  // namespace gmp
