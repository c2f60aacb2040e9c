// The scheduler loop, on M's own stack (g0). The order of lines in find_runnable() is policy:
//   1. due timers of this P         they make Gs runnable, and nobody else looks at them while this
//   P is busy
//   2. the global queue             every pass: a pass happens at least every 61st switch
//   (p::direct_budget); one G, or a batch if this P has none
//   3. next, ring, newborn          this P's own
//   4. the poller                   without blocking, when nobody blocks in it; while there is
//   always work, after every 61st G
//   5. other Ps: steal half of a ring, the oldest newborn, and as a last resort their due timers
//   and their next
//   6. idle (idle_g0.cpp)
#include <unistd.h>

#include "base/check.hpp"
#include "sched/pick.hpp"
#include "sched/scheduler.hpp"
#include "sched/spawn.hpp"
#include "sched/switch.hpp"

namespace gmp::detail {
namespace {

constexpr std::uint32_t steal_rounds = 4;
constexpr std::uint32_t global_batch = 128;
// How long a G that was just readied by a running G is left to that P: a rendezvous takes far less.
constexpr unsigned next_grace_us = 3;

// Its share of the global queue: one G, or more when it has none of its own.
g* take_global(p& local, std::uint32_t sharers, scheduler& sched) noexcept {
  g_list batch = sched.global.pop_batch(local.runq.empty() ? global_batch : 1, sharers);
  g* next = batch.pop_front();
  if (batch.head != nullptr) {
    while (g* gp = batch.pop_front()) put_back(local, gp, sched);
    wake_if_idle(sched);  // who looked while the batch was in neither queue
  }
  return next;
}

std::uint32_t gcd(std::uint32_t a, std::uint32_t b) noexcept {
  while (b != 0) {
    std::uint32_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

// Takes a G that stands in another P's next, unless that P's M is about to run it.
g* steal_next(p& victim) noexcept {
  if (victim.runq.next.load(memory_order_relaxed) == nullptr) return nullptr;
  m* holder = victim.holder.load(memory_order_acquire);
  if (holder == nullptr) return nullptr;
  ::usleep(next_grace_us);
  if (victim.runq.next.load(memory_order_relaxed) == nullptr) return nullptr;
  g* taken = nullptr;
  freeze(*holder, [&](p& frozen) {
    if (&frozen == &victim) taken = frozen.runq.take_next();
  });
  return taken;
}

// From the old ends of one victim. The first goes to the caller, the rest into its queue.
g* steal_from(p& victim, p& local, scheduler& sched) noexcept {
  g* batch[ready_ring::slots / 2];
  std::uint32_t n = victim.runq.ring.steal(batch, ready_ring::slots / 2);
  if (n != 0) {
    count(local.counters.steals);
    count<std::uint64_t>(local.counters.stolen, n);
    for (std::uint32_t i = 1; i < n; ++i) put_ring(local, batch[i], sched);
    return batch[0];
  }
  // Newborns are taken one by one from the old end: half of them, so that a tree of Gs spreads.
  std::uint32_t most = (victim.runq.newborn.size() + 1) / 2;
  g* first = nullptr;
  bool raced = false;
  for (std::uint32_t i = 0; i < most || raced; ++i) {
    if (raced && i > 2 * ready_ring::slots) break;
    raced = false;
    g* gp = victim.runq.newborn.take_oldest(raced);
    if (gp == nullptr) {
      if (raced) continue;
      break;
    }
    count(local.counters.stolen);
    if (first == nullptr) {
      first = gp;
    } else {
      put_newborn(local, gp, sched);
    }
  }
  if (first != nullptr) count(local.counters.steals);
  return first;
}

}  // namespace

void scheduler::run_m(m& self) {
  while (g* next = find_runnable(self)) {
    leave_spinning(self);  // the last spinner out wakes a successor [I3]
    self.pp->direct_left = config.seed == 0 ? p::direct_budget : 0;
    switch_from_g0(self, *next);  // back when the M has nothing better, or the loop is due
  }
}

g* scheduler::find_runnable(m& self) {
  for (;;) {
    // acquire: pairs with the release in stop()
    if (stopping.load(memory_order_acquire) || self.leaving) return nullptr;
    if (self.pp == nullptr || self.pp->id >= procs.load(memory_order_relaxed)) {
      send_without_p();
      park_m(self);  // without a P, or with one too many
      continue;
    }
    p& local = *self.pp;
    if (local.timers.next_when() != never) expire_timers(local, time_now());
    if (wants_poll(local)) poll_into(local);
    const std::uint32_t sharers = procs.load(memory_order_relaxed);
    if (!global.empty()) {
      if (g* next = take_global(local, sharers, *this); next != nullptr) return next;
    }
    const bool drawn = __builtin_expect(config.seed != 0, 0);
    if (g* next = drawn ? pick_any(local) : pick_local(local); next != nullptr) return next;
    if (poll_before_idling(local)) continue;
    if (try_spin(self)) {
      bool timers_ran = false;
      if (g* next = steal(self, timers_ran); next != nullptr) return next;
      if (timers_ran) continue;
    }
    park_m(self);  // [I1] announce, fence, look again, sleep; returns with a P, or to stop
  }
}

g* scheduler::steal(m& self, bool& timers_ran) {
  p& local = *self.pp;
  const std::uint32_t n = p_count.load(memory_order_acquire);
  for (std::uint32_t round = 0; round < steal_rounds; ++round) {
    const bool last_resort = round == steal_rounds - 1;
    std::uint32_t at = local.random.below(n);
    std::uint32_t stride = local.random.below(n) + 1;
    while (gcd(stride, n) != 1) ++stride;  // coprime to n: every P once
    for (std::uint32_t i = 0; i < n; ++i, at = (at + stride) % n) {
      p* victim = all_ps[at].load(memory_order_acquire);
      if (victim == nullptr || victim == &local) continue;
      if (g* gp = steal_from(*victim, local, *this); gp != nullptr) return gp;
      if (!last_resort) continue;
      if (victim->timers.next_when() != never) {
        nanos now = time_now();
        if (victim->timers.next_when() <= now) {
          expire_timers(*victim, now);
          timers_ran = true;
          if (g* gp = pick_local(local); gp != nullptr) return gp;
        }
      }
      if (g* gp = steal_next(*victim); gp != nullptr) {
        count(local.counters.steals);
        count(local.counters.stolen);
        return gp;
      }
    }
  }
  return nullptr;
}

// The ring is full: half of it and the new one go to the global queue.
void scheduler::overflow_ring(p& local, g* extra) noexcept {
  g* half[ready_ring::slots / 2];
  std::uint32_t n = local.runq.ring.steal(half, ready_ring::slots / 2);
  g_list batch;
  for (std::uint32_t i = 0; i < n; ++i) batch.push_back(half[i]);
  batch.push_back(extra);
  global.push_all(batch);
}

// The oldest half leaves; the new one stays here, where the newest run first.
void scheduler::overflow_newborn(p& local, g* extra) noexcept {
  g_list batch;
  bool raced = false;
  for (std::uint32_t i = 0; i < newborn_deque::slots / 2; ++i) {
    g* gp = local.runq.newborn.take_oldest(raced);
    if (gp != nullptr) batch.push_back(gp);
  }
  global.push_all(batch);
  if (!local.runq.newborn.push(extra)) global.push(extra);
}

}  // namespace gmp::detail
