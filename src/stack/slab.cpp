// First segments, carved from slabs: process-global, locked, taken and given in batches.
//
// B1  A slab is nothing but slots: what is known about it is kept elsewhere, so a slot of 2,048
// bytes costs
//     2,048 bytes. Slabs are never unmapped (S2).
// B2  A free slot is linked through its header, the control block stays as it was (S4).
// B3  Slots large enough to run non-split code without a big segment have a guard below.
// B4  A process with many slots gets them from huge pages: one page fault instead of 512, and one
//     entry of the TLB. A small one does not, so that it stays small.
#include <new>

#include "stack/segment.hpp"
#include "stack/slots.hpp"
#include "stack/stack.hpp"
#include "stack/system.hpp"

namespace gmp::detail {
namespace {

constexpr std::size_t slab_bytes = std::size_t{4} << 20;
constexpr std::size_t populate_step = std::size_t{64} << 10;  // made resident together
constexpr std::size_t small_slabs = 8;                        // of a pool, before huge pages [B4]
constexpr std::size_t pool_count = 64;

// One mapping of equal slots. Made under the lock; `handed_out` only grows.
struct slab {
  slab* next;
  char* base;
  std::size_t stride;  // address space of a slot, its guard included
  std::size_t slot_bytes;
  std::size_t slots;
  std::size_t handed_out;  // slots [0, handed_out) have been given to a caller at least once
};

// All slots of one size.
struct slot_pool {
  std::size_t slot_bytes;
  segment* free;
  slab* filling;
  std::size_t slabs_made;
};

tiny_lock lock;
slot_pool pools[pool_count];
slab* slabs;  // newest first; walked without the lock

segment* header_of(void* top, std::size_t bytes) noexcept {
  return reinterpret_cast<segment*>(static_cast<char*>(top) - bytes);
}

// A process uses one or two stack sizes; a linear search finds them. Null: more than pool_count.
slot_pool* pool_for(std::size_t bytes) noexcept {
  for (slot_pool& p : pools) {
    if (p.slot_bytes == bytes) return &p;
    if (p.slot_bytes != 0) continue;
    p.slot_bytes = bytes;
    return &p;
  }
  return nullptr;
}

slab* new_slab(std::size_t bytes, bool huge) noexcept {
  const std::size_t stride =
      guarded(bytes) ? (bytes + page_bytes - 1) / page_bytes * page_bytes + guard_bytes : bytes;
  const std::size_t slots = slab_bytes / stride > 0 ? slab_bytes / stride : 1;
  const std::size_t mapping = (slots * stride + populate_step - 1) / populate_step * populate_step;
  char* base = huge ? static_cast<char*>(map_huge_pages(mapping)) : nullptr;
  if (base == nullptr) base = static_cast<char*>(map_pages(mapping));
  if (base == nullptr) return nullptr;
  void* const room = record_room<slab>();
  if (room == nullptr) {
    unmap_pages(base, mapping);
    return nullptr;
  }
  slab* const s = new (room) slab{slabs, base, stride, bytes, slots, 0};
  __atomic_store_n(&slabs, s, __ATOMIC_RELEASE);  // pairs with the acquire in for_each_slot
  return s;
}

void* carve(slot_pool& p) {
  if (p.filling == nullptr || p.filling->handed_out == p.filling->slots) {
    const bool huge = p.slabs_made >= small_slabs && !guarded(p.slot_bytes);
    slab* const fresh = new_slab(p.slot_bytes, huge);
    if (fresh == nullptr) return nullptr;
    p.filling = fresh;
    ++p.slabs_made;
  }
  slab& s = *p.filling;
  char* const space = s.base + s.handed_out * s.stride;
  if (guarded(p.slot_bytes)) {
    if (!guard_pages(space, guard_bytes)) return nullptr;
  } else {
    // The first slot that reaches into a step brings all of the step in.
    const std::size_t end = s.handed_out * s.stride + s.stride;
    const std::size_t step = (end - 1) / populate_step * populate_step;
    if (end - step <= s.stride) populate_pages(s.base + step, populate_step);
  }
  __atomic_store_n(&s.handed_out, s.handed_out + 1, __ATOMIC_RELEASE);
  return space + s.stride;
}

}  // namespace

void first_segments_configure(std::size_t) noexcept {}

std::size_t first_segments_take(std::size_t bytes, void** out, std::size_t n) noexcept {
  tiny_guard hold(lock);
  slot_pool* const p = pool_for(bytes);
  if (p == nullptr) return 0;
  return take_slots(
      *p, out, n, [bytes](segment* one) { return reinterpret_cast<char*>(one) + bytes; }, carve);
}

void first_segments_give(std::size_t bytes, void** tops, std::size_t n) noexcept {
  tiny_guard hold(lock);
  slot_pool* const p = pool_for(bytes);
  for (std::size_t i = 0; i < n; ++i) {
    segment* const header = header_of(tops[i], bytes);
    header->next = p->free;
    p->free = header;
  }
}

void* first_segment_init(void* top, std::size_t bytes, std::size_t max_bytes) noexcept {
  segment* const header = header_of(top, bytes);
  header->low = reinterpret_cast<char*>(header);
  header->span = bytes;
  header->limit = header->low + SEG_LIMIT_OFFSET;
  header->max = max_bytes;
  header->first = header;
  header->cost = static_cast<std::ptrdiff_t>(max_bytes) - static_cast<std::ptrdiff_t>(bytes);
  header->blocks = nullptr;
  header->size_class = SEG_CLASS_FIRST;
  unsigned next = 0;
  while (next < SEG_CLASS_LARGEST && class_bytes(next) < 2 * bytes) ++next;
  header->next_class = static_cast<std::uint8_t>(next);
  header->mark = segment_mark;
  canary_of(header) = segment_canary;
  return header->limit;
}

bool first_segment_canary_ok(void* top, std::size_t bytes) noexcept {
  segment* const header = header_of(top, bytes);
  return header->mark == segment_mark && header->low == reinterpret_cast<char*>(header) &&
         canary_of(header) == segment_canary;
}

void* first_segment_base(void* top, std::size_t bytes) noexcept {
  return static_cast<char*>(top) - bytes + SEG_HEADER_BYTES + sizeof(segment_canary);
}

std::size_t stack_used_bytes(void* top, std::size_t bytes) noexcept {
  const segment* const header = header_of(top, bytes);
  return header->max - static_cast<std::size_t>(header->cost);
}

void stack_for_each_piece(void* top, std::size_t bytes, void* limit,
                          void (*fn)(char* low, char* high, void* arg), void* arg) {
  segment* const first = header_of(top, bytes);
  for (segment* s = segment_of(limit);; s = segment_of(s->former_limit)) {
    fn(s->low, s->low + s->span, arg);
    for (segment* block = s->blocks; block != nullptr; block = block->next_block)
      fn(block->low, block->low + block->span, arg);
    if (s == first) return;
  }
}

void free_pieces_for_each(const thread_stacks* kept, void (*fn)(char* low, char* high, void* arg),
                          void* arg) {
  if (kept == nullptr) {
    pool_for_each_free(fn, arg);
    return;
  }
  for (const segment* newest : kept->cached)
    for (const segment* s = newest; s != nullptr; s = s->next) fn(s->low, s->low + s->span, arg);
}

std::size_t slabs_for_each_slot(void (*fn)(void*, std::size_t, void*), void* arg) {
  return for_each_slot(slabs, fn, arg);
}

// For gmpsched-gdb.py: the newest record, and where it keeps next, base, stride, slot_bytes and
// handed_out.
extern "C" {
__attribute__((visibility("default"))) extern const void* const gmpsched_gdb_slabs[];
const void* const gmpsched_gdb_slabs[] = {
    &slabs,
    reinterpret_cast<const void*>(offsetof(slab, next)),
    reinterpret_cast<const void*>(offsetof(slab, base)),
    reinterpret_cast<const void*>(offsetof(slab, stride)),
    reinterpret_cast<const void*>(offsetof(slab, slot_bytes)),
    reinterpret_cast<const void*>(offsetof(slab, handed_out)),
};
}

}  // namespace gmp::detail
