// The process-wide supply of segments: growth classes, big segments in arenas, huge ones.
//
// P1  A pooled segment is known by its address alone, kept in an array per class: its memory may be
//     discarded while it waits.
// P2  Segments are never unmapped, huge ones excepted (huge_unmap is never called while unwinding).
// P3  Big segments in the pool have nothing resident; other classes at most resident_most bytes a
// class. P4  Nothing here calls libc or touches vector registers: see system.hpp.
#include "stack/segment.hpp"
#include "stack/system.hpp"

namespace gmp::detail {
namespace {

constexpr std::size_t class_count = SEG_CLASS_BIG + 1;
constexpr std::size_t entries_most = std::size_t{1} << 24;    // per class; 128 MiB of address space
constexpr std::size_t resident_most = std::size_t{32} << 20;  // see P3
constexpr std::size_t carve_bytes = std::size_t{1} << 20;  // growth classes are carved from these

struct class_pool {
  tiny_lock lock;
  void** entries;  // free ones: [0, resident) keep their memory, [resident, count) have none
  std::size_t count;
  std::size_t resident;
  char* carve_next;  // the rest of the mapping being carved
  char* carve_end;
};
class_pool pools[class_count];

std::size_t space_of(unsigned size_class) noexcept {
  if (size_class == SEG_CLASS_BIG) return big_bytes;
  const std::size_t bytes = class_bytes(size_class);
  return guarded(bytes) ? bytes + guard_bytes : bytes;
}

// A fresh arena for big segments: 64 MiB aligned to its size, so that limit -> header is
// arithmetic.
bool carve_arena(class_pool& pool) noexcept {
  char* const base = static_cast<char*>(map_pages(2 * std::size_t{SEG_ARENA_BYTES}));
  if (base == nullptr) return false;
  const auto at = reinterpret_cast<std::uintptr_t>(base);
  const std::size_t before = (SEG_ARENA_BYTES - at % SEG_ARENA_BYTES) % SEG_ARENA_BYTES;
  char* const arena = base + before;
  if (before != 0) unmap_pages(base, before);
  if (before != SEG_ARENA_BYTES) unmap_pages(arena + SEG_ARENA_BYTES, SEG_ARENA_BYTES - before);
  pool.carve_next = arena + big_bytes;  // slot 0 holds the table of headers
  pool.carve_end = arena + SEG_ARENA_BYTES;
  return true;
}

// Returns the lowest address of fresh space for one segment; its guard is armed.
char* carve(class_pool& pool, unsigned size_class) noexcept {
  const std::size_t space = space_of(size_class);
  if (pool.carve_next == nullptr || pool.carve_next + space > pool.carve_end) {
    if (size_class == SEG_CLASS_BIG) {
      if (!carve_arena(pool)) return nullptr;
    } else {
      const std::size_t bytes = space > carve_bytes ? space : carve_bytes;
      char* const base = static_cast<char*>(map_pages(bytes));
      if (base == nullptr) return nullptr;
      pool.carve_next = base;
      pool.carve_end = base + bytes;
    }
  }
  char* const space_base = pool.carve_next;
  if (guarded(space) && !guard_pages(space_base, guard_bytes)) return nullptr;
  pool.carve_next += space;
  return space_base;
}

// The header of the segment in the space at `base`, filled in.
segment* arm(char* base, unsigned size_class) noexcept {
  segment* header;
  char* limit;
  const std::size_t space = space_of(size_class);
  char* const low = guarded(space) ? base + guard_bytes : base;
  if (size_class == SEG_CLASS_BIG) {
    limit = low + SEG_RESERVE / 16 * 16 + 16 + SEG_BIG_BIT;
    header = segment_of(limit);
  } else {
    limit = low + SEG_LIMIT_OFFSET;
    header = reinterpret_cast<segment*>(low);
    header->low = low;
    canary_of(header) = segment_canary;
  }
  header->low = low;
  header->span = static_cast<std::size_t>(base + space - low);
  header->limit = limit;
  header->next = nullptr;
  header->first = nullptr;
  header->cost = static_cast<std::ptrdiff_t>(header->span);
  header->blocks = nullptr;
  header->size_class = static_cast<std::uint8_t>(size_class);
  header->next_class = static_cast<std::uint8_t>(
      size_class < SEG_CLASS_LARGEST ? size_class + 1 : SEG_CLASS_LARGEST);
  header->lowered = 0;
  header->unused = 0;
  header->mark = segment_mark;
  return header;
}

char* space_of_segment(const segment* one, unsigned size_class) noexcept {
  return one->low - (guarded(space_of(size_class)) ? guard_bytes : 0);
}

}  // namespace

void pool_for_each_free(void (*fn)(char* low, char* high, void* arg), void* arg) {
  for (unsigned c = 0; c < class_count; ++c) {
    class_pool& pool = pools[c];
    tiny_guard hold(pool.lock);
    for (std::size_t i = 0; i < pool.resident; ++i) {
      char* const base = static_cast<char*>(pool.entries[i]);
      fn(base, base + space_of(c), arg);
    }
  }
}

std::size_t pool_take(unsigned size_class, segment** out, std::size_t n) noexcept {
  class_pool& pool = pools[size_class];
  tiny_guard hold(pool.lock);
  std::size_t taken = 0;
  while (taken < n) {
    char* base;
    if (pool.count != 0) {
      base = static_cast<char*>(pool.entries[--pool.count]);
      if (pool.resident > pool.count) pool.resident = pool.count;
    } else if (taken != 0 || (base = carve(pool, size_class)) == nullptr) {
      break;  // fresh ones are made one at a time
    }
    out[taken++] = arm(base, size_class);
  }
  return taken;
}

void pool_give(unsigned size_class, segment** segments, std::size_t n) noexcept {
  class_pool& pool = pools[size_class];
  tiny_guard hold(pool.lock);
  if (pool.entries == nullptr) {
    pool.entries = static_cast<void**>(map_pages(entries_most * sizeof(void*)));
    if (pool.entries == nullptr) die("out of memory for the pool of stack segments");
  }
  const std::size_t bytes = space_of(size_class);
  for (std::size_t i = 0; i < n; ++i) {
    if (pool.count == entries_most) die("more than 16,777,216 free stack segments");
    char* const base = space_of_segment(segments[i], size_class);
    const bool keep = size_class != SEG_CLASS_BIG && pool.resident == pool.count &&
                      pool.resident * bytes < resident_most;
    if (keep)
      ++pool.resident;
    else
      discard_pages(segments[i]->low, segments[i]->span);
    pool.entries[pool.count++] = base;
  }
}

segment* huge_make(std::size_t need) noexcept {
  if (need > std::size_t{1} << 46) return nullptr;
  const std::size_t bytes = (need + page_bytes - 1) / page_bytes * page_bytes;
  char* const base = static_cast<char*>(map_pages(bytes + guard_bytes));
  if (base == nullptr) return nullptr;
  guard_pages(base, guard_bytes);
  segment* const one = reinterpret_cast<segment*>(base + guard_bytes);
  *one = segment{};
  one->low = base + guard_bytes;
  one->span = bytes;
  one->limit = one->low + SEG_LIMIT_OFFSET;
  one->cost = static_cast<std::ptrdiff_t>(bytes);
  one->size_class = SEG_CLASS_HUGE;
  one->next_class = SEG_CLASS_LARGEST;
  one->mark = segment_mark;
  canary_of(one) = segment_canary;
  return one;
}

void huge_unmap(segment* one) noexcept {
  unmap_pages(one->low - guard_bytes, one->span + guard_bytes);
}

}  // namespace gmp::detail
