// Time that jumps: a scheduler for tests (gmp/testing.hpp).
//
// BU1  virtual_now changes only here, while every M idles, none gets a P, and no queue holds a G:
// it
//      is read at most by an M that looks for a timer to serve before it sleeps.
// BU2  Looked at by every M before it sleeps, so by the last one that idles (as D1). What may come
//      from outside is awaited: a descriptor, a G that runs without a P.
// BU3  In this order: who asked to be told of the rest goes on; time jumps to the next timer; the
//      bubble is over, or stuck, and its caller is told. Once its main function has ended no time
//      passes: a G that sleeps again and again would never let it rest.
// BU4  While somebody has stopped the world to look at it the Ms find nothing out and sleep, so his
//      last act is to do it for them: who looks again and again does not stop the time.
#include "base/futex.hpp"
#include "sched/pick.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

namespace {
bool awaits_descriptors(const scheduler& sched) noexcept {
  poller* at = sched.net.load(memory_order_acquire);
  return at != nullptr && at->has_waiter();
}
}  // namespace

// The world is stopped. Returns who is to go on, if somebody asked; otherwise work_anywhere()
// tells.
g* scheduler::advance_bubble() noexcept {
  if (work_anywhere() || events_in_hand()) return nullptr;
  g* const observer = bubble_observer.exchange(nullptr, memory_order_acq_rel);
  if (observer != nullptr) return observer;
  const nanos earliest = earliest_timer();
  if (earliest != never && live_gs() != 0 &&
      !bubble_main_ended.load(memory_order_relaxed)) {  // its G has parked since
    virtual_now.store(earliest, memory_order_relaxed);  // [BU1]
  } else {
    bubble_rests.fetch_add(1, memory_order_release);  // pairs with the acquire in run_bubble()
    futex_wake(bubble_rests, 1);
  }
  return nullptr;
}

void scheduler::settle_bubble() noexcept {
  if (awaits_descriptors(*this)) return;
  lock.lock();
  const bool all_idle = idle_m_count == m_count && !world_stopped && !rest_wanted;
  if (all_idle) world_stopped = true;  // nobody starts anything while we look
  lock.unlock();
  if (!all_idle) return;
  g* const observer = advance_bubble();
  lock.lock();
  world_stopped = false;
  lock.unlock();
  light_fence();  // pairs with the heavy fence in park_m() [I1]
  if (observer != nullptr) {
    inject(observer);
  } else if (work_anywhere()) {
    wake_one();
  }
}

// At the end of a pause, the world still stopped. [BU4]
g* scheduler::settle_paused_bubble() noexcept {
  if (config.virtual_start == 0 || awaits_descriptors(*this)) return nullptr;
  lock.lock();
  const bool begun = m_count != 0;  // by its first G
  const bool all_idle = begun && idle_m_count == m_count && !rest_wanted;
  lock.unlock();
  return all_idle ? advance_bubble() : nullptr;
}

// Any of those that could run, by the seed.
g* scheduler::pick_any(p& local) noexcept {
  constexpr std::size_t most = ready_ring::slots + newborn_deque::slots + 1;
  g* all[most];
  std::size_t n = 0;
  while (n < most) {
    g* gp = pick_local(local);
    if (gp == nullptr) break;
    all[n++] = gp;
  }
  if (n == 0) return nullptr;
  const std::size_t chosen = local.random.below(static_cast<std::uint32_t>(n));
  for (std::size_t i = 0; i < n; ++i)
    if (i != chosen) put_back(local, all[i], *this);
  return all[chosen];
}

}  // namespace gmp::detail
