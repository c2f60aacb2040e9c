// The lock inside channels, mutexes and queues: one locked instruction to take, a plain store to
// give back. Held for a few dozen instructions and never over a park.
#pragma once

#include <atomic>
#include <cstdint>

namespace gmp::detail {

class spin_lock {
 public:
  constexpr spin_lock() noexcept = default;
  spin_lock(const spin_lock&) = delete;
  spin_lock& operator=(const spin_lock&) = delete;

  void lock() noexcept {
    // acquire pairs with the release in unlock(): the section before this one happened before it.
    if (word_.exchange(1, std::memory_order_acquire) != 0) lock_slow();
  }
  bool try_lock() noexcept { return word_.exchange(1, std::memory_order_acquire) == 0; }
  void unlock() noexcept { word_.store(0, std::memory_order_release); }

 protected:
  std::atomic<std::uint32_t> word_{0};

 private:
  [[gnu::cold]] void lock_slow() noexcept;
};

}  // namespace gmp::detail
