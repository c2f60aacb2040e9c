// Walking stacks with the unwinder that exceptions use: it knows the ways between segments.
//
// BT1  The unwinder can only begin at its caller. For a parked G that caller is a small function
//      whose unwind information says that its caller's registers lie in the saved context: so the
//      walk goes on in the G.
#include "sched/backtrace.hpp"

#include <unwind.h>

#if defined(__x86_64__)
// gmpsched_walk_from(ctx, fn, arg) calls fn(arg). The saved context, as Boost.Context lays it out:
// control words, r12, r13, r14, r15, rbx, rbp, rip; the stack pointer is what follows.
asm(R"(
        .pushsection .text
        .type   gmpsched_walk_from, @function
gmpsched_walk_from:
        .cfi_startproc
        push    %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_offset %rbx, -16
        mov     %rdi, %rbx
        mov     %rdx, %rdi
        .cfi_remember_state
        .cfi_def_cfa %rbx, 0x40
        .cfi_offset %rip, -0x08
        .cfi_offset %rbp, -0x10
        .cfi_offset %rbx, -0x18
        .cfi_offset %r15, -0x20
        .cfi_offset %r14, -0x28
        .cfi_offset %r13, -0x30
        .cfi_offset %r12, -0x38
        call    *%rsi
gmpsched_walk_from_here:
        nop
        .cfi_restore_state
        pop     %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        ret
        .cfi_endproc
        .size   gmpsched_walk_from, .-gmpsched_walk_from
        .popsection
)");

extern "C" {
__attribute__((visibility("hidden"))) void gmpsched_walk_from(const void* ctx, void (*fn)(void*),
                                                              void* arg);
__attribute__((visibility("hidden"))) extern const char gmpsched_walk_from_here[];
}
#endif

namespace gmp::detail {
namespace {

struct walk {
  raw_stack* found;
  const void* begin_behind;  // null: at once
};

_Unwind_Reason_Code note_frame(_Unwind_Context* context, void* arg) {
  walk& w = *static_cast<walk*>(arg);
  void* ip = reinterpret_cast<void*>(_Unwind_GetIP(context));
  if (w.begin_behind != nullptr) {
    if (ip == w.begin_behind) w.begin_behind = nullptr;
    return _URC_NO_REASON;
  }
  if (ip == nullptr || w.found->n == sizeof w.found->at / sizeof w.found->at[0])
    return _URC_END_OF_STACK;
  w.found->at[w.found->n++] = ip;
  return _URC_NO_REASON;
}

__attribute__((noinline)) void walk_on(void* arg) { _Unwind_Backtrace(&note_frame, arg); }

}  // namespace

void backtrace_parked([[maybe_unused]] const void* ctx, raw_stack& found) noexcept {
  found.n = 0;
#if defined(__x86_64__)
  walk w{&found, gmpsched_walk_from_here};
  gmpsched_walk_from(ctx, &walk_on, &w);
#endif
}

void backtrace_here(raw_stack& found) noexcept {
  found.n = 0;
  walk w{&found, nullptr};
  walk_on(&w);
}

}  // namespace gmp::detail
