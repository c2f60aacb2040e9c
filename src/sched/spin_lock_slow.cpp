// The spin lock's other half: what to do while somebody else holds it.
#include <sched.h>

#include <ctime>

#include "base/atomic.hpp"
#include "base/attributes.hpp"
#include "gmp/detail/spin_lock.hpp"
#include "stack/stack.hpp"

namespace gmp::detail {
namespace {

// The holder is either running (it is out within tens of nanoseconds) or was preempted by the
// kernel: then spinning only keeps it from running, so the processor is given away, and after a
// while the thread sleeps.
GMPSCHED_HOME_FUNCTION(acquire_home)(void* arg) {
  auto& word = *static_cast<atomic<std::uint32_t>*>(arg);
  for (unsigned round = 0;; ++round) {
    for (int i = 0; i < 64; ++i) {
      if (word.load(memory_order_relaxed) == 0 && word.exchange(1, memory_order_acquire) == 0)
        return;
      cpu_pause();
    }
    if (round < 32) {
      ::sched_yield();
    } else {
      timespec nap{0, 50'000};
      ::nanosleep(&nap, nullptr);
    }
  }
}

}  // namespace

void spin_lock::lock_slow() noexcept { call_on_home(&acquire_home, &word_); }

}  // namespace gmp::detail
