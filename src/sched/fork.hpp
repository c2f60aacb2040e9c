// What is left of a runtime in the child of a fork(): nothing but the thread that forked.
//
// FK1  A child of a process in which a scheduler lived may only exec or _exit: its Ms, the monitor
//      and whoever held a lock are gone. The atfork handler says so in forked_child, and takes the
//      P from the M that forked. So in the child every pin() fails, and the flag is looked at on
//      the slow paths only: where there is no P, where a thread sleeps or is woken, where a lock is
//      waited for.
#pragma once

#include "base/atomic.hpp"
#include "base/attributes.hpp"
#include "stack/stack.hpp"

namespace gmp::detail {

struct g;

extern atomic<bool> forked_child;
extern atomic<int> live_schedulers;

void fork_watch_install() noexcept;  // once per process: the handler

GMPSCHED_HOME void refuse_call(void* name);  // a const char*: the call's name
GMPSCHED_HOME void refuse_wait(void* me);    // a g that is about to park

inline bool in_forked_child() noexcept {
  return __builtin_expect(forked_child.load(memory_order_relaxed), 0);
}

// Ends a forked child that calls the runtime, and says what it called.
inline void check_not_forked(const char* call) noexcept {
  if (in_forked_child()) call_on_home(&refuse_call, const_cast<char*>(call));
}

}  // namespace gmp::detail
