// Doing something exactly once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include <gmp/detail/spin_lock.hpp>
#include <gmp/detail/waiter.hpp>

namespace gmp {

// The first call runs its function; the others wait for it and see its effects. Gs and threads;
// works without a runtime; not for signal handlers. Calling it from inside its own function blocks
// for ever. Go: sync.Once (where a panic counts as done; here the next caller tries).
class once {
 public:
  constexpr once() noexcept = default;
  once(const once&) = delete;
  once& operator=(const once&) = delete;

  // Runs f() unless an earlier call has done so or is doing so; returns when one call of a function
  // has returned normally. An exception of f passes through to its own caller, and the next caller
  // tries with its function. Go: Do.
  template <class F>
  void operator()(F&& f) {
    // acquire: pairs with the release in finish(): the effects of the function are seen.
    if (phase_.load(std::memory_order_acquire) == phase::done || !begin()) return;
    attempt mine{*this};
    std::invoke(std::forward<F>(f));
    mine.succeeded = true;
  }

 private:
  enum class phase : std::uint8_t {
    fresh,    // nobody is at it
    running,  // one caller is; others queue
    done,
  };
  struct attempt {
    once& owner;
    bool succeeded = false;
    ~attempt() { owner.finish(succeeded); }
  };

  bool begin();  // true: run it, then finish()
  void finish(bool succeeded) noexcept;

  std::atomic<phase> phase_{phase::fresh};  // changes under lock_
  detail::spin_lock lock_;
  detail::wait_queue queue_;
};

}  // namespace gmp
