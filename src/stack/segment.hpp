// Segments: the pieces a split stack is made of.
//
// A segment's header is found from its limit (segment_of), so %fs:0x70 alone names the segment in
// use, the chain below it, and the G's first segment. Ownership: see M1 in morestack.S.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/layout.h"
#include "stack/stack.hpp"

namespace gmp::detail {

struct segment {
  char* low;         // lowest address that belongs to it (header, canary and reserve included)
  std::size_t span;  // low + span is its top
  char* limit;       // %fs:0x70 while it is in use
  union {
    segment* next;        // free: the next one in the cache
    char* former_limit;   // in use: limit of the segment before it in the chain
    std::size_t max;      // in a first segment: the G's max_bytes
    segment* next_block;  // lent as an alloca block
  };
  union {
    segment* first;  // the G's first segment, in every segment of the chain (in the first: itself)
    char* owner_sp;  // lent as an alloca block: the caller's rsp at the allocation
  };
  std::ptrdiff_t
      cost;  // bytes charged to the G while it has it; in a first segment: what it may still take
  segment* blocks;  // alloca memory of frames on this segment, newest (lowest owner_sp) first
  std::uint8_t size_class;
  std::uint8_t next_class;
  std::uint8_t lowered;  // of a block: the caller's rsp was lowered (see free_dead_blocks)
  std::uint8_t unused;
  std::uint32_t mark;  // segment_mark: tells a header from anything else
};

inline constexpr std::uint32_t segment_mark = 0x5e6d31a7;
inline constexpr std::uint64_t segment_canary = 0x7ac3c0de5eed9b2f;
inline constexpr std::size_t guard_bytes =
    16384;  // below every segment that may run non-split code
inline constexpr std::size_t big_bytes = std::size_t{1}
                                         << SEG_BIG_SHIFT;  // address space of a big one

constexpr std::size_t class_bytes(unsigned size_class) noexcept {
  return std::size_t{4096} << size_class;
}
// Whether non-split code may find SEG_ENOUGH bytes of room in a segment of that size, and run
// there.
constexpr bool guarded(std::size_t bytes) noexcept {
  return bytes >= SEG_ENOUGH + SEG_LIMIT_OFFSET;
}

inline segment* segment_of(const void* limit) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(limit);
  if ((at & SEG_BIG_BIT) == 0) return reinterpret_cast<segment*>(at - SEG_LIMIT_OFFSET);
  return reinterpret_cast<segment*>((at & ~std::uintptr_t{SEG_ARENA_BYTES - 1}) +
                                    ((at >> 12) & SEG_ARENA_TABLE_MASK));
}

// True if a G that was left with `limit` has neither a segment above its first nor alloca blocks:
// stack_end() has nothing to do.
inline bool first_segment_is_clean(void* top, std::size_t bytes, const void* limit) noexcept {
  const auto* first = reinterpret_cast<const segment*>(static_cast<char*>(top) - bytes);
  return limit == first->limit && first->blocks == nullptr;
}

inline std::uint64_t& canary_of(segment* ordinary) noexcept {
  return *reinterpret_cast<std::uint64_t*>(ordinary->low + SEG_HEADER_BYTES);
}

// segment_pool.cpp: what is in no M's cache. Usable where libc is not. Fill low, span, limit, cost
// and the classes; null: out of memory.
std::size_t pool_take(unsigned size_class, segment** out, std::size_t n) noexcept;
void pool_give(unsigned size_class, segment** segments, std::size_t n) noexcept;
// Calls fn for the memory of every free one that is not empty; it must not come back here.
void pool_for_each_free(void (*fn)(char* low, char* high, void* arg), void* arg);
segment* huge_make(std::size_t need) noexcept;
void huge_unmap(segment* one) noexcept;

}  // namespace gmp::detail
