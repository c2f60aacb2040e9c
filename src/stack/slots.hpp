// What the two kinds of first segments have in common: equal slots carved from mappings that are
// never unmapped. Both describe a mapping by a record with next, base, stride, slot_bytes and
// handed_out.
#pragma once

#include <cstddef>

#include "stack/system.hpp"

namespace gmp::detail {

// Room for one record of a mapping, never given back; null: out of memory. Under the caller's lock.
template <class Record>
void* record_room() noexcept {
  constexpr std::size_t bytes = std::size_t{64} << 10;
  static char* room;
  static std::size_t left;
  if (left < sizeof(Record)) {
    room = static_cast<char*>(map_pages(bytes));
    if (room == nullptr) {
      left = 0;
      return nullptr;
    }
    left = bytes;
  }
  void* const record = room;
  room += sizeof(Record);
  left -= sizeof(Record);
  return record;
}

// Up to `n` tops of slots: free ones of the pool first, then what `carve` makes (null: no memory).
// Under the caller's lock. Returns how many there are.
template <class Pool, class TopOf>
std::size_t take_slots(Pool& pool, void** out, std::size_t n, TopOf top_of_free,
                       void* (*carve)(Pool&)) noexcept {
  std::size_t taken = 0;
  while (taken < n) {
    void* top;
    if (auto* const one = pool.free) {
      pool.free = one->next;
      top = top_of_free(one);
    } else if ((top = carve(pool)) == nullptr) {
      break;
    }
    out[taken++] = top;
  }
  return taken;
}

// slabs_for_each_slot over the list of records, newest first. Without the lock: the acquire loads
// pair with the release stores of the list's head and of handed_out where slots are carved.
template <class Record>
std::size_t for_each_slot(Record* const& newest, void (*fn)(void*, std::size_t, void*), void* arg) {
  std::size_t count = 0;
  for (const Record* r = __atomic_load_n(&newest, __ATOMIC_ACQUIRE); r != nullptr; r = r->next) {
    const std::size_t n = __atomic_load_n(&r->handed_out, __ATOMIC_ACQUIRE);
    for (std::size_t i = 0; i < n; ++i) fn(r->base + (i + 1) * r->stride, r->slot_bytes, arg);
    count += n;
  }
  return count;
}

}  // namespace gmp::detail
