// Waiting and waking: the interface that channels, mutexes, timers and pollers are built on. All of
// it works for plain threads too, which wait on a futex.
//
// Pattern of every wait:
//   g& me = current_g();
//   lock; if (cannot go on) { put a waiter with owner = &me into the queue; park(me, lock, reason,
//   cancel, arg); }
//   ... the waker, under the same lock, takes the waiter out, tells it its status, unlocks, and
//   calls ready(*owner).
#pragma once

#include <cstdint>

#include "base/attributes.hpp"
#include "base/clock.hpp"
#include "g/g.hpp"
#include "gmp/detail/spin_lock.hpp"
#include "queue/timer_heap.hpp"
#include "sched/m.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

// The running G, or the stand-in of the plain thread.
g& current_g() noexcept;
// The same for who knows the M of the calling thread.
[[gnu::always_inline]] inline g& current_g(m* self) noexcept {
  return __builtin_expect(self != nullptr && self->current != nullptr, 1) ? *self->current
                                                                          : current_g();
}

// Ends a wait from outside, called on a scheduler's stack while no G runs: takes the waiter out of
// its queue. True: it was still waiting, and is the caller's to ready.
using cancel_function_pointer = bool (*)(void* arg);

// Gives up the M until somebody calls ready(me). `lock` is held by the caller and is released once
// the G's registers are saved: that release is what lets a waker at it.
void park(g& me, spin_lock& lock, wait_reason reason, cancel_function_pointer cancel,
          void* cancel_arg) noexcept;

// The same with a commit of the caller's own, which releases what keeps wakers away; it runs on
// another stack, right after the G's registers were saved, and must be GMPSCHED_NO_SPLIT.
// `deadline` is for plain threads only (a G arms a timer): false: it passed and nobody readied the
// thread so far.
bool park_with(g& me, commit_function commit, void* arg, wait_reason reason,
               cancel_function_pointer cancel, void* cancel_arg, nanos deadline) noexcept;
// After park_with() returned false and somebody else had won the wake-up: waits for it to arrive.
void park_thread_again(g& me) noexcept;

// Blocks for ever.
void park_forever(wait_reason reason);
bool cancel_park_forever(void*);  // its cancel function: reports know the wait by it

// Makes a parked G runnable (or wakes a plain thread). Called once per park by whoever took its
// waiter out, without locks.
void ready(g& target) noexcept;

// Lets others run. The caller stays runnable.
void yield_now();

// True when the runtime of `me` is shutting down and `me` must not block any more.
inline bool must_unwind(const g& me) noexcept {
  return me.sched != nullptr && me.sched->unwinding.load(memory_order_relaxed);
}
// Call instead of blocking when must_unwind(): throws the unwinding exception, or returns while an
// exception is already under way (a destructor): the caller then returns as cancelled.
void unwind(g& me);

// --- time
nanos now_on_g() noexcept;  // clock_now() for code with split stacks

// Arms the timer on this P's heap, or on some P of the last used runtime from a plain thread.
// Throws std::system_error when there is no runtime in the process.
void timer_arm(timer_node& timer, nanos when);
bool timer_stop(timer_node& timer) noexcept;
bool timer_stop_and_wait(timer_node& timer) noexcept;
bool timer_rearm(timer_node& timer, nanos when) noexcept;

// The same for code that is on an M's or a thread's own stack already. `guest`: the scheduler that
// a plain thread visits, null on an M.
nanos now_at_home() noexcept;
[[nodiscard]] bool timer_arm_at_home(timer_node& timer, nanos when,
                                     scheduler* guest) noexcept;  // false: no memory
bool timer_rearm_at_home(timer_node& timer, nanos when) noexcept;

// Waits until a callback that has readied this G lets go of the node, so that the node's memory may
// go.
void timer_settle(timer_node& timer) noexcept;

// Parks until `when`.
void sleep_until_nanos(nanos when);

}  // namespace gmp::detail
