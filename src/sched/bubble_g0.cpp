// Time that jumps: a scheduler for tests (gmp/testing.hpp).
//
// BU1  virtual_now changes only here, while every M idles and no queue holds a G: nobody reads it
//      then.
// BU2  Looked at by every M before it sleeps, so by the last one that idles (as D1). What may come
//      from outside is awaited: a descriptor, a G that runs without a P.
// BU3  In this order: who asked to be told of the rest goes on; time jumps to the next timer; the
//      bubble is over, or stuck, and its caller is told. Once its main function has ended no time
//      passes: a G that sleeps again and again would never let it rest.
#include "base/futex.hpp"
#include "sched/pick.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

void scheduler::settle_bubble() noexcept {
  if (poller* at = net.load(memory_order_acquire); at != nullptr && at->has_waiter()) return;
  lock.lock();
  const bool all_idle = idle_m_count == m_count && !world_stopped && !rest_wanted;
  if (all_idle) world_stopped = true;  // nobody starts anything while we look
  lock.unlock();
  if (!all_idle) return;
  g* observer = nullptr;
  if (!work_anywhere() && !events_in_hand()) {
    observer = bubble_observer.exchange(nullptr, memory_order_acq_rel);
    const nanos earliest = earliest_timer();
    const bool goes_on = earliest != never && live_gs() != 0 &&
                         !bubble_main_ended.load(memory_order_relaxed);  // its G has parked since
    if (observer == nullptr && goes_on) {
      virtual_now.store(earliest, memory_order_relaxed);  // [BU1]
    } else if (observer == nullptr) {
      bubble_rests.fetch_add(1, memory_order_release);  // pairs with the acquire in run_bubble()
      futex_wake(bubble_rests, 1);
    }
  }
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
