// The P of an M that stalls goes to another M; its G goes on as a plain thread.
//
// H1  A P leaves an M that runs user code in two ways only: retake(), by the monitor, which seizes
// it
//     (PIN1); or hand_off(), by the M itself while pinned. Both hold the scheduler's lock from
//     before the P is taken until it has a new holder or stands in the idle list (P1), so a stopped
//     world (W2) never finds one in between.
// H2  No P is taken unless an M is to be had for it. Should its thread fail to start all the same,
// the
//     P idles and `starved` is set: the monitor tries again, and every M that comes free looks.
// H3  No lost wake-up. With work in sight the P goes to an M, which looks at everything before it
//     idles (I1). Without, it may go straight to the idle list if there is a timekeeper or a
//     spinner (S1); like an M that idles, the giver then fences and looks at everything again.
// H4  A G without a P keeps its M. What it makes runnable goes to the global queue, unless an idle
// P
//     was to be had (regain()). When it parks, yields or ends, its M idles without a P and looks at
//     everything, as any M does that idles.
#include "base/check.hpp"
#include "sched/pin.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {
namespace {

constexpr std::uint64_t one_spinner = std::uint64_t{1} << 32;

}  // namespace

bool scheduler::work_in_sight() const noexcept {
  if (!global.empty() || sends_pending()) return true;
  const std::uint32_t n = p_count.load(memory_order_acquire);
  for (std::uint32_t i = 0; i < n; ++i)
    if (!all_ps[i].load(memory_order_acquire)->runq.empty()) return true;
  const nanos earliest = earliest_timer();
  return earliest != never && earliest <= time_now();
}

// Takes the lock over and frees it. The P is in nobody's hands.
void scheduler::give_away(p& local, bool to_work) noexcept {
  disown(local);
  handoffs.fetch_add(1, memory_order_relaxed);
  if (local.id >= procs.load(memory_order_relaxed)) {
    drain(local);  // retired by set_procs() meanwhile: its work is everybody's now
    lock.unlock();
    light_fence();  // pairs with the heavy fence in park_m() [I1]
    if (wants_wake()) wake_one();
    return;
  }
  const bool watched = timekeeper.load(memory_order_relaxed) != nullptr ||
                       idle_word.load(memory_order_relaxed) >= one_spinner;
  heir next{nullptr, false};
  if (to_work || !watched) {
    idle_word.fetch_add(one_spinner, memory_order_acq_rel);
    next = bequeath(local);
    if (next.who != nullptr) {
      lock.unlock();
      send_off(next);
      return;
    }
    idle_word.fetch_sub(one_spinner, memory_order_acq_rel);
    starved.store(true, memory_order_relaxed);  // [H2]
  }
  push_idle_p(local);
  lock.unlock();
  heavy_fence();  // pairs with the light fence of whoever makes work [I1, H3]
  // The spinner that was seen may have found work meanwhile, with no P idle then: nobody watches.
  const bool unwatched = timekeeper.load(memory_order_relaxed) == nullptr;
  if (wants_wake() && (unwatched || work_in_sight())) wake_one();
}

bool scheduler::retake(m& victim, p& local) noexcept {
  lock.lock();
  if (world_stopped || local.holder.load(memory_order_relaxed) != &victim) {
    lock.unlock();
    return false;
  }
  if (!m_to_be_had()) {
    lock.unlock();
    report_shortage("hand-off");
    return false;
  }
  if (!seize(victim, local)) {
    lock.unlock();
    return false;
  }
  give_away(local, work_in_sight());
  return true;
}

bool scheduler::hand_off(m& self) noexcept {
  p& local = *self.pp;
  lock.lock();
  if (!m_to_be_had()) {
    lock.unlock();
    if (work_in_sight()) report_shortage("gmp::blocking");
    return false;
  }
  self.pp = nullptr;
  give_away(local, work_in_sight());
  return true;
}

bool scheduler::regain(m& self) noexcept {
  if (static_cast<std::uint32_t>(idle_word.load(memory_order_relaxed)) == 0) return false;
  lock.lock();
  // Whoever wants to wake somebody for it finds it gone: then every P is at work again.
  p* local = world_stopped ? nullptr : pop_idle_p();
  if (local != nullptr) {
    acquire_p(self, *local);
    if (self.current != nullptr) {  // as if it were resumed here [WS1]
      count(local->counters.switches);
      self.current->resumed_as = local->counters.switches.load(memory_order_relaxed);
    }
  }
  lock.unlock();
  return local != nullptr;
}

}  // namespace gmp::detail
