// Which runtimes exist in the process, and the stand-in of a plain thread in waits.
#pragma once

#include <cstdint>

#include "g/g.hpp"

namespace gmp::detail {

class scheduler;

// The calling plain thread's G: what stands in queues for it. Lives as long as the thread.
g& thread_g() noexcept;

void registry_add(scheduler& sched);
void registry_remove(scheduler& sched) noexcept;

// For calls on a plain thread: the runtime it used last, or the only one. Throws std::system_error if there is neither.
// Safe to call from any stack.
scheduler& registry_scheduler();
void registry_used(scheduler& sched) noexcept;  // by the calling plain thread

[[noreturn]] void throw_stopped();

}  // namespace gmp::detail
