#include "sched/pin.hpp"

namespace gmp::detail {

// [PIN2] The pin is dropped before the lock is waited for, so the freezer, who holds it, never
// waits for us. [PIN3] Set again under the lock it needs no second look: whoever freezes next takes
// the lock after us and sees it.
bool pin_slow(m& self) noexcept {
  self.pin.store(0, memory_order_relaxed);
  self.revoke_lock.lock();  // until the freezer is done
  self.pin.store(1, memory_order_relaxed);
  self.revoke_lock.unlock();
  return self.pp != nullptr;
}

}  // namespace gmp::detail
