// The one seam for atomics: every shared word of the runtime is an atomic<T> from here, so that a
// model checker or a counting build can stand in for the standard's type by changing this file
// alone.
#pragma once

#include <atomic>

namespace gmp::detail {

template <class T>
using atomic = std::atomic<T>;

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

// Tells the processor that this is a spin loop.
inline void cpu_pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

// A counter with one writer: a plain increment that others may read at any time.
template <class T>
inline void count(atomic<T>& counter, T by = 1) noexcept {
  counter.store(counter.load(memory_order_relaxed) + by, memory_order_relaxed);
}

// The same; who sees the new value sees what the writer did before. Pairs with acquire loads.
template <class T>
inline void count_release(atomic<T>& counter) noexcept {
  counter.store(counter.load(memory_order_relaxed) + 1, memory_order_release);
}

}  // namespace gmp::detail
