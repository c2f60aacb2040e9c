// Waiting for a condition that a lock guards.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <stop_token>
#include <utility>

#include <gmp/detail/spin_lock.hpp>
#include <gmp/detail/time.hpp>
#include <gmp/detail/waiter.hpp>

namespace gmp {

class condition_variable;

namespace detail {

// A lock of any type, as the library's half sees it.
struct lock_handle {
  void* lock;
  void (*unlock)(void* lock);
  void (*relock)(void* lock);
};

template <class Lock>
lock_handle handle_of(Lock& lock) noexcept {
  return {&lock, [](void* l) { static_cast<Lock*>(l)->unlock(); },
          [](void* l) { static_cast<Lock*>(l)->lock(); }};
}

enum class cv_wake : std::uint8_t {
  notified,
  timed_out,
  stopped,    // the stop token asked for it
  cancelled,  // the runtime stops, and the caller is a destructor that must not throw
};

struct stop_notify {
  condition_variable* where;
  void operator()() const noexcept;
};

// Notifies the condition variable when the stop is requested.
class stop_notifier {
 public:
  stop_notifier(condition_variable& where, const std::stop_token& token);
  ~stop_notifier();
  stop_notifier(const stop_notifier&) = delete;
  stop_notifier& operator=(const stop_notifier&) = delete;

 private:
  struct home;  // makes and ends the callback on the thread's stack

  union {
    std::stop_callback<stop_notify> callback_;
  };
};

}  // namespace detail

// As std::condition_variable_any: works with std::unique_lock<gmp::mutex> and every other
// BasicLockable. Whoever calls wait() stands in the queue before the lock is given back, so a
// notification meets the waiters in the order in which they came, and nobody who comes later can
// take it. There are no spurious wake-ups but those of a stop request. Gs and threads; works
// without a runtime. The notifying members may be called with or without the lock, also from
// std::stop_callback; not from signal handlers. It must outlive the calls of notify_one() and
// notify_all(). Go: sync.Cond.
//
// When a runtime stops, its Gs that wait are unwound: wait() throws, holding the lock again if it
// was to be had.
class condition_variable {
 public:
  constexpr condition_variable() noexcept = default;
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;

  // Wakes the oldest waiter. Go: Signal.
  void notify_one() noexcept;
  // Wakes all waiters there are. Go: Broadcast.
  void notify_all() noexcept;

  // Gives the lock back, waits for a notification, takes the lock again. Exceptions of the lock's
  // own members pass through. Go: Wait.
  template <class Lock>
  void wait(Lock& lock) {
    wait_on(detail::handle_of(lock), detail::forever, nullptr);
  }

  // Waits until the predicate, called with the lock held, is true. (Or until the runtime stops
  // while an exception is under way: then it may be false.)
  template <class Lock, class Predicate>
  void wait(Lock& lock, Predicate pred) {
    while (!pred()) {
      if (wait_on(detail::handle_of(lock), detail::forever, nullptr) == detail::cv_wake::cancelled)
        return;
    }
  }

  // The same with an end: timeout when the time passed without a notification; with a predicate,
  // what it says in the end. In a G these arm a timer and may throw std::bad_alloc, with the lock
  // held.
  template <class Lock, class Rep, class Period>
  std::cv_status wait_for(Lock& lock, std::chrono::duration<Rep, Period> d) {
    return wait_deadline(lock, detail::deadline_after(d));
  }
  template <class Lock, class Rep, class Period, class Predicate>
  bool wait_for(Lock& lock, std::chrono::duration<Rep, Period> d, Predicate pred) {
    return wait_deadline(lock, detail::deadline_after(d), nullptr, pred);
  }
  template <class Lock, class Clock, class Duration>
  std::cv_status wait_until(Lock& lock, std::chrono::time_point<Clock, Duration> t) {
    return wait_deadline(lock, detail::deadline_at(t));
  }
  template <class Lock, class Clock, class Duration, class Predicate>
  bool wait_until(Lock& lock, std::chrono::time_point<Clock, Duration> t, Predicate pred) {
    return wait_deadline(lock, detail::deadline_at(t), nullptr, pred);
  }

  // The same, ending also when a stop is requested. Returns what the predicate says in the end.
  template <class Lock, class Predicate>
  bool wait(Lock& lock, std::stop_token token, Predicate pred) {
    return wait_stop(lock, detail::forever, token, pred);
  }
  template <class Lock, class Rep, class Period, class Predicate>
  bool wait_for(Lock& lock, std::stop_token token, std::chrono::duration<Rep, Period> d,
                Predicate pred) {
    return wait_stop(lock, detail::deadline_after(d), token, pred);
  }
  template <class Lock, class Clock, class Duration, class Predicate>
  bool wait_until(Lock& lock, std::stop_token token, std::chrono::time_point<Clock, Duration> t,
                  Predicate pred) {
    return wait_stop(lock, detail::deadline_at(t), token, pred);
  }

 private:
  template <class Lock>
  std::cv_status wait_deadline(Lock& lock, detail::nanoseconds_count deadline) {
    return wait_on(detail::handle_of(lock), deadline, nullptr) == detail::cv_wake::timed_out
               ? std::cv_status::timeout
               : std::cv_status::no_timeout;
  }
  template <class Lock, class Predicate>
  bool wait_deadline(Lock& lock, detail::nanoseconds_count deadline, const std::stop_token* token,
                     Predicate& pred) {
    while (!pred()) {
      if (wait_on(detail::handle_of(lock), deadline, token) != detail::cv_wake::notified)
        return pred();
    }
    return true;
  }
  template <class Lock, class Predicate>
  bool wait_stop(Lock& lock, detail::nanoseconds_count deadline, const std::stop_token& token,
                 Predicate& pred) {
    if (token.stop_requested()) return pred();
    detail::stop_notifier notifier(*this, token);
    return wait_deadline(lock, deadline, &token, pred);
  }

  detail::cv_wake wait_on(detail::lock_handle lock, detail::nanoseconds_count deadline,
                          const std::stop_token* token);

  detail::spin_lock lock_;
  detail::wait_queue queue_;
};

}  // namespace gmp
