// An exception that leaves a G.
#pragma once

#include "g/g.hpp"
#include "gmp/detail/sanitizers.hpp"

#if defined(__x86_64__) && !GMPSCHED_TSAN
#define GMPSCHED_THROW_SCENE 1
#define GMPSCHED_SCENE_FUNCTION __attribute__((noinline))
#else
#define GMPSCHED_THROW_SCENE 0  // instrumented functions have cleanups, and so another personality
#endif

namespace gmp::detail {

// Called inside the catch handler. Reports; returns only for an isolated G.
void panic(g& me) noexcept;

// The same for pthread_exit and pthread_cancel, whatever the G's class: what they throw must not be
// caught, and the thread has other Gs to run.
[[noreturn]] void thread_ended(g& me) noexcept;

// std::terminate was called on the G, with or without an exception. Reports; on a thread's own
// stack. True: because of an exception while its runtime stops, and only the G ends.
[[nodiscard]] bool terminated(g& me) noexcept;

}  // namespace gmp::detail
