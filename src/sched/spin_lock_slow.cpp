// The spin lock's other half: what to do while somebody else holds it.
#include <sched.h>

#include <algorithm>
#include <ctime>

#include "base/atomic.hpp"
#include "base/attributes.hpp"
#include "base/clock.hpp"
#include "gmp/detail/spin_lock.hpp"
#include "sched/fork.hpp"
#include "stack/stack.hpp"

namespace gmp::detail {
namespace {

// Looks ever more rarely: each look takes the line from the holder's cache, and whoever keeps it
// for a while gets much done: two processors that take turns pay for the transfer each time. A
// thread that comes here again and again waits longer from the start.
//
// The holder is either running (it is out within tens of nanoseconds) or was preempted by the
// kernel: then spinning only keeps it from running, so the processor is given away, and after a
// while the thread sleeps.
constexpr int most_pauses = 64;
constexpr nanos again_within = 5'000;

GMPSCHED_HOME_FUNCTION(acquire_home)(void* arg) {
  auto& word = *static_cast<atomic<std::uint32_t>*>(arg);
  check_not_forked("a call that needs a lock which another thread held");
  thread_local nanos last = 0;
  thread_local int patience = 1;
  const nanos now = clock_now();
  patience = now - last > again_within ? 1 : std::min(2 * patience, most_pauses);
  last = now;
  for (unsigned round = 0;; ++round) {
    for (int pauses = patience; pauses <= most_pauses; pauses *= 2) {
      for (int i = 0; i < pauses; ++i) cpu_pause();
      if (word.load(memory_order_relaxed) == 0 && word.exchange(1, memory_order_acquire) == 0)
        return;
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
