// The scheduler's beginning and end, its Ps and Ms, and the moments when nothing runs.
//
// W1  An M that was started is in all_ms until the scheduler is destroyed; Ps likewise. Stale
//     pointers stay good.
// W2  While world_stopped is set nobody is given a P: with all Ms idle, no G of this scheduler can
//     run, and its stack may be looked into. Foreign threads may still ready Gs; those go to the
//     global queue and stay there.
// W3  An M that runs a G without a P does not keep stop() from unwinding the others. It acts like a
//     foreign thread; it may park its G at any moment, but without a P it takes no other one. So
//     only the Gs seen on such Ms when the world was stopped are left alone (tests/model/rest.pml).
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <functional>
#include <new>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/futex.hpp"
#include "sched/fork.hpp"
#include "sched/pick.hpp"
#include "sched/scheduler.hpp"
#include "sched/spawn.hpp"
#include "sched/terminate.hpp"
#include "sched/waited.hpp"

extern "C" {
extern const std::uint64_t gmpsched_gdb_table[];
extern const char gmpsched_gdb_script[];
}

namespace gmp::detail {

scheduler::scheduler(const scheduler_config& wanted) : config(wanted), started(clock_now()) {
  check_not_forked("gmp::runtime::runtime");
  fork_watch_install();
  ::pthread_sigmask(SIG_SETMASK, nullptr, &signal_mask);
  asymmetric_fence_init();
  terminate_handler_install();
  asm volatile("" : : "r"(gmpsched_gdb_table), "r"(gmpsched_gdb_script));  // in every program
  can_spin = ::sysconf(_SC_NPROCESSORS_ONLN) > 1;
  for (std::uint32_t i = 0; i < config.procs; ++i) {
    p* local = new_p();
    if (local == nullptr) throw std::bad_alloc();
  }
  virtual_now.store(config.virtual_start, memory_order_relaxed);
  procs.store(config.procs, memory_order_relaxed);
  all_ps[0].load(memory_order_relaxed)->alone.store(config.procs == 1, memory_order_relaxed);
  lock.lock();
  for (std::uint32_t i = config.procs; i-- > 0;) push_idle_p(*all_ps[i].load(memory_order_relaxed));
  lock.unlock();
  live_schedulers.fetch_add(1, memory_order_relaxed);
}

scheduler::~scheduler() {
  live_schedulers.fetch_sub(1, memory_order_relaxed);
  for (m* self = all_ms; self != nullptr;) delete std::exchange(self, self->all_next);
  for (std::uint32_t i = 0; i < p_count.load(memory_order_relaxed); ++i) {
    p* local = all_ps[i].load(memory_order_relaxed);
    give_slots(local->free_gs);
    delete local;
  }
  while (g* dead = spares.take().head) give_slots(dead);
}

p* scheduler::new_p() {
  p* local;
  try {
    local = new p;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  const std::uint32_t id = p_count.load(memory_order_relaxed);
  local->id = id;
  local->counters.switches.store(first_switch(id), memory_order_relaxed);
  local->timers.owner.store(this, memory_order_relaxed);
  local->random =
      cheap_random((config.seed != 0 ? config.seed : static_cast<std::uint64_t>(clock_now())) + id);
  all_ps[id].store(local, memory_order_release);
  p_count.store(id + 1, memory_order_release);
  return local;
}

// --- Ps, under the lock

// An idle P has no `next`: nobody takes it from there, since there is no M to be frozen (PIN1).
void scheduler::push_idle_p(p& local) noexcept {
  if (g* gp = local.runq.take_next(); gp != nullptr) global.push(gp);
  local.idle_next = idle_ps;
  idle_ps = &local;
  idle_word.fetch_add(1, memory_order_acq_rel);
}

p* scheduler::pop_idle_p() noexcept {
  for (;;) {
    p* local = idle_ps;
    if (local == nullptr) return nullptr;
    idle_ps = local->idle_next;
    idle_word.fetch_sub(1, memory_order_acq_rel);
    if (local->id < procs.load(memory_order_relaxed)) return local;
    drain(*local);  // retired by set_procs() while it idled
  }
}

void scheduler::acquire_p(m& self, p& local) noexcept {
  self.pp = &local;
  local.holder.store(&self, memory_order_release);
  local.direct_left = 0;
  local.counters.busy_since.store(clock_now(), memory_order_relaxed);
  monitor.p_is_busy();
}

// By who has the right to use it: its holder, or who has just taken it away.
void scheduler::disown(p& local) noexcept {
  local.holder.store(nullptr, memory_order_relaxed);
  const nanos now = clock_now();
  count(local.counters.busy, now - local.counters.busy_since.load(memory_order_relaxed));
  local.history.note(local.counters.switches.load(memory_order_relaxed), true, now);
  local.counters.busy_since.store(0, memory_order_relaxed);
}

void scheduler::release_p(m& self) noexcept {
  p& local = *self.pp;
  self.pp = nullptr;
  disown(local);
  if (local.id < procs.load(memory_order_relaxed)) {
    push_idle_p(local);
  } else {
    drain(local);
  }
}

// A P that is not to be used any more: its Gs become everybody's, its timers those of P 0.
void scheduler::drain(p& retired) noexcept {
  g_list batch;
  while (g* gp = pick_local(retired)) batch.push_back(gp);
  global.push_all(batch);
  try {
    if (retired.timers.size() != 0)
      retired.timers.move_all_to(all_ps[0].load(memory_order_relaxed)->timers);
  } catch (const std::bad_alloc&) {
    // They stay; thieves and the timekeeper look at every P that ever was.
  }
  // It may have looked at P 0 before they came and at this P after they had gone. [I4]
  if (m* keeper = timekeeper.load(memory_order_acquire); keeper != nullptr) note(*keeper);
}

// Before the second P. The holder of the first either sees `alone` change, or we see its pin and
// wait until it lets go of it: it uses its queue while pinned only, and the next pin is followed by
// a new look. [PIN2, RQ6]
void scheduler::end_solitude() noexcept {
  p& first = *all_ps[0].load(memory_order_relaxed);
  first.alone.store(false, memory_order_relaxed);
  heavy_fence();  // pairs with the light fence in pin()
  for (;;) {
    lock.lock();
    const m* holder = first.holder.load(memory_order_relaxed);
    // acquire: pairs with the release in unpin(); what the holder took is out of the queue.
    const bool known =
        holder == nullptr || holder == this_m() || holder->pin.load(memory_order_acquire) == 0;
    lock.unlock();
    if (known) return;
    ::sched_yield();
  }
}

std::uint32_t scheduler::set_procs(std::uint32_t n) { return change_procs(n, true); }

void scheduler::fit_procs(std::uint32_t n) noexcept {
  lock.lock();
  const bool fixed = procs_fixed;
  lock.unlock();
  if (fixed) return;  // for nothing would the first P lose its solitude
  try {
    change_procs(n, false);
  } catch (const std::bad_alloc&) {
    // The monitor asks again.
  }
}

std::uint32_t scheduler::change_procs(std::uint32_t n, bool by_user) {
  if (n > 1 && p_count.load(memory_order_relaxed) == 1) end_solitude();
  lock.lock();
  const std::uint32_t old = procs.load(memory_order_relaxed);
  if ((!by_user && procs_fixed) || stopping.load(memory_order_relaxed)) {
    lock.unlock();
    return old;
  }
  procs_fixed |= by_user;
  while (p_count.load(memory_order_relaxed) < n) {
    if (new_p() == nullptr) {
      lock.unlock();
      throw std::bad_alloc();
    }
  }
  procs.store(n, memory_order_relaxed);
  // Ps of a number that comes into use: those still held by an M that did not notice the former
  // retirement go on.
  for (std::uint32_t i = old; i < n; ++i) {
    p* local = all_ps[i].load(memory_order_relaxed);
    bool stands_idle = false;
    for (p* q = idle_ps; q != nullptr; q = q->idle_next) stands_idle |= q == local;
    if (!stands_idle && local->holder.load(memory_order_relaxed) == nullptr) push_idle_p(*local);
  }
  lock.unlock();
  light_fence();  // pairs with the heavy fence in park_m() [I1]
  if (wants_wake()) wake_one();
  return old;
}

std::uint64_t scheduler::live_gs() const noexcept {
  // The ended ones first: a G that is made and ends while we count may then seem alive, but no live
  // one seems gone.
  std::uint64_t ended = finished_outside.load(memory_order_acquire);
  for (std::uint32_t i = 0; i < p_count.load(memory_order_acquire); ++i)
    ended += all_ps[i].load(memory_order_acquire)->counters.finished.load(memory_order_acquire);
  // seq_cst: stop() has set `unwinding` before; see announce_outside().
  std::uint64_t made = spawned_outside.load(memory_order_seq_cst);
  for (std::uint32_t i = 0; i < p_count.load(memory_order_acquire); ++i)
    made += all_ps[i].load(memory_order_acquire)->counters.spawned.load(memory_order_acquire);
  return made - ended;
}

// --- dead Gs

bool scheduler::refill_free(p& local) noexcept {
  if (const spare_gs::list spare = spares.take(); spare.head != nullptr) {
    local.free_gs = spare.head;
    local.free_count = spare.count;
    return true;
  }
  void* tops[32];
  std::size_t n = first_segments_take(config.stack_size, tops, 32);
  g_begin(tops, n, config.stack_size);  // all with one lock at most
  for (std::size_t i = n; i-- > 0;) {
    g* made = g_on_slot(tops[i], config.stack_size, config.max_stack);
    made->next = local.free_gs;
    local.free_gs = made;
    ++local.free_count;
  }
  return n != 0;
}

void scheduler::trim_free(p& local) noexcept {
  g* last = local.free_gs;  // of those that stay, which ran last
  for (std::uint32_t i = 1; i < p::free_gs_cap / 2; ++i) last = last->next;
  const spare_gs::list older{last->next, local.free_count - p::free_gs_cap / 2};
  last->next = nullptr;
  local.free_count = p::free_gs_cap / 2;
  if (!spares.give(older)) give_slots(older.head);
}

void scheduler::give_slots(g* dead) noexcept {
  void* tops[256];
  while (dead != nullptr) {
    std::size_t n = 0;
    for (; dead != nullptr && n < std::size(tops); dead = dead->next) tops[n++] = g_top(*dead);
    first_segments_give(config.stack_size, tops, n);
  }
}

// --- the end

// Under the lock. Nobody has a P, and each M either idles or runs a G without one: in foreign code,
// or on its way to park. [W3]
bool scheduler::at_rest() noexcept {
  for (std::uint32_t i = 0; i < p_count.load(memory_order_relaxed); ++i)
    if (all_ps[i].load(memory_order_relaxed)->holder.load(memory_order_relaxed) != nullptr)
      return false;
  std::uint32_t outside = 0;
  for (m* self = all_ms; self != nullptr; self = self->all_next) {
    self->outside = self->idle ? nullptr : current_of(*self);
    outside += self->outside != nullptr;
  }
  return idle_m_count + outside == m_count;
}

// True: at_rest(), nothing is runnable, and the world is stopped; the caller must start it again.
bool scheduler::await_rest(nanos deadline) noexcept {
  for (;;) {
    std::uint32_t seen = rest.load(memory_order_acquire);
    lock.lock();
    rest_wanted = true;
    const bool resting = !world_stopped && at_rest();
    if (resting) world_stopped = true;
    lock.unlock();
    if (resting) {
      if (!work_anywhere()) return true;
      lock.lock();
      world_stopped = false;
      lock.unlock();
      wake_one();
    }
    if (clock_now() >= deadline) {
      lock.lock();
      rest_wanted = false;
      lock.unlock();
      return false;
    }
    nanos slice = after(clock_now(), 1'000'000);  // work that waits for a timer is looked for again
    futex_wait(rest, seen, slice < deadline ? slice : deadline);
  }
}

namespace {

struct unwind_request {
  scheduler* sched;
  std::vector<const g*> outside;  // sorted [W3]
  g_list batch;
};

void unwind_one(g& one, void* arg) {
  auto& request = *static_cast<unwind_request*>(arg);
  if (!g_is_of(one, *request.sched)) return;
  if (one.state.load(memory_order_acquire) != g_state::waiting) return;
  if (std::binary_search(request.outside.begin(), request.outside.end(), &one)) return;
  if (one.cancel_wait == nullptr || !one.cancel_wait(one.cancel_arg)) return;  // already readied
  one.unwinding = true;
  one.state.store(g_state::runnable, memory_order_relaxed);
  request.batch.push_back(&one);
}

void name_one(g& one, void* arg) {
  if (!g_is_of(one, *static_cast<const scheduler*>(arg))) return;
  const g_state state = one.state.load(memory_order_acquire);
  if (state == g_state::dead) return;
  const char* what = state == g_state::waiting   ? wait_reason_name(one.reason)
                     : state == g_state::running ? "running"
                                                 : "runnable";
  std::fprintf(stderr, "gmpsched:   G %" PRIu64 " %s, made by G %" PRIu64 "\n", one.id, what,
               one.creator_id);
}

}  // namespace

// The world is stopped. Returns how many Gs were made to unwind.
std::uint32_t scheduler::unwind_parked() noexcept {
  unwind_request request{this, {}, {}};
  lock.lock();
  const m* const newest = all_ms;
  lock.unlock();
  try {
    for (const m* self = newest; self != nullptr; self = self->all_next)
      if (self->outside != nullptr) request.outside.push_back(self->outside);
    std::sort(request.outside.begin(), request.outside.end(), std::less<>());
    for_each_g(&unwind_one, &request);
  } catch (const std::bad_alloc&) {
    // None this time; stop() tries again.
  }
  const std::uint32_t n = request.batch.size;
  lock.lock();
  world_stopped = false;
  rest_wanted = false;
  lock.unlock();
  inject_all(request.batch);
  return n;
}

bool scheduler::stop(nanos patience) {
  unwinding.store(true, memory_order_seq_cst);
  const nanos deadline = after(clock_now(), patience);
  while (live_gs() != 0) {
    if (await_rest(deadline)) {
      if (unwind_parked() != 0 || live_gs() == 0) continue;
      // What is left is being readied by a thread that is none of ours: give it time.
      futex_wait(rest, rest.load(memory_order_relaxed), after(clock_now(), 1'000'000));
    }
    if (clock_now() < deadline) continue;
    std::fprintf(stderr, "gmpsched: the runtime stops, but %" PRIu64 " Gs did not end in time:\n",
                 live_gs());
    for_each_g(&name_one, this);
    break;
  }
  const bool clean = live_gs() == 0;
  lock.lock();
  stopping.store(true, memory_order_release);  // from here on no M is made
  lock.unlock();
  end_ms(clean);
  for (std::uint32_t i = 0; i < p_count.load(memory_order_relaxed); ++i)
    all_ps[i].load(memory_order_relaxed)->timers.fire_early();  // nobody serves it any more
  if (clean) close_net();
  return clean;
}

}  // namespace gmp::detail
