// A StoreLoad fence whose cost lies on one side only.
//
// F1  A store before light_fence() and a load after it, in thread A, and a store before
// heavy_fence() and a load after
//     it, in thread B: at least one of the two loads sees the other thread's store.
// F2  light_fence() is a compiler barrier; heavy_fence() makes the kernel run a full barrier on
// every processor that
//     runs a thread of this process (membarrier, PRIVATE_EXPEDITED). Where the kernel refuses, both
//     are seq_cst fences.
//
// Used by the P pin (sched/pin.hpp), the idle protocol (sched/idle_g0.cpp) and the mutex
// (sync/mutex.cpp): the hot side runs tens of millions of times a second, the rare side before it
// sleeps or when it retakes.
#pragma once

#include "base/atomic.hpp"

namespace gmp::detail {

// True once the process is registered for expedited membarrier. Set before any M starts, never
// changes afterwards.
extern bool membarrier_registered;

// Registers the process; called at the start of every runtime. Idempotent.
void asymmetric_fence_init() noexcept;

[[gnu::cold]] void heavy_fence() noexcept;

[[gnu::always_inline]] inline void light_fence() noexcept {
  if (__builtin_expect(membarrier_registered, 1)) {
    std::atomic_signal_fence(memory_order_seq_cst);
  } else {
    std::atomic_thread_fence(memory_order_seq_cst);
  }
}

}  // namespace gmp::detail
