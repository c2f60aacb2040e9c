// Switching between the stacks of one M.
//
// SW1  Who switches away fills in left_ctx and at most one commit; who arrives stores the saved
// context first and then
//      runs the commit, which publishes the G that was left. Nothing of that G is touched
//      afterwards. [G2]
// SW2  The pin is held over every switch; the call that resumes drops it.
// SW3  Stack limit, exception globals and errno belong to the G and change hands here.
//
// Everything here is inlined into functions without a stack check: between set_stack_limit() and
// the jump the limit is not that of the stack in use.
#pragma once

#include "base/check.hpp"
#include "context/fiber.hpp"
#include "g/g.hpp"
#include "sched/biased_lock.hpp"
#include "sched/m.hpp"
#include "sched/pick.hpp"
#include "sched/pin.hpp"

namespace gmp::detail {

// Where calls may go that a G makes on its M's own stack: below everything g0 keeps there.
[[gnu::always_inline]] inline void* home_below(void* frame) noexcept {
  constexpr std::uintptr_t frame_and_registers = 1024;  // of switch_from_g0() and the jump
  return reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(frame) - frame_and_registers) &
                                 ~std::uintptr_t{63});
}

// The first function of every G.
GMPSCHED_SWITCH void g_main(boost_transfer from);

[[gnu::always_inline]] inline void arrive(void* from) noexcept {
  m& self = *this_m();
  *self.left_ctx = from;
  if (spin_lock* lock = self.commit_lock; lock != nullptr) {
    self.commit_lock = nullptr;
    // publishes the G that was left [SW1]
    if (!biased_lock::leave_section(*self.seat, lock)) lock->unlock();
  } else if (g* yielded = self.aside; yielded != nullptr) {
    self.aside = nullptr;
    put_ring(*self.pp, yielded, *self.sched);
    wake_if_idle(*self.sched);  // an idle M may want it [I1]
  } else if (commit_function commit = self.commit; commit != nullptr) {
    self.commit = nullptr;
    commit(&self, self.commit_arg);
  }
}

// Takes the thread-wide state of the running G into its control block.
[[gnu::always_inline]] inline void save_thread_state(m& self, g& me) noexcept {
  me.stack_limit = stack_limit();
  me.caught_exceptions = self.exceptions->caught;
  me.uncaught_exceptions = self.exceptions->uncaught;
  me.saved_errno = *self.error_number;
}

[[gnu::always_inline]] inline void load_thread_state(m& self, g& next) noexcept {
  set_current(self, &next);
  self.exceptions->caught = next.caught_exceptions;
  self.exceptions->uncaught = next.uncaught_exceptions;
  *self.error_number = next.saved_errno;
  set_stack_limit(next.stack_limit);
}

[[gnu::always_inline]] inline void load_g0_state(m& self) noexcept {
  set_current(self, nullptr);
  self.exceptions->caught = nullptr;
  self.exceptions->uncaught = 0;
  set_stack_limit(nullptr);
}

// Makes `next` the running G; returns where to jump.
[[gnu::always_inline]] inline void* activate(m& self, g& next) noexcept {
#if GMPSCHED_DEBUG_CHECKS
  GMPSCHED_CHECK(first_segment_canary_ok(g_top(next), next.stack_bytes),
                 "a G ran out of its first stack segment (canary)");
#endif
  // Noted by the G as well: what waiting costs for the question since when. [WS1]
  atomic<std::uint64_t>& switches = self.pp->counters.switches;
  next.resumed_as = switches.load(memory_order_relaxed) + 1;
  switches.store(next.resumed_as, memory_order_relaxed);
  if (next.state.load(memory_order_relaxed) == g_state::newborn) {
    next.ctx =
        context_make(next.ctx, next.stack_bytes / 2, &g_main);  // the size is not used by Boost
    sanitizer_create(next.sanitizer);
  }
  next.state.store(g_state::running, memory_order_relaxed);
  load_thread_state(self, next);
  return next.ctx;
}

// From the G `me` to `next`, or to g0 (null). Returns when `me` runs again, perhaps on another M.
[[gnu::always_inline]] inline void switch_from_g(m& self, g& me, g* next) noexcept {
  save_thread_state(self, me);
  self.left_ctx = &me.ctx;
  void* to;
  if (next != nullptr) {
    to = activate(self, *next);
    sanitizer_leave(&me.sanitizer, next->sanitizer);
  } else {
    load_g0_state(self);
    to = self.g0_ctx;
    sanitizer_leave(&me.sanitizer, self.g0_stack);
  }
  void* from = context_jump(to);
  sanitizer_arrive(me.sanitizer, nullptr);
  arrive(from);
}

// From g0 to `next`; returns when some G of this M switches to g0.
[[gnu::always_inline]] inline void switch_from_g0(m& self, g& next) noexcept {
  self.left_ctx = &self.g0_ctx;
  self.stacks.home_sp = home_below(__builtin_frame_address(0));
  void* to = activate(self, next);
  sanitizer_leave(&self.g0_stack, next.sanitizer);
  void* from = context_jump(to);
  self.stacks.home_sp = nullptr;
  sanitizer_arrive(self.g0_stack, nullptr);
  arrive(from);
}

}  // namespace gmp::detail
