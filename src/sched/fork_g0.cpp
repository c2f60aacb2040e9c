#include <pthread.h>

#include "sched/fork.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {
namespace {

// In the child, on the only thread there is. [FK1]
void in_the_child() {
  if (live_schedulers.load(memory_order_relaxed) == 0) return;
  forked_child.store(true, memory_order_relaxed);
  m* self = this_m();
  if (self == nullptr) return;
  self->pp = nullptr;
  self->sched->idle_word.store(0, memory_order_relaxed);  // none to be had instead
}

}  // namespace

void fork_watch_install() noexcept {
  static const int once = ::pthread_atfork(nullptr, nullptr, &in_the_child);
  static_cast<void>(once);
}

}  // namespace gmp::detail
