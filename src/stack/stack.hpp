// The stacks of Gs: where their memory comes from, how they grow, how they are given back.
//
// Two kinds implement this interface, chosen at compile time by GMPSCHED_SPLIT_STACKS (0 or 1,
// defined by the build for every file of the library):
//   segmented (1)  a G starts on a slot of 2,048 bytes; the compiler's split-stack prologues call
//                  __morestack (morestack.S), which lends further segments. See docs in
//                  segment.hpp.
//   reserved (0)   a G has a large range of address space that page faults commit; a guard page
//   below.
//
// S1  A slot is [header | canary | reserve | ... stack ... | closure | control block]; `top` is one
// past
//     its highest byte and 64-byte aligned. Layer g owns everything above the initial stack
//     pointer.
// S2  Slot memory is type-stable: it is never unmapped, so a stale `top` may always be read.
// S3  What first_segments_take hands out has been in nobody else's hands since it was given back.
// S4  The control block (the highest control_block_bytes of a slot) is never written here: zero
// when the
//     slot is fresh, afterwards as its last owner left it, also while the slot is free.
#pragma once

#include <cstddef>
#include <cstdint>

#ifndef GMPSCHED_SPLIT_STACKS
#error "the build must define GMPSCHED_SPLIT_STACKS to 0 or 1"
#endif

namespace gmp::detail {

inline constexpr std::size_t min_stack_size = 2048;
inline constexpr std::size_t control_block_bytes = 320;  // at most

// The signal stack of one M. Owned by thread_stacks_enter/leave; `old_*` is what the thread had
// before.
struct signal_stack {
  void* base = nullptr;
  std::size_t bytes = 0;
  void* old_base = nullptr;
  std::size_t old_bytes = 0;
  int old_flags = 0;
  bool installed = false;
};

struct segment;
inline constexpr std::size_t segment_class_count = 12;

// One per M. Only the owning thread touches it. Offsets are known to morestack.S (asserted in
// segment.cpp).
struct thread_stacks {
  void* home_sp = nullptr;  // highest usable address of the M's own stack while a G runs, else
                            // null; written by the context layer just before it jumps to a G
  segment* cached[segment_class_count] = {};  // free segments by class, newest first
  std::uint16_t vacancies[segment_class_count] =
      {};  // how many more each list takes before it spills
  signal_stack signals;
};

// Makes `self` the calling thread's. Gives the thread a signal stack if it has none (big enough),
// and, once per process, installs the SIGSEGV/SIGBUS handler that turns a guard-page hit into a
// report.
void thread_stacks_enter(thread_stacks& self) noexcept;
// Undoes the former: returns cached segments, restores the former signal stack.
void thread_stacks_leave(thread_stacks& self) noexcept;

// Rounds a user's stack size to what the slot functions take: a multiple of 64, at least 2,048.
constexpr std::size_t round_stack_size(std::size_t bytes) noexcept {
  return bytes < min_stack_size ? min_stack_size : (bytes + 63) / 64 * 64;
}

// Tells the reserved kind how large a stack may become (options.max_stack): ranges made from now on
// have min(max_bytes, 8 MiB) of address space. Without a call they have 256 KiB. Segmented: no
// effect.
void first_segments_configure(std::size_t max_bytes) noexcept;

// Takes up to n slots of `bytes` each (`bytes` as from round_stack_size); tops in out[]. Returns
// how many; 0 means out of memory. Any thread.
std::size_t first_segments_take(std::size_t bytes, void** out, std::size_t n) noexcept;
void first_segments_give(std::size_t bytes, void** tops, std::size_t n) noexcept;

// (Re)arms the header and the canary of a slot; returns the G's initial stack limit, which is what
// set_stack_limit must get before the G runs (null when reserved). For every new G, unless the
// slot's last one had the same `max_bytes` and left its stack clean (first_segment_is_clean).
void* first_segment_init(void* top, std::size_t bytes, std::size_t max_bytes) noexcept;
bool first_segment_canary_ok(void* top, std::size_t bytes) noexcept;
// The lowest address the first stack may use: the size for make_fcontext is sp - this.
void* first_segment_base(void* top, std::size_t bytes) noexcept;
// The G has ended and will not run again: frees alloca blocks and any segment above the first.
// `limit` is the stack limit the G had when it was switched away from for the last time; null: it
// ended on its first segment. To be called on an M (thread_stacks entered), not on the G.
void stack_end(void* top, std::size_t bytes, void* limit = nullptr) noexcept;
// Bytes of stack memory the G holds now (segments, alloca blocks), the first included.
std::size_t stack_used_bytes(void* top, std::size_t bytes) noexcept;

// %fs:0x70, which the split prologues compare with. Volatile: a G may change threads at a switch.
// Always inlined: as functions of their own (-O0) they could be split, and would then read or write
// the limit of the segment that they themselves were lent.
[[gnu::always_inline]] inline void* stack_limit() noexcept {
#if GMPSCHED_SPLIT_STACKS
  void* limit;
  __asm__ volatile("movq %%fs:0x70, %0" : "=r"(limit));
  return limit;
#else
  return nullptr;
#endif
}
[[gnu::always_inline]] inline void set_stack_limit([[maybe_unused]] void* limit) noexcept {
#if GMPSCHED_SPLIT_STACKS
  __asm__ volatile("movq %0, %%fs:0x70" : : "r"(limit) : "memory");
#endif
}

// From a G: runs fn on the M's own stack (g0) with limit 0 meanwhile; on a plain thread or on g0: a
// direct call. Costs no big segment; exceptions may pass through. fn must not switch Gs.
extern "C" void gmpsched_call_on_home(void (*fn)(void*), void* arg);
inline void call_on_home(void (*fn)(void*), void* arg) { gmpsched_call_on_home(fn, arg); }

// A G has used up its max_bytes. Called on the home or the signal stack; must not return.
// `first_top` names the G (its control block lies below it). Default: a message and abort.
extern void (*stack_overflow_hook)(void* first_top, std::size_t used, std::size_t max) noexcept;

// Calls fn for every piece of memory that the stack of a G consists of which was left with `limit`:
// segments and alloca blocks, newest first, headers included. The G must not run meanwhile.
void stack_for_each_piece(void* top, std::size_t bytes, void* limit,
                          void (*fn)(char* low, char* high, void* arg), void* arg);
// The same for the free segments that an M keeps, whose thread is at rest or the caller; and for
// those that nobody keeps (null). fn may allocate, but must not call this.
void free_pieces_for_each(const thread_stacks* kept, void (*fn)(char* low, char* high, void* arg),
                          void* arg);

const char* stack_kind_name() noexcept;  // "segmented" / "reserved"

// Calls fn for every slot ever handed out, in use or free; returns how many. The caller sees to it
// that what fn reads is stable (S2 makes the memory itself always readable).
std::size_t slabs_for_each_slot(void (*fn)(void* top, std::size_t bytes, void* arg), void* arg);

}  // namespace gmp::detail
