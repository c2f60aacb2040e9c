// The switch between stacks: Boost.Context's assembly, and what the sanitizers want to be told
// about it. The only file that names Boost.Context.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>

#include "base/attributes.hpp"
#include "gmp/detail/sanitizers.hpp"

#if GMPSCHED_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if GMPSCHED_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace gmp::detail {

using boost_transfer = boost::context::detail::transfer_t;
using context_entry = void (*)(boost_transfer);

// A context that will call `entry` on the stack whose highest usable address is `high`.
[[gnu::always_inline]] inline void* context_make(void* high, std::size_t size,
                                                 context_entry entry) {
  return boost::context::detail::make_fcontext(high, size, entry);
}

// Saves the caller's registers on its stack and continues at `to`. Returns, when somebody jumps
// back, the context that was left for it. The caller must save `stack_limit`, exception state and
// errno itself (sched/switch.hpp).
[[gnu::always_inline]] inline void* context_jump(void* to) {
#if defined(__x86_64__)
  // Entered by a jump, with the return address pushed by hand: jump_fcontext leaves by a jump too,
  // so a call here would put the processor's stack of return addresses one off, and every return of
  // the G that continues would be mispredicted. It pushes, so the files that include this are
  // compiled with -mno-red-zone.
  void* from;
  void* data = nullptr;
  asm volatile(
      "leaq 1f(%%rip), %%rcx\n\t"
      "pushq %%rcx\n\t"
      "jmp jump_fcontext@PLT\n"
      "1:"
      : "=a"(from), "+D"(to), "+S"(data)
      :
      : "rcx", "rdx", "r8", "r9", "r10", "r11", "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3",
        "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
        "xmm15"
#if defined(__AVX512F__)
        ,
        "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5",
        "k6", "k7"
#endif
  );
  return from;
#else
  return boost::context::detail::jump_fcontext(to, nullptr).fctx;
#endif
}

// What a sanitizer knows of one stack.
struct sanitizer_stack {
  void* fiber = nullptr;  // TSan's fiber, or ASan's fake stack while not running
  const void* low = nullptr;
  std::size_t size = 0;
};

// Before a jump from `from` (null: `from` ends and never comes back) to `to`.
[[gnu::always_inline]] inline void sanitizer_leave([[maybe_unused]] sanitizer_stack* from,
                                                   [[maybe_unused]] const sanitizer_stack& to) {
#if GMPSCHED_ASAN
  __sanitizer_start_switch_fiber(from != nullptr ? &from->fiber : nullptr, to.low, to.size);
#endif
#if GMPSCHED_TSAN
  __tsan_switch_to_fiber(to.fiber, 0);  // what the M did before happened before: Gs share its P
#endif
}

// After a jump, on the stack `me`. Gives the bounds of the stack that was left to `left`, when
// asked.
[[gnu::always_inline]] inline void sanitizer_arrive([[maybe_unused]] sanitizer_stack& me,
                                                    [[maybe_unused]] sanitizer_stack* left) {
#if GMPSCHED_ASAN
  const void* low = nullptr;
  std::size_t size = 0;
  __sanitizer_finish_switch_fiber(me.fiber, &low, &size);
  if (left != nullptr) {
    left->low = low;
    left->size = size;
  }
#endif
}

inline void sanitizer_create([[maybe_unused]] sanitizer_stack& stack) {
#if GMPSCHED_TSAN
  stack.fiber = __tsan_create_fiber(0);
#endif
}

// The stack's bounds, and that nothing of it is poisoned any more: it is about to be used anew.
inline void sanitizer_describe([[maybe_unused]] sanitizer_stack& stack,
                               [[maybe_unused]] const void* low,
                               [[maybe_unused]] const void* high) {
#if GMPSCHED_ASAN
  stack.fiber = nullptr;
  stack.low = low;
  stack.size =
      static_cast<std::size_t>(static_cast<const char*>(high) - static_cast<const char*>(low));
  __asan_unpoison_memory_region(low, stack.size);
#endif
}

inline void sanitizer_destroy([[maybe_unused]] sanitizer_stack& stack) {
#if GMPSCHED_TSAN
  if (stack.fiber != nullptr) __tsan_destroy_fiber(stack.fiber);
#endif
#if GMPSCHED_TSAN || GMPSCHED_ASAN
  stack.fiber = nullptr;
#endif
}

// The sanitizer's view of the running thread's own stack.
inline void sanitizer_current([[maybe_unused]] sanitizer_stack& stack) {
#if GMPSCHED_TSAN
  stack.fiber = __tsan_get_current_fiber();
#endif
}

}  // namespace gmp::detail
