// Mutual exclusion between Gs, and between Gs and threads.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <system_error>

#include <gmp/detail/context_core.hpp>
#include <gmp/detail/sanitizers.hpp>
#include <gmp/detail/spin_lock.hpp>
#include <gmp/detail/time.hpp>
#include <gmp/detail/waiter.hpp>

namespace gmp {

namespace detail {
struct wait_access;
}

// A Lockable and TimedLockable that parks the G, not the thread; a plain thread blocks. Not
// recursive, and not tied to a G: one may lock it and another unlock it. Who finds it free takes
// it, even past others that wait; once somebody has waited for a millisecond it is handed over
// first in, first out until the queue is short again. Works without a runtime.
//
// Who holds it and knows that nobody else will lock it any more may destroy it right after its own
// unlock(), even if the unlock() of the holder before has yet to return. A G whose runtime stops
// while it waits is unwound: lock() throws, or, while an exception is under way already, returns
// without the lock. Not for signal handlers. Go: sync.Mutex.
class mutex {
 public:
  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  // Waits until it is free and takes it. Go: Lock.
  void lock() {
    if (!take()) [[unlikely]]
      lock_contended();
  }

  // The same, ended by a context too: a cancelled one fails at once, even if the mutex is free. The
  // first throws std::system_error of ctx.err(); the second sets `why` (then without the lock), or
  // clears it.
  void lock(const context& ctx);
  void lock(const context& ctx, std::error_code& why);

  // Takes it if it is free; never waits. Go: TryLock.
  [[nodiscard]] bool try_lock() noexcept {
    return locked_.load(std::memory_order_relaxed) == 0 && take();
  }

  // Waits no longer than the duration, or until the time. False: the time passed first. In a G
  // these arm a timer and may throw std::bad_alloc.
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
    return try_lock() || try_lock_deadline(detail::deadline_after(d));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) {
    return try_lock() || try_lock_deadline(detail::deadline_at(t));
  }

  // Gives it back and wakes a waiter. Of an unlocked mutex: the process ends with a message that
  // names the call. Go: Unlock.
  void unlock() noexcept;

 private:
  struct place;

  bool try_lock_deadline(detail::nanoseconds_count deadline);
  bool lock_slow(detail::nanoseconds_count deadline);
  bool take() noexcept {
    // acquire: pairs with the release in unlock().
    if (locked_.exchange(1, std::memory_order_acquire) != 0) return false;
    // unlock() checks this one: to load locked_ so soon after a locked instruction costs as much as
    // a second one.
    note_holder();
    return true;
  }
  // An address on the stack of whoever runs: for unlock() it is as good as a bool, and reports find
  // out whose stack it is. On x86-64 in one instruction.
  void note_holder() noexcept {
#if defined(__x86_64__) && !GMPSCHED_TSAN
    asm volatile("movq %%rsp, %0" : "=m"(holder_));
#else
    std::atomic_ref<const void*>(holder_).store(__builtin_frame_address(0),
                                                std::memory_order_relaxed);
#endif
  }
  void lock_contended();
  bool lock_told(const context& ctx);
  bool spin() noexcept;
  bool take_or_announce(const place& mine) noexcept;
  void granted(const place& mine) noexcept;
  bool unlock_uncontended() noexcept;
  void unlock_slow() noexcept;
  bool unlock_under_inner() noexcept;
  [[gnu::cold]] void unlock_unlocked() noexcept;

  // How unlock() finds out that somebody waits.
  enum watch : std::uint8_t {
    nobody,     // no queue, and none can form without a fence
    contended,  // there may be a queue
    starving,   // there is one, and its first is to get the mutex directly
  };

  friend struct detail::wait_access;

  // Written by the holder, who has yet to begin its unlock(); null: nobody.
  const void* holder_ = nullptr;
  std::atomic<std::uint8_t> locked_{0};
  std::atomic<std::uint8_t> watch_{nobody};  // changes under inner_
  // Under inner_:
  bool waking_ = false;  // somebody was taken from the queue and has not looked again yet
  std::uint8_t patience_ =
      0;  // slow unlocks that may find the queue empty before watch_ goes back to nobody
  detail::spin_lock inner_;
  detail::wait_queue queue_;
};

}  // namespace gmp
