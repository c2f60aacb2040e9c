// Going idle and waking up.
//
// Rejected first: one semaphore for all Ms (state in one cache line, and a wake-up per piece of
// work); handing a G directly to a parked thread (its data is warm elsewhere, and the P it needs
// may be gone when it comes up); waking an M for every ready G (they would park again at once).
//
// So: a woken or searching M is *spinning*. While one spins nobody wakes another; the last spinner
// that finds work wakes a successor. At most half of the busy Ps' number spin.
//
// I1  No lost wake-up. Who makes work: publish; light fence; read idle_word. Who idles: count
// itself idle, stop spinning;
//     heavy fence; look at every queue and timer again. By F1 one of them sees the other.
// I2  Who wakes claims the right with a CAS that turns "idle P, no spinner" into "idle P, one
// spinner". I3  A spinner that finds work stops spinning before it runs it; if it was the last and
// Ps idle, it wakes the next. I4  If any M idles, one of them is the timekeeper and sleeps no
// longer than until the earliest timer of all Ps. It is the
//     last to be given other work. Who arms a timer: publish; light fence; read timekeeper and
//     timekeeper_until. The timekeeper: timekeeper_until = never; heavy fence; compute the
//     earliest; publish it; sleep unless noted.
// I5  An M sleeps only while note == 0; whoever wants it awake stores 1 first.
// I6  Once there is a poller the timekeeper sleeps in it (netpoll_g0.cpp).
#include <unistd.h>
#include <cerrno>

#include "base/check.hpp"
#include "base/futex.hpp"
#include "sched/pick.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {
namespace {

constexpr std::uint64_t one_spinner = std::uint64_t{1} << 32;
// A G in a busy P's next is usually run within this time.
constexpr unsigned next_grace_us = 10;

std::uint32_t idle_in(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
std::uint32_t spinners_in(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }

}  // namespace

void scheduler::inject(g* gp) noexcept {
  if (gp->state.load(memory_order_relaxed) != g_state::newborn)
    gp->state.store(g_state::runnable, memory_order_relaxed);
  global.push(gp);
  light_fence();  // pairs with the heavy fence in park_m() [I1]
  if (wants_wake()) wake_one();
}

void scheduler::inject_all(g_list& batch) noexcept {
  global.push_all(batch);
  light_fence();  // as in inject()
  if (wants_wake()) wake_one();
}

void scheduler::wake_one() noexcept {
  std::uint64_t word = idle_word.load(memory_order_relaxed);
  do {
    if (idle_in(word) == 0 || spinners_in(word) != 0) return;
  } while (!idle_word.compare_exchange_weak(word, word + one_spinner, memory_order_acq_rel,
                                            memory_order_relaxed));  // [I2]
  lock.lock();
  p* local = world_stopped ? nullptr : pop_idle_p();
  if (local == nullptr) {
    // Somebody else took it: whoever that is looks at every queue before he idles.
    idle_word.fetch_sub(one_spinner, memory_order_acq_rel);
    lock.unlock();
    return;
  }
  const heir next = bequeath(*local);
  if (next.who == nullptr) {  // no further M to be had: those that run will do
    push_idle_p(*local);
    idle_word.fetch_sub(one_spinner, memory_order_acq_rel);
    starved.store(true, memory_order_relaxed);
  }
  lock.unlock();
  send_off(next);
}

// Under the lock: gives the P to an idle M or a new one, as a spinner that was counted already. Who
// calls it lets the M go by send_off(), after the lock.
scheduler::heir scheduler::bequeath(p& local) noexcept {
  heir next{idle_ms, idle_ms != nullptr};
  if (next.sleeper) {
    remove_idle_m(*next.who);
  } else {
    next.who = new_m();
    if (next.who == nullptr) return next;
  }
  next.who->spinning = true;
  acquire_p(*next.who, local);
  return next;
}

void scheduler::send_off(heir next) noexcept {
  if (next.who == nullptr) return;
  if (next.sleeper) {
    note(*next.who);
  } else {
    start_m(*next.who);
  }
}

bool scheduler::try_spin(m& self) noexcept {
  if (self.spinning) return true;
  std::uint64_t word = idle_word.load(memory_order_relaxed);
  const std::uint32_t in_use = procs.load(memory_order_relaxed);
  const std::uint32_t busy = in_use > idle_in(word) ? in_use - idle_in(word) : 0;
  if (2 * spinners_in(word) >= busy) return false;
  idle_word.fetch_add(one_spinner, memory_order_acq_rel);
  self.spinning = true;
  return true;
}

void scheduler::leave_spinning(m& self) noexcept {
  if (!self.spinning) return;
  self.spinning = false;
  std::uint64_t before = idle_word.fetch_sub(one_spinner, memory_order_acq_rel);
  if (spinners_in(before) == 1 && idle_in(before) != 0) wake_one();  // [I3]
}

namespace {

// Is there a G in this P's queue that somebody else should run? One that stands alone in next is
// its P's own unless that P stays busy with something else: if the P went on since, whoever
// refilled next has seen us idle. [I1]
bool has_spare_work(const p& other) noexcept {
  if (other.runq.empty()) return false;
  if (!other.runq.ring.empty() || !other.runq.newborn.empty()) return true;
  const g* next = other.runq.next.load(memory_order_relaxed);
  while (next != nullptr) {
    const std::uint64_t switches = other.counters.switches.load(memory_order_relaxed);
    ::usleep(next_grace_us);
    // A G that stepped aside meanwhile stands in the ring.
    if (!other.runq.ring.empty() || !other.runq.newborn.empty()) return true;
    if (other.runq.next.load(memory_order_relaxed) != next) return false;
    if (other.counters.switches.load(memory_order_relaxed) == switches) return true;
    // The P ran something else first, and this one still stands there: look again.
  }
  return false;
}

}  // namespace

bool scheduler::work_anywhere() const noexcept {
  if (!global.empty() || sends_pending()) return true;
  const std::uint32_t n = p_count.load(memory_order_acquire);
  for (std::uint32_t i = 0; i < n; ++i) {
    const p* other = all_ps[i].load(memory_order_acquire);
    if (other != nullptr && has_spare_work(*other)) return true;
  }
  nanos earliest = earliest_timer();
  return earliest != never && earliest <= time_now();
}

nanos scheduler::earliest_timer() const noexcept {
  nanos earliest = never;
  const std::uint32_t n = p_count.load(memory_order_acquire);
  for (std::uint32_t i = 0; i < n; ++i) {
    const p* other = all_ps[i].load(memory_order_acquire);
    if (other == nullptr) continue;
    nanos when = other->timers.next_when();
    if (when < earliest) earliest = when;
  }
  return earliest;
}

// Under the lock, for an idle M that has found something to do.
bool scheduler::take_p_to_spin(m& self) noexcept {
  if (world_stopped) return false;
  p* local = pop_idle_p();
  if (local == nullptr) return false;
  remove_idle_m(self);
  acquire_p(self, *local);
  self.spinning = true;
  idle_word.fetch_add(one_spinner, memory_order_acq_rel);
  return true;
}

void scheduler::park_m(m& self) {
  lock.lock();
  if (stopping.load(memory_order_relaxed)) {
    lock.unlock();
    return;
  }
  end_alone(self);
  if (self.pp != nullptr) release_p(self);
  self.note.store(0, memory_order_relaxed);
  push_idle_m(self);
  const bool keeper = keep_time(self);  // before the fence, which serves both [I1, I4]
  self.leave_at = time_to_leave();
  if (self.spinning) {
    self.spinning = false;
    idle_word.fetch_sub(one_spinner, memory_order_acq_rel);
  }
  lock.unlock();
  heavy_fence();  // pairs with the light fence of whoever makes work [I1]
  if (work_anywhere()) {
    lock.lock();
    if (self.idle && take_p_to_spin(self)) {
      lock.unlock();
      return;
    }
    lock.unlock();
    // No P to be had: all are at work, and each looks at everything before it idles. Or somebody
    // has just given us one.
  }
  sleep_idle(self, keeper);
}

// Under the lock. True: this M is the timekeeper.
bool scheduler::keep_time(m& self) noexcept {
  if (timekeeper.load(memory_order_relaxed) == nullptr) {
    remove_idle_m(self);
    // seq_cst: this comes before the look at net and the try for polling_m. [I6, NET3] Who notes
    // the timekeeper without the lock sees a whole M.
    timekeeper.store(&self, memory_order_seq_cst);
    push_idle_m(self);  // to the end of the list: the last to be taken
  }
  const bool keeper = timekeeper.load(memory_order_relaxed) == &self;
  if (keeper) timekeeper_until.store(never, memory_order_relaxed);  // every round anew [I4]
  return keeper;
}

// `fenced`: it is the timekeeper, and a heavy fence has passed since it said so.
void scheduler::sleep_idle(m& self, bool fenced) {
  for (;; fenced = false) {
    lock.lock();
    if (!self.idle) {  // given a P: note is on its way
      lock.unlock();
      return;
    }
    if (stopping.load(memory_order_relaxed)) {
      remove_idle_m(self);
      lock.unlock();
      return;
    }
    if (leave_if_due(self)) {
      lock.unlock();
      return;
    }
    const bool keeper = keep_time(self);
    lock.unlock();
    nanos until = never;
    if (keeper) {
      if (!fenced) heavy_fence();  // pairs with the light fence in timer_added() [I4]
      until = earliest_timer();
      lock.lock();
      // A successor's time is not to be overwritten: whoever is not the timekeeper any more has
      // been given a P.
      const bool still = timekeeper.load(memory_order_relaxed) == &self;
      // seq_cst: pairs with the load in timer_added().
      if (still) timekeeper_until.store(until, memory_order_seq_cst);
      lock.unlock();
      if (!still) continue;
      if (until != never && until <= time_now()) {
        lock.lock();
        bool got = self.idle && take_p_to_spin(self);
        const bool stopped = world_stopped;
        // Every P is at work: they run their own timers, and the next M that idles keeps the time.
        if (!got && !stopped && timekeeper.load(memory_order_relaxed) == &self)
          timekeeper.store(nullptr, memory_order_relaxed);
        lock.unlock();
        if (got) return;
        until = stopped ? after(clock_now(), 1'000'000)
                        : never;  // nobody wakes us when the world goes on
      }
    }
    if (config.virtual_start != 0) {
      settle_bubble();
      until = self.leave_at;
    } else if (until == never) {
      check_deadlock();
      until = self.leave_at;
    }
    // seq_cst: orders the load after the store to timekeeper; pairs with make_net(). [I6]
    poller* at = keeper ? net.load(memory_order_seq_cst) : nullptr;
    if (at != nullptr && sleep_polling(self, *at, until)) return;
    if (at == nullptr && self.note.load(memory_order_acquire) == 0)
      futex_wait(self.note, 0, until == never ? -1 : until);
    if (self.note.load(memory_order_acquire) != 0) self.note.store(0, memory_order_relaxed);
  }
}

void scheduler::timer_added(nanos when) noexcept {
  light_fence();  // pairs with the heavy fence of the timekeeper [I4]
  // acquire: pairs with the store in keep_time().
  m* keeper = timekeeper.load(memory_order_acquire);
  if (keeper != nullptr) {
    // seq_cst: pairs with the store in sleep_idle().
    if (when < timekeeper_until.load(memory_order_seq_cst)) note(*keeper);
  } else if (wants_wake() &&
             (idle_in(idle_word.load(memory_order_relaxed)) >= procs.load(memory_order_relaxed) ||
              alone_m.load(memory_order_seq_cst) != nullptr)) {
    wake_one();  // no M was started yet: a plain thread's timer is the first work; or [NET9]
  }
}

// A timer that fires is in no heap meanwhile, so the timekeeper may have missed the one that goes
// on after that. [I4]
void scheduler::expire_timers(p& local, nanos now) {
  if (local.timers.next_when() > now) return;
  const nanos next = local.timers.expire(now);
  if (next != never) timer_added(next);
}

void scheduler::push_idle_m(m& self) noexcept {
  self.idle = true;
  ++idle_m_count;
  const bool last = timekeeper.load(memory_order_relaxed) == &self;
  self.idle_next = last ? nullptr : idle_ms;
  self.idle_prev = last ? idle_ms_tail : nullptr;
  (self.idle_prev != nullptr ? self.idle_prev->idle_next : idle_ms) = &self;
  (self.idle_next != nullptr ? self.idle_next->idle_prev : idle_ms_tail) = &self;
  if (rest_wanted && idle_m_count == m_count) {
    rest.fetch_add(1, memory_order_release);
    futex_wake(rest, 1);
  }
}

void scheduler::remove_idle_m(m& self) noexcept {
  (self.idle_prev != nullptr ? self.idle_prev->idle_next : idle_ms) = self.idle_next;
  (self.idle_next != nullptr ? self.idle_next->idle_prev : idle_ms_tail) = self.idle_prev;
  self.idle_next = self.idle_prev = nullptr;
  self.idle = false;
  --idle_m_count;
  // The next M that idles is the successor. There is one: this M goes spinning, and either idles
  // again or wakes another when it stops spinning. [I3, I4]
  if (timekeeper.load(memory_order_relaxed) == &self)
    timekeeper.store(nullptr, memory_order_relaxed);
}

}  // namespace gmp::detail
