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

// Last act of a G; runs on its stack, never returns.
[[noreturn]] GMPSCHED_SWITCH void g_finish() noexcept;

// Ends the running G where it stands; nothing more of it is unwound, and its memory stays in use.
[[noreturn]] GMPSCHED_SWITCH void g_abandon() noexcept;

}  // namespace gmp::detail
