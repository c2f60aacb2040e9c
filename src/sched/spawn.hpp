// Making Gs and ending them.
#pragma once

#include "gmp/detail/spawn.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

// A G for `sched` with room for a closure; not yet known to anybody. Null: out of memory.
g* g_make(scheduler& sched, std::size_t stack_bytes) noexcept;

// Last act of a G; runs on its stack, never returns.
[[noreturn]] GMPSCHED_SWITCH void g_finish() noexcept;

// Ends the running G where it stands; nothing more of it is unwound, and its memory stays in use.
[[noreturn]] GMPSCHED_SWITCH void g_abandon() noexcept;

}  // namespace gmp::detail
