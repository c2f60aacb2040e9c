// The scheduler's side of the poller: who looks when, who blocks in it, how it is woken.
//
// NET1  The idle timekeeper blocks in the poller instead of on its futex (polling_m); everybody
//       else that has nothing to do looks without blocking, if nobody blocks. So while an M idles,
//       every event is met at once; while all Ms are busy, each looks after every 61st G.
// NET2  No event is lost between the last look and the blocking call: the kernel's set remembers
//       it. No wake-up is lost there either. Who sleeps: polling_m = itself; read note. Who notes:
//       note = 1; read polling_m. All seq_cst: one sees the other. [I5]
// NET3  One M at a time is polling_m. A timekeeper that finds the place taken (by an M that was
//       given work and has yet to come out of the poller) sleeps on its futex, and is noted by
//       that M when it leaves: the one stores timekeeper, then tries polling_m; the other clears
//       polling_m, then reads timekeeper.
// NET4  The wake-up is an event that any look can take away. Who meets one and does not block
//       himself passes it on if somebody blocks: he clears the poller's pending mark first and
//       reads polling_m second; who wakes reads polling_m first and the mark second.
// NET5  What the blocked M brings out it runs itself if it gets a P; if not, all Ps are busy, and
//       the global queue gets it. Before it does, these Gs are in no queue; they are `runnable`, so
//       that a stopped world takes nobody for waiting. [W2]
// NET6  A busy P looks again only after as many Gs as were runnable at the last look: those who
//       answer quickly do not come in before those who overflowed into the global queue.
// NET7  Who is about to idle does not look first if that was in vain the last times: he blocks in
// the
//       poller anyway. One event at a time says that it will be so again, several that it will not.
// NET8  Before it blocks the polling M looks again and again for some microseconds, if no P is at
// work
//       and the last wait was that short: on virtual machines a processor that was halted takes
//       longer to come back than the answer takes to arrive. Spins that go wrong more often than
//       one time in five are left out for ever longer, so an idle process does not spin, nor one
//       that keeps its own client from the processor.
// NET9  One G alone goes on without waking another M to take over the polling and the timekeeping
// (an
//       exception from I3 and I4): it will be back sooner than that one is up. Not while a timer is
//       about to fire, and not for some time after such a G ran long. Who arms a timer meanwhile
//       wakes somebody; if the M is not back soon, whatever it runs, the monitor does.
// NET10 While looks bring several events at a time and there is one P, Gs leave their sends to a
//       poller that batches them: up to sends_at_once go to the kernel in one look. With more Ps
//       they would wait for each other at its lock, and an M that idles would wake for every batch.
//       When a look comes late, some G computes: the others' answers are not to wait for it, and
//       sends go out one by one for the next looks. [SB2]
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/asymmetric_fence.hpp"
#include "base/futex.hpp"
#include "netpoll/poller.hpp"
#include "sched/netpoll.hpp"
#include "sched/park.hpp"
#include "sched/pick.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {
namespace {

constexpr std::uint32_t poll_interval = 61;
constexpr std::uint32_t patience = 2;
// [NET8]
constexpr nanos spin_length = 20'000;
constexpr nanos short_wait = 50'000;  // with the wake-up, were it not for the spin
constexpr std::uint32_t most_credit = 16;
constexpr std::uint32_t lost_credit = 4;
constexpr std::uint32_t first_pause = 8;
constexpr std::uint32_t longest_pause = 1024;
// [NET9]
constexpr nanos brief_run = 100'000;
constexpr nanos timer_horizon = 1'000'000;
constexpr std::uint32_t company_after_long_run = 64;
// [NET10]
constexpr std::uint32_t several_events = 4;
constexpr nanos longest_gap = 1'000'000;
constexpr std::uint32_t pause_after_gap = 64;

}  // namespace

// release_thread: the last touch of a waiter whose owner is a plain thread that polls.
void release_thread(io_waiter& w) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(w.wake_fd, &one, sizeof one);
  w.released.store(1, memory_order_release);  // pairs with the acquire of who waits to leave
}

void scheduler::note(m& target) noexcept {
  target.note.store(1, memory_order_seq_cst);  // [I5, NET2]
  if (polling_m.load(memory_order_seq_cst) == &target) {
    net.load(memory_order_relaxed)->wake();
  } else {
    futex_wake(target.note, 1);
  }
}

// The chain's own Gs become runnable and go to `own`; others are readied. Returns how many are own.
std::uint32_t scheduler::sort_woken(io_waiter* chain, g_list& own) noexcept {
  while (chain != nullptr) {
    io_waiter& w = *chain;
    chain = w.next;  // w is gone once its owner runs
    if (w.wake_fd >= 0) {
      release_thread(w);
    } else if (w.owner->sched == this) {
      w.owner->state.store(g_state::runnable, memory_order_relaxed);
      own.push_back(w.owner);
    } else {
      ready(*w.owner);
    }
  }
  return own.size;
}

// After every 61st G or more, when somebody may wait and nobody is there to see the events.
bool scheduler::wants_poll(p& local) noexcept {
  local.since_poll += p::direct_budget + 1 - local.direct_left;
  return (local.since_poll >= local.poll_after || local.sends >= sends_at_once) &&
         net.load(memory_order_relaxed) != nullptr;
}

bool scheduler::poll_before_idling(p& local) noexcept {
  if (sends_pending()) {  // [SB2]
    poll_into(local);
    return true;
  }
  if (local.vain_looks >= patience) return false;
  if (poll_into(local)) {
    local.vain_looks = 0;
    return true;
  }
  ++local.vain_looks;
  return false;
}

bool scheduler::poll_into(p& local) noexcept {
  poller* at = net.load(memory_order_acquire);
  if (at == nullptr) return false;
  const bool had_sends = at->sends.any();
  if (!had_sends && (polling_m.load(memory_order_relaxed) != nullptr || !at->in_use()))
    return false;
  local.since_poll = local.sends = 0;
  local.poll_after = poll_interval;
  woken_list woken;
  if (at->poll(0, woken) && polling_m.load(memory_order_seq_cst) != nullptr) at->wake();  // [NET4]
  g_list own;
  sort_woken(woken.first(), own);
  judge_batching(*at, own.size);
  if (own.size == 0) return false;
  const bool several = own.size > 1 || !local.runq.ring.empty();
  if (had_sends && !global.empty()) {
    inject_all(own);  // behind those that overflowed: this look may have come early [NET6]
    return true;
  }
  while (g* gp = own.pop_front()) put_ring(local, gp, *this);
  if (several) wake_if_idle(*this);
  local.poll_after = std::max(poll_interval, local.runq.size() + global.size());  // [NET6]
  return true;
}

// After a look that woke so many. [NET10]
void scheduler::judge_batching(poller& at, std::uint32_t woken) noexcept {
  if (!at.batches_sends()) return;
  const nanos now = clock_now();
  std::uint32_t pause = batching_pause.load(memory_order_relaxed);
  if (now - last_look.load(memory_order_relaxed) > longest_gap) {
    pause = pause_after_gap;
  } else if (pause != 0) {
    --pause;
  }
  batching_pause.store(pause, memory_order_relaxed);
  last_look.store(now, memory_order_relaxed);
  batching.store(pause == 0 && woken >= several_events && procs.load(memory_order_relaxed) == 1,
                 memory_order_relaxed);
}

// By an M whose P was taken away when its G had just left a send to the poller. [SB2]
void scheduler::send_without_p() noexcept {
  if (!sends_pending()) return;
  poller* at = net.load(memory_order_relaxed);
  woken_list woken;
  if (at->poll(0, woken) && polling_m.load(memory_order_seq_cst) != nullptr) at->wake();  // [NET4]
  g_list own;
  if (sort_woken(woken.first(), own) != 0) inject_all(own);
}

// [NET8]
void scheduler::spin_polling(m& self, poller& at, nanos now, nanos until,
                             woken_list& woken) noexcept {
  spin_state& spin = polling_spin;
  if (!can_spin || !spin.was_short) return;
  if (spin.pause != 0) {
    --spin.pause;
    return;
  }
  const auto idle = static_cast<std::uint32_t>(idle_word.load(memory_order_relaxed));
  if (idle < procs.load(memory_order_relaxed)) return;
  const nanos end = std::min(until, now + spin_length);
  do {
    if (self.note.load(memory_order_relaxed) != 0) return;
    at.poll(0, woken);
    if (woken.first() != nullptr) {
      spin.credit = std::min(spin.credit + 1, most_credit);
      spin.next_pause = first_pause;
      return;
    }
  } while (clock_now() < end);
  if (spin.credit >= lost_credit) {
    spin.credit -= lost_credit;
  } else {
    spin.pause = spin.next_pause;
    spin.next_pause = std::min(2 * spin.next_pause, longest_pause);
  }
}

// Under the lock, for one G. True: the M has a P, and nobody needs to be woken. [NET9]
bool scheduler::take_p_alone(m& self) noexcept {
  if (!self.idle || world_stopped) return false;
  if (company != 0) {
    --company;
    return false;
  }
  const nanos timer = earliest_timer();
  if (timer != never && timer - timer_horizon < clock_now()) return false;
  p* local = pop_idle_p();
  if (local == nullptr) return false;
  alone_m.store(&self, memory_order_seq_cst);
  remove_idle_m(self);
  acquire_p(self, *local);
  return true;
}

// Under the lock, by an M that idles: it was alone until now.
void scheduler::end_alone(m& self) noexcept {
  if (alone_m.load(memory_order_relaxed) != &self) return;
  alone_m.store(nullptr, memory_order_relaxed);
  const bool brief =
      self.pp != nullptr &&
      clock_now() - self.pp->counters.busy_since.load(memory_order_relaxed) < brief_run;
  if (!brief) company = company_after_long_run;
}

// By the monitor, who sees its P at work: with that one G or with what it made runnable, and with
// timers of its own at most. The others' are nobody's business until somebody keeps the time.
void scheduler::end_solitary_run(const p& local, nanos now) noexcept {
  if (now - local.counters.busy_since.load(memory_order_relaxed) < brief_run) return;
  if (alone_m.load(memory_order_relaxed) != nullptr &&
      timekeeper.load(memory_order_relaxed) == nullptr && wants_wake())
    wake_one();
}

// The idle timekeeper. True: it has a P now (or was given one), and what it brought is in its
// queue.
bool scheduler::sleep_polling(m& self, poller& at, nanos until) noexcept {
  m* nobody = nullptr;
  if (!polling_m.compare_exchange_strong(nobody, &self, memory_order_seq_cst)) {
    if (self.note.load(memory_order_acquire) == 0)  // [NET3]
      futex_wait(self.note, 0, until == never ? -1 : until);
    return false;
  }
  woken_list woken;
  const nanos begun = clock_now();
  spin_polling(self, at, begun, until, woken);
  if (woken.first() == nullptr && self.note.load(memory_order_seq_cst) == 0) {  // [NET2]
    at.poll(until, woken);
    polling_spin.was_short = woken.first() != nullptr && clock_now() - begun < short_wait;
  }
  polling_m.store(nullptr, memory_order_seq_cst);
  if (m* keeper = timekeeper.load(memory_order_seq_cst); keeper != nullptr && keeper != &self)
    note(*keeper);  // [NET3]
  g_list own;
  if (sort_woken(woken.first(), own) == 0) return false;
  last_look.store(clock_now(), memory_order_relaxed);  // it slept, and was not kept waiting
  judge_batching(at, own.size);
  lock.lock();
  const bool has_p = !self.idle || (own.size == 1 && take_p_alone(self)) || take_p_to_spin(self);
  lock.unlock();
  if (has_p && self.pp != nullptr) {  // [NET5]
    if (own.size > 1) self.pp->vain_looks = 0;
    self.pp->since_poll = 0;
    self.pp->direct_left = p::direct_budget + 1;  // nothing has run since
    while (g* gp = own.pop_front()) put_ring(*self.pp, gp, *this);
    self.pp->poll_after = std::max(poll_interval, self.pp->runq.size());
    return true;
  }
  inject_all(own);
  return false;
}

// Once; others wait for it.
int scheduler::make_net() noexcept {
  for (;;) {
    if (net.load(memory_order_acquire) != nullptr) return 0;
    std::uint32_t free = 0;
    if (making_net.compare_exchange_strong(free, 1, memory_order_acquire)) break;
    futex_wait(making_net, 1, -1);
  }
  int error = 0;
  poller* made = net.load(memory_order_acquire);
  if (made == nullptr) {
    made = poller::make(config.poller, error);
    // seq_cst: pairs with sleep_idle(), which stores timekeeper and then reads net. [I6]
    if (made != nullptr) net.store(made, memory_order_seq_cst);
  }
  making_net.store(0, memory_order_release);
  futex_wake(making_net, 1 << 30);
  if (m* keeper = timekeeper.load(memory_order_seq_cst); keeper != nullptr)
    note(*keeper);  // off its futex, into the poller
  return error;
}

int scheduler::register_descriptor(descriptor& d) noexcept {
  if (net.load(memory_order_acquire) == nullptr) {
    if (const int error = make_net(); error != 0) return error;
  }
  return net.load(memory_order_acquire)->add(d);
}

// No M is left.
void scheduler::close_net() noexcept {
  poller* at = net.load(memory_order_relaxed);
  if (at == nullptr) return;
  net.store(nullptr, memory_order_relaxed);
  g_list none;
  sort_woken(at->retire(), none);
}

}  // namespace gmp::detail
