#include "sched/park.hpp"

#include <sched.h>

#include "base/check.hpp"
#include "base/futex.hpp"
#include "gmp/errors.hpp"
#include "sched/barrier.hpp"
#include "sched/fork.hpp"
#include "sched/handoff.hpp"
#include "sched/pick.hpp"
#include "sched/registry.hpp"
#include "sched/scheduler.hpp"
#include "sched/switch.hpp"
#include "sched/waited.hpp"

namespace gmp::detail {

bool cancel_park_forever(void*) { return true; }

namespace {

struct thread_wait_request {
  g* me;
  nanos deadline;
  bool woken;
};

GMPSCHED_HOME_FUNCTION(thread_wait)(void* arg) {
  auto& request = *static_cast<thread_wait_request*>(arg);
  atomic<std::uint32_t>& word = request.me->thread_word;
  const nanos until = request.deadline == never ? -1 : request.deadline;
  request.woken = true;
  // acquire: pairs with the release in wake_thread(): what the waker did is seen.
  while (word.load(memory_order_acquire) == 0) {
    if (!futex_wait(word, 0, until)) {
      request.woken = word.load(memory_order_acquire) != 0;
      return;
    }
  }
}

bool wait_as_thread(g& me, nanos deadline, wait_reason reason) noexcept {
  __builtin_unwind_init();  // what registers refer to is seen in memory (debug/leaks.cpp)
  if (in_forked_child()) {
    me.reason = reason;
    call_on_home(&refuse_wait, &me);
  }
  thread_wait_request request{&me, deadline, false};
  call_on_home(&thread_wait, &request);
  return request.woken;
}

GMPSCHED_HOME_FUNCTION(wake_thread)(void* arg) {
  check_not_forked("waking another thread");
  g& target = *static_cast<g*>(arg);
  target.thread_word.store(1, memory_order_release);  // pairs with the acquire in thread_wait()
  // The thread may be gone already; waking an address needs no memory behind it.
  futex_wake(target.thread_word, 1);
}

GMPSCHED_HOME_FUNCTION(inject_home)(void* arg) {
  check_not_forked("waking another G");
  g& target = *static_cast<g*>(arg);
  scheduler& sched = *target.sched;
  // Counted while the G cannot end, because nobody else may ready it; once it is pushed its runtime
  // may stop at any moment.
  sched.visitors.fetch_add(1, memory_order_relaxed);
  sched.inject(&target);
  sched.visitors.fetch_sub(1, memory_order_release);  // pairs with the acquire in stop()
}

GMPSCHED_HOME_FUNCTION(thread_self_home)(void* arg) { *static_cast<g**>(arg) = &thread_g(); }

GMPSCHED_HOME_FUNCTION(thread_yield)(void*) { ::sched_yield(); }

GMPSCHED_COMMIT_FUNCTION(commit_yield)(m* self, void* arg) {
  put_ring(*self->pp, static_cast<g*>(arg), *self->sched);
}

GMPSCHED_HOME_FUNCTION(note_time_home)(void* arg) {
  static_cast<g*>(arg)->resumed_as = resumed_without_p | static_cast<std::uint64_t>(clock_now());
}

// Off this G: to the next one if it is known, else to the scheduler loop.
GMPSCHED_SWITCH void leave(m& self, g& me) noexcept;
void leave(m& self, g& me) noexcept {
  g* next = nullptr;
  if (__builtin_expect(pin(self), 1)) {
    next = pick_direct(*self.pp);
  } else {
    if (in_forked_child()) call_on_home(&refuse_wait, &me);
    call_on_home(&note_time_home, &me);  // [WS1]
  }
  switch_from_g(self, me, next);
  unpin(*this_m());
}

// Behind the others of this P.
GMPSCHED_SWITCH void step_aside(m& self, g& me) noexcept;
void step_aside(m& self, g& me) noexcept {
  if (__builtin_expect(!pin(self), 0)) {
    check_not_forked("gmp::this_g::yield");
    // Taken while this G ran: whoever waits for one goes first.
    if (regain_slow(self)) {
      unpin(self);
    } else {
      queue_for_p(self, me);
    }
    return;
  }
  // Null: the loop is due, or nothing else is here and the loop looks elsewhere; it finds this G in
  // the ring.
  g* next = pick_direct(*self.pp);
  me.state.store(g_state::runnable, memory_order_relaxed);
  if (next != nullptr) {
    self.aside = &me;
  } else {
    self.commit = &commit_yield;
    self.commit_arg = &me;
  }
  switch_from_g(self, me, next);
  unpin(*this_m());
}

}  // namespace

g& current_g() noexcept {
  m* self = this_m();
  if (__builtin_expect(self != nullptr && self->current != nullptr, 1)) return *self->current;
  g* me;
  call_on_home(&thread_self_home, &me);
  return *me;
}

void park(g& me, spin_lock& lock, wait_reason reason, cancel_function_pointer cancel,
          void* cancel_arg) noexcept {
  if (__builtin_expect(me.is_thread(), 0)) {
    me.thread_word.store(0, memory_order_relaxed);  // ready() comes after the lock is free
    lock.unlock();
    wait_as_thread(me, never, reason);
    return;
  }
  m& self = *this_m();
  me.reason = reason;
  me.cancel_arg = cancel_arg;
  me.cancel_wait = cancel;
  me.state.store(g_state::waiting, memory_order_release);  // [G4]
  self.commit_lock = &lock;
  leave(self, me);
}

bool park_with(g& me, commit_function commit, void* arg, wait_reason reason,
               cancel_function_pointer cancel, void* cancel_arg, nanos deadline) noexcept {
  if (__builtin_expect(me.is_thread(), 0)) {
    me.thread_word.store(0, memory_order_relaxed);
    commit(nullptr, arg);
    return wait_as_thread(me, deadline, reason);
  }
  m& self = *this_m();
  me.reason = reason;
  me.cancel_arg = cancel_arg;
  me.cancel_wait = cancel;
  me.state.store(g_state::waiting, memory_order_release);  // [G4]
  self.commit = commit;
  self.commit_arg = arg;
  leave(self, me);
  return true;
}

void park_thread_again(g& me) noexcept { wait_as_thread(me, never, wait_reason::none); }

void park_forever(wait_reason reason) {
  g& me = current_g();
  for (;;) {
    if (must_unwind(me)) {
      unwind(me);
      return;
    }
    spin_lock alone;
    alone.lock();
    park(me, alone, reason, &cancel_park_forever, nullptr);
  }
}

void ready(g& target) noexcept {
  if (__builtin_expect(target.is_thread(), 0)) {
    call_on_home(&wake_thread, &target);
    return;
  }
  m* self = this_m();
  scheduler* sched = target.sched;
  if (__builtin_expect(self == nullptr || self->sched != sched, 0)) {
    call_on_home(&inject_home, &target);
    return;
  }
  const bool outer = is_pinned(
      *self);  // g0, or a commit: a nested pin would let go of the outer one when it backs off
  if (__builtin_expect(outer ? self->pp == nullptr : !pin_or_regain(*self), 0)) {
    if (!outer) unpin(*self);
    call_on_home(&inject_home, &target);
    return;
  }
  target.state.store(g_state::runnable, memory_order_relaxed);
  if (self->current != nullptr) {
    put_next(*self->pp, &target, *sched);
  } else {
    put_ring(*self->pp, &target, *sched);
  }
  wake_if_idle(*sched);
  if (!outer) unpin(*self);
}

void yield_now() {
  m* self = this_m();
  if (self == nullptr || self->current == nullptr) {
    call_on_home(&thread_yield, nullptr);
    return;
  }
  g& me = *self->current;
  if (__builtin_expect(must_unwind(me), 0)) {
    unwind(me);
    return;
  }
  step_aside(*self, me);
}

namespace {
[[noreturn]] __attribute__((noinline, cold)) void throw_unwind() { throw unwind_exception{}; }

GMPSCHED_HOME_FUNCTION(barrier_home)(void* answer) {
  *static_cast<bool*>(answer) = throw_would_terminate();
}
}  // namespace

void unwind(g& me) {
  m* self = this_m();
  me.unwinding = true;
  if (self->exceptions->uncaught != 0) return;
  bool barrier;  // a destructor that waits on a normal way out of its scope
  call_on_home(&barrier_home, &barrier);
  if (!barrier) throw_unwind();
}

}  // namespace gmp::detail
