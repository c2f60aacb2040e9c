// Putting Gs into a P's queue and picking the next one: the paths that run on a G's stack. The P is
// pinned throughout.
#pragma once

#include "base/asymmetric_fence.hpp"
#include "base/attributes.hpp"
#include "sched/p.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

// The slow halves, on the M's own stack.
GMPSCHED_HOME void put_ring_overflow(p& local, g* gp, scheduler& sched) noexcept;
GMPSCHED_HOME void put_newborn_overflow(p& local, g* gp, scheduler& sched) noexcept;
GMPSCHED_HOME void wake_slow(scheduler& sched) noexcept;

[[gnu::always_inline]] inline void put_ring(p& local, g* gp, scheduler& sched) noexcept {
  if (__builtin_expect(!local.runq.ring.push(gp), 0)) put_ring_overflow(local, gp, sched);
}

[[gnu::always_inline]] inline void put_newborn(p& local, g* gp, scheduler& sched) noexcept {
  if (__builtin_expect(!local.runq.newborn.push(gp), 0)) put_newborn_overflow(local, gp, sched);
}

// Behind the queue's part that fits.
[[gnu::always_inline]] inline void put_back(p& local, g* gp, scheduler& sched) noexcept {
  if (gp->state.load(memory_order_relaxed) == g_state::newborn) {
    put_newborn(local, gp, sched);
  } else {
    put_ring(local, gp, sched);
  }
}

// gp runs next; who was to run next goes back.
[[gnu::always_inline]] inline void put_next(p& local, g* gp, scheduler& sched) noexcept {
  g* old = local.runq.next.load(memory_order_relaxed);
  // release: pairs with the acquire in run_queue::empty(), so that an idle M sees either this or
  // the push below. [RQ5]
  local.runq.next.store(gp, memory_order_release);
  if (old != nullptr) put_back(local, old, sched);
}

// After work was made known. [I1]
[[gnu::always_inline]] inline void wake_if_idle(scheduler& sched) noexcept {
  light_fence();  // pairs with the heavy fence in park_m()
  if (__builtin_expect(sched.wants_wake(), 0)) wake_slow(sched);
}

[[gnu::always_inline]] inline g* pick_newborn(p& local, bool alone) noexcept {
  g* gp = local.runq.newborn.pop(alone);
  if (gp != nullptr) local.turns = local.runq.newborn.size() < p::many_newborns ? 1 : 63;
  return gp;
}

// Newest first or oldest first: old Gs and new ones take turns, and where there are many new ones
// they have all turns but one of 64: who makes Gs and yields is not back before they had a chance.
[[gnu::always_inline]] inline g* pick_queued(p& local) noexcept {
  const bool alone = local.alone.load(memory_order_relaxed);
  if ((++local.tick & local.turns) == 1) {
    if (g* gp = local.runq.ring.pop(alone); gp != nullptr) return gp;
    return pick_newborn(local, alone);
  }
  if (g* gp = pick_newborn(local, alone); gp != nullptr) return gp;
  return local.runq.ring.pop(alone);
}

// next first, up to the cap on its streak.
[[gnu::always_inline]] inline g* pick_local(p& local) noexcept {
  if (local.next_streak < p::next_streak_cap) {
    if (g* gp = local.runq.take_next(); gp != nullptr) {
      ++local.next_streak;
      return gp;
    }
  }
  local.next_streak = 0;
  if (g* gp = pick_queued(local); gp != nullptr) return gp;
  return local.runq.take_next();
}

// The next G without a pass through the scheduler loop; null: the loop is due, or nothing is here.
[[gnu::always_inline]] inline g* pick_direct(p& local) noexcept {
  if (local.direct_left == 0 || local.timers.next_when() != never) return nullptr;
  --local.direct_left;
  return pick_local(local);
}

}  // namespace gmp::detail
