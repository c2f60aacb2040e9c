#include "sched/pin.hpp"

namespace gmp::detail {

// [PIN2] The pin is dropped before the lock is waited for, so the freezer, who holds it, never waits for us. [PIN3]
bool pin_slow(m& self) noexcept {
  for (;;) {
    self.pin.store(0, memory_order_relaxed);
    self.revoke_lock.lock();  // until the freezer is done
    self.revoke_lock.unlock();
    self.pin.store(1, memory_order_relaxed);
    light_fence();
    // acquire: pairs with the release in freeze().
    if (self.revoke.load(memory_order_acquire) == 0) return self.pp != nullptr;
  }
}

}  // namespace gmp::detail
