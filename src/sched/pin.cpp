#include "sched/pin.hpp"

#include "stack/stack.hpp"

namespace gmp::detail {

void (*pin_seam)(m& self, pin_step where) = nullptr;

#ifdef GMPSCHED_DEBUG_CHECKS
namespace {

struct step {
  m* self;
  pin_step where;
};

GMPSCHED_HOME_FUNCTION(seam_home)(void* arg) {
  auto& at = *static_cast<step*>(arg);
  pin_seam(*at.self, at.where);
}

}  // namespace

void pin_seam_slow(m& self, pin_step where) noexcept {
  step at{&self, where};
  call_on_home(&seam_home, &at);
}
#endif

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
