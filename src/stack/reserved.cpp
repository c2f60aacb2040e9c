// The reserved kind: every G has a range of address space, committed by page faults, guard page
// below.
//
// R1  A range is [guard | stack | closure | control block]; `top` is its end. Nothing of the
// allocator
//     lies in it while it is in use.
// R2  Ranges are carved from blocks, never unmapped, and known to the registry (guard hits, walks).
// R3  A free range has at most `kept_bytes` resident below its top: deeper ones are discarded when
// given.
#include <sys/mman.h>

#include <new>

#include "gmp/detail/sanitizers.hpp"
#include "stack/slots.hpp"
#include "stack/stack.hpp"
#include "stack/system.hpp"

#if GMPSCHED_SPLIT_STACKS
#error "this file is for builds without split stacks"
#endif

#if GMPSCHED_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace gmp::detail {
namespace {

constexpr std::size_t default_range = 256 * 1024;
constexpr std::size_t least_range = 64 * 1024;
constexpr std::size_t largest_range = 8 * 1024 * 1024;
constexpr std::size_t guard_bytes = 4 * page_bytes;
constexpr std::size_t kept_bytes = 32 * 1024;
constexpr std::size_t ranges_per_block = 64;

// One mapping of equal ranges. Made under the lock; `handed_out` only grows.
struct block {
  block* next;
  char* base;
  std::size_t stride;      // address space of one range, guard included
  std::size_t slot_bytes;  // what the caller asked for
  std::size_t handed_out;  // ranges [0, handed_out) have been given to a caller at least once
};

// A free range is linked through a word below the control block, in a page that is resident anyway;
// the control block itself must stay readable (S4).
constexpr std::size_t link_offset = control_block_bytes + 64;
struct free_range {
  free_range* next;
};

struct pool {
  std::size_t slot_bytes;
  std::size_t range_bytes;
  free_range* free;
  block* filling;
};

constexpr std::size_t pool_count = 64;
tiny_lock lock;
pool pools[pool_count];
block* blocks;  // every block, newest first; readers walk it without the lock (release/acquire)
std::size_t configured_range = default_range;

free_range* as_free(void* top) noexcept {
  return reinterpret_cast<free_range*>(static_cast<char*>(top) - link_offset);
}

std::size_t range_for(std::size_t bytes) noexcept {
  std::size_t range = configured_range > bytes ? configured_range : bytes;
  if (range < least_range) range = least_range;
  return (range + page_bytes - 1) / page_bytes * page_bytes + guard_bytes;
}

// A process uses one or two stack sizes; the table is searched linearly. Null: more than
// pool_count. Entries are only added, under the lock; to find one that exists the lock is not
// needed.
pool* pool_for(std::size_t bytes) noexcept {
  for (pool& p : pools) {
    const std::size_t slot_bytes = __atomic_load_n(&p.slot_bytes, __ATOMIC_ACQUIRE);
    if (slot_bytes == bytes) return &p;
    if (slot_bytes != 0) continue;
    p.range_bytes = range_for(bytes);
    __atomic_store_n(&p.slot_bytes, bytes, __ATOMIC_RELEASE);  // publishes range_bytes
    return &p;
  }
  return nullptr;
}

void* carve(pool& p) {
  block* b = p.filling;
  if (b == nullptr || b->handed_out == ranges_per_block) {
    void* const base = map_pages(p.range_bytes * ranges_per_block);
    if (base == nullptr) return nullptr;
    void* const room = record_room<block>();
    if (room == nullptr) {
      unmap_pages(base, p.range_bytes * ranges_per_block);
      return nullptr;
    }
    b = new (room) block{blocks, static_cast<char*>(base), p.range_bytes, p.slot_bytes, 0};
    // Pairs with the acquire loads in first_block and for_each_slot.
    __atomic_store_n(&blocks, b, __ATOMIC_RELEASE);
    p.filling = b;
  }
  char* const base = b->base + b->handed_out * p.range_bytes;
  if (!guard_pages(base, guard_bytes)) return nullptr;
  __atomic_store_n(&b->handed_out, b->handed_out + 1, __ATOMIC_RELEASE);
  return base + p.range_bytes;
}

block* first_block() noexcept { return __atomic_load_n(&blocks, __ATOMIC_ACQUIRE); }

block* block_of(const void* address) noexcept {
  const char* const a = static_cast<const char*>(address);
  for (block* b = first_block(); b != nullptr; b = b->next)
    if (a >= b->base && a < b->base + b->stride * ranges_per_block) return b;
  return nullptr;
}

// Upholds R3. One page is asked for, not the whole range: stacks are used from the top without
// holes of that size.
void trim(void* top, std::size_t range_bytes) noexcept {
  char* const deep = static_cast<char*>(top) - kept_bytes;
  char* const lowest = static_cast<char*>(top) - range_bytes + guard_bytes;
  if (deep <= lowest + page_bytes) return;
  unsigned char resident = 0;
  if (::mincore(deep - page_bytes, page_bytes, &resident) == 0 && (resident & 1) != 0)
    discard_pages(lowest, static_cast<std::size_t>(deep - lowest));
}

}  // namespace

void thread_stacks_enter(thread_stacks& self) noexcept {
  self.home_sp = nullptr;
  enter_signal_stack(self.signals);
}

void thread_stacks_leave(thread_stacks& self) noexcept { leave_signal_stack(self.signals); }

void first_segments_configure(std::size_t max_bytes) noexcept {
  tiny_guard hold(lock);
  configured_range = max_bytes < least_range     ? least_range
                     : max_bytes > largest_range ? largest_range
                                                 : max_bytes;
}

std::size_t first_segments_take(std::size_t bytes, void** out, std::size_t n) noexcept {
  tiny_guard hold(lock);
  pool* const p = pool_for(bytes);
  if (p == nullptr) return 0;
  return take_slots(
      *p, out, n, [](free_range* one) { return reinterpret_cast<char*>(one) + link_offset; },
      carve);
}

void first_segments_give(std::size_t bytes, void** tops, std::size_t n) noexcept {
  pool* const p = pool_for(bytes);
  for (std::size_t i = 0; i < n; ++i) trim(tops[i], p->range_bytes);
  tiny_guard hold(lock);
  for (std::size_t i = 0; i < n; ++i) {
    free_range* const range = as_free(tops[i]);
    range->next = p->free;
    p->free = range;
  }
}

// The canary of a range is its guard; nothing else is written, so that a new G touches one page.
void* first_segment_init(void* top, [[maybe_unused]] std::size_t bytes, std::size_t) noexcept {
#if GMPSCHED_ASAN
  // The frames of the former G may have left red zones behind: it ended by switching away.
  __asan_unpoison_memory_region(static_cast<char*>(top) - kept_bytes,
                                kept_bytes - control_block_bytes);
#endif
  static_cast<void>(top);
  return nullptr;
}

bool first_segment_canary_ok(void*, std::size_t) noexcept { return true; }

void* first_segment_base(void* top, std::size_t bytes) noexcept {
  return static_cast<char*>(top) - pool_for(bytes)->range_bytes + guard_bytes;
}

void stack_end(void*, std::size_t, void*) noexcept {}

std::size_t stack_used_bytes(void* top, std::size_t bytes) noexcept {
  return static_cast<std::size_t>(static_cast<char*>(top) -
                                  static_cast<char*>(first_segment_base(top, bytes)));
}

const char* stack_kind_name() noexcept { return "reserved"; }

void stack_for_each_piece(void* top, std::size_t bytes, void*,
                          void (*fn)(char* low, char* high, void* arg), void* arg) {
  fn(static_cast<char*>(first_segment_base(top, bytes)), static_cast<char*>(top), arg);
}

void free_pieces_for_each(const thread_stacks*, void (*)(char* low, char* high, void* arg), void*) {
}

std::size_t slabs_for_each_slot(void (*fn)(void*, std::size_t, void*), void* arg) {
  return for_each_slot(blocks, fn, arg);
}

fault_place classify_fault(void* address) noexcept {
  const block* const b = block_of(address);
  if (b == nullptr) return {};
  const std::size_t offset = static_cast<std::size_t>(static_cast<char*>(address) - b->base);
  const std::size_t index = offset / b->stride;
  if (offset % b->stride >= guard_bytes) return {};
  const std::size_t usable = b->stride - guard_bytes;
  return {fault_kind::first_guard, b->base + (index + 1) * b->stride, usable, usable};
}

extern "C" void gmpsched_call_on_home(void (*fn)(void*), void* arg) { fn(arg); }

// For gmpsched-gdb.py: the newest record, and where it keeps next, base, stride, slot_bytes and
// handed_out.
extern "C" {
__attribute__((visibility("default"))) extern const void* const gmpsched_gdb_slabs[];
const void* const gmpsched_gdb_slabs[] = {
    &blocks,
    reinterpret_cast<const void*>(offsetof(block, next)),
    reinterpret_cast<const void*>(offsetof(block, base)),
    reinterpret_cast<const void*>(offsetof(block, stride)),
    reinterpret_cast<const void*>(offsetof(block, slot_bytes)),
    reinterpret_cast<const void*>(offsetof(block, handed_out)),
};
}

}  // namespace gmp::detail
