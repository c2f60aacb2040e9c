// A number of permits, taken and given back several at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <system_error>

#include <gmp/detail/context_core.hpp>
#include <gmp/detail/spin_lock.hpp>
#include <gmp/detail/time.hpp>
#include <gmp/detail/waiter.hpp>

namespace gmp {

// Weighted, first in, first out: a large request at the head is not overtaken by small ones behind
// it or by newcomers. Gs and threads; works without a runtime; not for signal handlers. Shutdown:
// as for mutex. Go: golang.org/x/sync/semaphore.Weighted.
class semaphore {
 public:
  // Throws std::invalid_argument when negative.
  explicit semaphore(std::ptrdiff_t permits);
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;

  // Waits until k permits are to be had and takes them; k = 0 never waits. All members throw
  // std::invalid_argument when k is negative.
  void acquire(std::ptrdiff_t k = 1);

  // The same, ended by a context too: a cancelled one fails at once, even if the permits are there.
  // Without `why` they throw std::system_error of ctx.err(); with it they set it (nothing was taken
  // then), or clear it.
  void acquire(const context& ctx) { acquire(1, ctx); }
  void acquire(const context& ctx, std::error_code& why) { acquire(1, ctx, why); }
  void acquire(std::ptrdiff_t k, const context& ctx);
  void acquire(std::ptrdiff_t k, const context& ctx, std::error_code& why);

  // Takes them if they are there and nobody waits; never waits itself.
  [[nodiscard]] bool try_acquire(std::ptrdiff_t k = 1);

  // Waits no longer than the duration; false: it passed. In a G these arm a timer and may throw
  // std::bad_alloc.
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> d) {
    return try_acquire_for(1, d);
  }
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(std::ptrdiff_t k, std::chrono::duration<Rep, Period> d) {
    return try_acquire(k) || acquire_deadline(k, detail::deadline_after(d));
  }
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> d, std::ptrdiff_t k) {
    return try_acquire_for(k, d);
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_acquire_until(std::chrono::time_point<Clock, Duration> t,
                                       std::ptrdiff_t k = 1) {
    return try_acquire(k) || acquire_deadline(k, detail::deadline_at(t));
  }

  // Gives k permits, taken before or not; wakes whoever can go on. Throws std::overflow_error when
  // the number would not fit.
  void release(std::ptrdiff_t k = 1);

 private:
  bool acquire_deadline(std::ptrdiff_t k, detail::nanoseconds_count deadline);
  detail::waiter* grant() noexcept;
  void gave_up() noexcept;

  // Under lock_:
  detail::spin_lock lock_;
  std::ptrdiff_t permits_;  // free
  detail::wait_queue queue_;
};

}  // namespace gmp
