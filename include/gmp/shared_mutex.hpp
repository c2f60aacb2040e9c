// A lock that many readers or one writer hold.
#pragma once

#include <chrono>
#include <cstdint>

#include <gmp/detail/spin_lock.hpp>
#include <gmp/detail/time.hpp>
#include <gmp/detail/waiter.hpp>

namespace gmp {

// A SharedLockable and SharedTimedLockable: works with std::unique_lock and std::shared_lock. A
// writer that waits keeps new readers out; when a writer leaves, the readers that waited for it
// come in before the next writer. So neither side starves, and a reader must not lock it for
// reading again while it holds it. Writers come in first in, first out. Gs and threads; works
// without a runtime; not for signal handlers. Shutdown: as for mutex. Go: sync.RWMutex.
class shared_mutex {
 public:
  constexpr shared_mutex() noexcept = default;
  shared_mutex(const shared_mutex&) = delete;
  shared_mutex& operator=(const shared_mutex&) = delete;

  // For writing: alone. Go: Lock, TryLock, Unlock. Unlock of what is not locked for writing ends
  // the process with a message that names the call. The timed forms return false when the time has
  // passed; in a G they may throw std::bad_alloc.
  void lock();
  [[nodiscard]] bool try_lock() noexcept;
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
    return try_lock() || lock_deadline(detail::deadline_after(d));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) {
    return try_lock() || lock_deadline(detail::deadline_at(t));
  }
  void unlock() noexcept;

  // For reading: together with other readers. Go: RLock, TryRLock, RUnlock. The same errors.
  void lock_shared();
  [[nodiscard]] bool try_lock_shared() noexcept;
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_shared_for(std::chrono::duration<Rep, Period> d) {
    return try_lock_shared() || lock_shared_deadline(detail::deadline_after(d));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_shared_until(std::chrono::time_point<Clock, Duration> t) {
    return try_lock_shared() || lock_shared_deadline(detail::deadline_at(t));
  }
  void unlock_shared() noexcept;

 private:
  bool lock_deadline(detail::nanoseconds_count deadline);
  bool lock_shared_deadline(detail::nanoseconds_count deadline);
  bool gave_up(bool stopping);
  detail::waiter* admit_readers() noexcept;

  // Under inner_:
  detail::spin_lock inner_;
  bool writing_ = false;
  std::uint64_t reading_ = 0;  // readers that hold it
  detail::wait_queue writers_;
  detail::wait_queue readers_;
};

}  // namespace gmp
