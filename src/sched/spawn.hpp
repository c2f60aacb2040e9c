// Making Gs and ending them.
#pragma once

#include "gmp/detail/spawn.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

// A G for `sched` with room for a closure; not yet known to anybody. Null: out of memory.
g* g_make(scheduler& sched, std::size_t stack_bytes) noexcept;

// For those who must not throw, also on a scheduler's own stack: a new G for `sched`, which must
// not end meanwhile, with room for a closure of `size` bytes. Started or abandoned by the caller.
// It has no creator, and waits in the global queue.
struct detached_g {
  enum outcome { ok, stopped, no_memory } result;
  unborn child;  // if ok
};
detached_g spawn_detached(scheduler& sched, std::size_t size) noexcept;
void spawn_detached_start(unborn child, void (*run)(void*)) noexcept;
void spawn_detached_abandon(unborn child) noexcept;

// --- the parts of making a G, shared by spawn.cpp and spawn_detached.cpp

// Turns a slot into a dead G with an empty stack. The memory is the G's for ever. [G3]
GMPSCHED_HOME g* g_on_slot(void* top, std::size_t bytes, std::size_t max_stack) noexcept;
// Prepares the fields of a dead G with an empty stack; the closure goes right below the control
// block.
GMPSCHED_NO_SPLIT __attribute__((noinline)) unborn dress(g& made, scheduler& sched,
                                                         std::size_t size,
                                                         std::size_t align) noexcept;
// Counts a G to be made from outside, before anything is done for it: stop() waits for it from here
// on. False: the scheduler stops, nothing was counted.
bool announce_outside(scheduler& sched) noexcept;
GMPSCHED_HOME void start_outside(void* child);  // a g: numbers it and gives it to the global queue
GMPSCHED_HOME void give_slot_home(void* dead);  // a g

// Last act of a G; runs on its stack, never returns.
[[noreturn]] GMPSCHED_SWITCH void g_finish() noexcept;

// Ends the running G where it stands; nothing more of it is unwound, and its memory stays in use.
[[noreturn]] GMPSCHED_SWITCH void g_abandon() noexcept;

}  // namespace gmp::detail
