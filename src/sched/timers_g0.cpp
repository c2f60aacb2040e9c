// Timers as code sees them that is on an M's or a thread's own stack already.
#include <new>

#include "sched/park.hpp"
#include "sched/pin.hpp"
#include "sched/registry.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

nanos now_at_home() noexcept {
  const m* self = this_m();
  return self != nullptr ? self->sched->time_now() : clock_now();
}

bool timer_arm_at_home(timer_node& timer, nanos when, scheduler* guest) noexcept {
  if (when == never) --when;  // armed all the same: who waits for it is not deadlocked
  m* self = this_m();
  scheduler& sched = self != nullptr ? *self->sched : *guest;
  p* local =
      self != nullptr ? peek_p(*self) : nullptr;  // only named here: the heap has its own lock
  if (local == nullptr) local = sched.all_ps[0].load(memory_order_acquire);
  try {
    if (local->timers.add(timer, when)) sched.timer_added(when);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool timer_rearm_at_home(timer_node& timer, nanos when) noexcept {
  timer_heap* heap = timer.heap.load(memory_order_acquire);
  if (heap == nullptr || !timer_heap::rearm(timer, when)) return false;
  const void* owner = heap->owner.load(memory_order_relaxed);
  if (m* self = this_m(); self != nullptr && self->sched == owner) {
    self->sched->timer_added(when);
  } else if (const visit other(owner); other) {  // the timer may be any runtime's
    other->timer_added(when);
  }
  return true;
}

}  // namespace gmp::detail
