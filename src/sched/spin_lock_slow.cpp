// The other half of spin locks, biased ones too: what to do while somebody else holds it.
#include <sched.h>

#include <algorithm>
#include <ctime>

#include "base/atomic.hpp"
#include "base/attributes.hpp"
#include "base/clock.hpp"
#include "gmp/detail/spin_lock.hpp"
#include "sched/biased_lock.hpp"
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

template <class Try>
void wait_until(Try&& try_once) noexcept {
  check_not_forked("a call that needs a lock which another thread held");
  thread_local nanos last = 0;
  thread_local int patience = 1;
  const nanos now = clock_now();
  patience = now - last > again_within ? 1 : std::min(2 * patience, most_pauses);
  last = now;
  for (unsigned round = 0;; ++round) {
    for (int pauses = patience; pauses <= most_pauses; pauses *= 2) {
      for (int i = 0; i < pauses; ++i) cpu_pause();
      if (try_once()) return;
    }
    if (round < 32) {
      ::sched_yield();
    } else {
      timespec nap{0, 50'000};
      ::nanosleep(&nap, nullptr);
    }
  }
}

GMPSCHED_HOME_FUNCTION(acquire_home)(void* arg) {
  auto& word = *static_cast<atomic<std::uint32_t>*>(arg);
  wait_until([&] {
    return word.load(memory_order_relaxed) == 0 && word.exchange(1, memory_order_acquire) == 0;
  });
}

}  // namespace

void spin_lock::lock_slow() noexcept { call_on_home(&acquire_home, &word_); }

struct biased_lock_slow {
  biased_lock& lock;
  std::uint32_t seen;

  GMPSCHED_HOME bool taken() noexcept;
  bool look() noexcept {
    if (lock.word_.load(memory_order_relaxed) == 1) return false;
    seen = lock.word_.exchange(1, memory_order_acquire);
    return taken();
  }
};

// Whether the exchange that found `seen` has taken the lock.
bool biased_lock_slow::taken() noexcept {
  if (seen == 1) return false;
  if (seen != 0 && !biased_lock::is_own(seen, this_m())) lock.take_over(seen);
  return true;
}

namespace {

GMPSCHED_HOME_FUNCTION(lock_taken_home)(void* arg) {
  auto& slow = *static_cast<biased_lock_slow*>(arg);
  if (!slow.taken()) wait_until([&] { return slow.look(); });
}

GMPSCHED_HOME_FUNCTION(take_over_home)(void* arg) {
  static_cast<void>(static_cast<biased_lock_slow*>(arg)->taken());
}

}  // namespace

void biased_lock::lock_taken(std::uint32_t seen) noexcept {
  biased_lock_slow slow{*this, seen};
  call_on_home(&lock_taken_home, &slow);
}

bool biased_lock::try_taken(std::uint32_t seen) noexcept {
  if (seen == 1) return false;
  biased_lock_slow slow{*this, seen};
  call_on_home(&take_over_home, &slow);
  return true;
}

}  // namespace gmp::detail
