// The M: an OS thread that runs Gs, and its g0: the thread's own stack, on which the scheduler loop
// runs.
#pragma once

#include <cstdint>
#include <thread>

#include "base/atomic.hpp"
#include "base/attributes.hpp"
#include "context/fiber.hpp"
#include "g/g.hpp"
#include "gmp/detail/spin_lock.hpp"
#include "sched/p.hpp"
#include "stack/stack.hpp"

namespace gmp::detail {

// The two words behind __cxa_get_globals(): which exceptions are caught and how many are in flight
// on this stack.
struct exception_globals {
  void* caught;
  unsigned uncaught;
};

// What is to be done for the stack that was just left, by whoever arrives on the next one. [G2]
using commit_function = void (*)(m* self, void* arg);

struct bias_seat;  // sched/biased_lock.hpp

struct alignas(64) m {
  // --- hot: the running G and the P
  g* current = nullptr;          // null: g0 runs
  p* pp = nullptr;               // the P held; others take it away only as sched/pin.hpp says
  atomic<std::uint32_t> pin{1};  // 1: the runtime is using pp, or g0 runs
  atomic<std::uint32_t> revoke{0};
  // --- the switch under way: set before the jump, consumed on arrival
  void** left_ctx = nullptr;
  g* aside = nullptr;  // yielded: goes behind the others of this P
  spin_lock* commit_lock = nullptr;
  commit_function commit = nullptr;
  void* commit_arg = nullptr;
  // --- the thread
  bias_seat* seat = nullptr;
  void* g0_ctx = nullptr;
  exception_globals* exceptions = nullptr;
  int* error_number = nullptr;
  scheduler* sched = nullptr;
  sanitizer_stack g0_stack;
  // What of the thread's stack is the runtime's alone; null: no thread. Under the scheduler's lock.
  void* g0_low = nullptr;
  void* g0_high = nullptr;
  thread_stacks stacks;
  // --- idle protocol, under the scheduler's lock unless said otherwise
  bool spinning = false;   // this M's own
  bool idle = false;       // stands in the list of idle Ms
  bool leaving = false;    // its thread ends (threads_g0.cpp)
  nanos leave_at = never;  // idle and one too many: how long it waits for work
  m* idle_next = nullptr;
  m* idle_prev = nullptr;
  m* spare_next = nullptr;        // without a thread, to be used again
  atomic<std::uint32_t> note{0};  // futex: 1 = look again
  spin_lock revoke_lock;          // serialises those who freeze or retake
  m* all_next = nullptr;
  const g* outside = nullptr;  // stop()'s: what it ran without a P when the world was stopped [W3]
  std::uint32_t id = 0;
  cheap_random random;  // for the G that runs here
  std::thread thread;
  atomic<bool> started{false};  // thread is set, or there will be none
  // For the monitor: whose processor time to ask for. 0: the thread has not come up yet.
  atomic<std::int32_t> cpu_clock{0};
  atomic<std::int32_t> tid{0};
};

// stop() asks from another thread which Gs are on an M; a plain store and load otherwise.
[[gnu::always_inline]] inline void set_current(m& self, g* one) noexcept {
  std::atomic_ref<g*>(self.current).store(one, memory_order_relaxed);
}
inline g* current_of(const m& self) noexcept {
  return std::atomic_ref<g*>(const_cast<g*&>(self.current)).load(memory_order_relaxed);
}

}  // namespace gmp::detail

// The M of the calling thread; null on a plain thread.
extern "C" {
extern thread_local constinit gmp::detail::m* gmpsched_tls_m;
}

namespace gmp::detail {

// Always reads the thread register: a G may have moved to another M since the last call, so no
// address of a thread-local variable may be kept across a switch, not even by the compiler.
[[gnu::always_inline]] inline m* this_m() noexcept {
#if defined(__x86_64__) && !GMPSCHED_TSAN
  m* self;
  asm volatile(
      "movq gmpsched_tls_m@gottpoff(%%rip), %0\n\t"
      "movq %%fs:(%0), %0"
      : "=r"(self)::"memory");
  return self;
#else
  m* this_m_slow() noexcept;
  return this_m_slow();
#endif
}

}  // namespace gmp::detail
