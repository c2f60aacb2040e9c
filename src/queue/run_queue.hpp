// A P's queue of runnable Gs: one producer, many thieves.
//
// Three parts, all bounded, all stealable:
//   next     one slot: the G readied last by the running G. It runs next, on a warm cache. Only who
//   holds the P may
//            touch it; a thief freezes the P first (sched/pin.hpp), so the owner needs no locked
//            instruction for it.
//   ring     Gs that ran before, first in first out.
//   newborn  Gs that never ran, newest first for the owner, oldest first for thieves. Newest first
//   keeps a tree of Gs
//            (skynet, parallel recursion) as small as its depth; oldest first hands thieves the big
//            subtrees.
//
// RQ1  Only the holder of the P pushes: it alone writes tail and next.
// RQ2  A slot between head and tail is never overwritten: before it pushes, the owner saw a head
//      that leaves room, and heads only grow.
// RQ3  Each G leaves once: by a CAS on head (ring, newborn's old end), by the holder's plain take
//      of next, or by the owner's claim of newborn's young end, which a seq_cst exchange of tail
//      orders against the thieves' CAS.
// RQ4  A thief copies before it claims; a failed CAS throws the copies away.
// RQ5  empty() says so only if at one moment nothing was anywhere: a G moves from next to the ring,
//      never back, and next is written before what it pushed out goes to the ring.
// RQ6  The only P of a scheduler has no thieves, and its holder takes Gs without locked
//      instructions. Before a second P comes, scheduler::end_solitude() makes sure that it knows.
//      tests/model: runq.pml, newborn.pml, freeze.pml (next), alone.pml (RQ6).
#pragma once

#include <cstdint>

#include "base/atomic.hpp"
#include "g/g.hpp"

namespace gmp::detail {

#ifndef GMPSCHED_RUN_QUEUE_SLOTS
#define GMPSCHED_RUN_QUEUE_SLOTS 256
#endif
// Bursts of `go` are common and overflowing costs a locked instruction a G, so there is more room
// for newborns.
#ifndef GMPSCHED_NEWBORN_SLOTS
#define GMPSCHED_NEWBORN_SLOTS (4 * GMPSCHED_RUN_QUEUE_SLOTS)
#endif

// Bounded first-in-first-out ring: owner pushes, owner and thieves pop at the head.
class ready_ring {
 public:
  static constexpr std::uint32_t slots = GMPSCHED_RUN_QUEUE_SLOTS;
  static_assert((slots & (slots - 1)) == 0);

  // Owner. False: full.
  [[nodiscard]] bool push(g* gp) noexcept {
    // acquire: pairs with the release in the CAS of a thief; what the thief copied out is really
    // out. [RQ2]
    std::uint32_t head = head_.load(memory_order_acquire);
    std::uint32_t tail = tail_.load(memory_order_relaxed);
    if (tail - head >= slots) return false;
    slot_[tail % slots].store(gp, memory_order_relaxed);
    tail_.store(tail + 1, memory_order_release);  // pairs with the acquire in steal()
    return true;
  }

  // Owner. `alone`: there are no thieves. [RQ6]
  g* pop(bool alone = false) noexcept {
    std::uint32_t head = head_.load(memory_order_acquire);
    if (alone && head != tail_.load(memory_order_relaxed)) {
      g* gp = slot_[head % slots].load(memory_order_relaxed);
      head_.store(head + 1, memory_order_release);  // pairs with the acquire loads of head
      return gp;
    }
    while (head != tail_.load(memory_order_relaxed)) {
      g* gp = slot_[head % slots].load(memory_order_relaxed);
      // release: the read of the slot is over before a push may reuse it. [RQ2]
      if (head_.compare_exchange_weak(head, head + 1, memory_order_acq_rel, memory_order_acquire))
        return gp;
    }
    return nullptr;
  }

  // Anyone. Takes half, rounded up, at most `most`; returns how many lie in `out`. [RQ4]
  std::uint32_t steal(g** out, std::uint32_t most) noexcept {
    for (;;) {
      std::uint32_t head = head_.load(memory_order_acquire);
      std::uint32_t tail = tail_.load(memory_order_acquire);  // pairs with the release in push()
      std::uint32_t n = tail - head;
      n -= n / 2;
      if (n == 0) return 0;
      if (n > slots / 2) continue;  // head and tail were read at different times
      if (n > most) n = most;
      for (std::uint32_t i = 0; i < n; ++i)
        out[i] = slot_[(head + i) % slots].load(memory_order_relaxed);
      if (head_.compare_exchange_strong(head, head + n, memory_order_acq_rel, memory_order_relaxed))
        return n;
    }
  }

  std::uint32_t size() const noexcept {
    std::uint32_t head = head_.load(memory_order_relaxed);
    std::uint32_t n = tail_.load(memory_order_relaxed) - head;
    return n > slots ? 0 : n;
  }
  bool empty() const noexcept {
    return head_.load(memory_order_acquire) == tail_.load(memory_order_acquire);
  }

 private:
  alignas(64) atomic<std::uint32_t> head_{0};
  alignas(64) atomic<std::uint32_t> tail_{0};
  atomic<g*> slot_[slots]{};
};

// Bounded deque: owner pushes and pops at the tail, thieves take at the head.
class newborn_deque {
 public:
  static constexpr std::uint32_t slots = GMPSCHED_NEWBORN_SLOTS;
  static_assert((slots & (slots - 1)) == 0);

  // Owner. False: full.
  [[nodiscard]] bool push(g* gp) noexcept {
    std::uint32_t tail = tail_.load(memory_order_relaxed);
    if (static_cast<std::int32_t>(tail - seen_head_) >= static_cast<std::int32_t>(slots)) {
      seen_head_ = head_.load(memory_order_acquire);  // [RQ2]
      if (static_cast<std::int32_t>(tail - seen_head_) >= static_cast<std::int32_t>(slots))
        return false;
    }
    slot_[tail % slots].store(gp, memory_order_relaxed);
    // release: pairs with the seq_cst load in take_oldest(); the slot is filled before it counts.
    tail_.store(tail + 1, memory_order_release);
    return true;
  }

  // Owner: the newest. Claims the slot by lowering tail, and only then looks at head. [RQ3]
  // `alone`: no thieves. [RQ6]
  g* pop(bool alone = false) noexcept {
    std::uint32_t tail = tail_.load(memory_order_relaxed);
    if (tail == head_.load(memory_order_relaxed)) return nullptr;
    --tail;
    if (alone) {
      tail_.store(tail, memory_order_release);  // pairs with the acquire in empty()
      return slot_[tail % slots].load(memory_order_relaxed);
    }
    // seq_cst exchange: orders this claim before the read of head; pairs with the seq_cst load and
    // CAS in take_oldest().
    tail_.exchange(tail, memory_order_seq_cst);
    std::uint32_t head = head_.load(memory_order_seq_cst);
    if (static_cast<std::int32_t>(tail - head) > 0)
      return slot_[tail % slots].load(memory_order_relaxed);
    g* last = nullptr;
    if (tail == head) {  // one left: the CAS decides between us and a thief
      last = slot_[tail % slots].load(memory_order_relaxed);
      if (!head_.compare_exchange_strong(head, head + 1, memory_order_seq_cst,
                                         memory_order_relaxed))
        last = nullptr;
    }
    // Empty again, at whichever head. release: pairs with the load in take_oldest().
    tail_.store(tail + 1, memory_order_release);
    return last;
  }

  // Anyone: the oldest. Null: empty, or lost a race (`raced` is set then).
  g* take_oldest(bool& raced) noexcept {
    std::uint32_t head = head_.load(memory_order_seq_cst);
    std::uint32_t tail = tail_.load(memory_order_seq_cst);
    if (static_cast<std::int32_t>(tail - head) <= 0) return nullptr;
    g* gp = slot_[head % slots].load(memory_order_relaxed);
    if (head_.compare_exchange_strong(head, head + 1, memory_order_seq_cst, memory_order_relaxed))
      return gp;
    raced = true;
    return nullptr;
  }

  std::uint32_t size() const noexcept {
    std::int32_t n = static_cast<std::int32_t>(tail_.load(memory_order_relaxed) -
                                               head_.load(memory_order_relaxed));
    return n < 0 ? 0 : static_cast<std::uint32_t>(n);
  }
  bool empty() const noexcept {
    std::uint32_t head = head_.load(memory_order_acquire);
    return static_cast<std::int32_t>(tail_.load(memory_order_acquire) - head) <= 0;
  }

 private:
  alignas(64) atomic<std::uint32_t> head_{0};
  alignas(64) atomic<std::uint32_t> tail_{0};
  // The owner's: head as it was when the queue last seemed full. Thieves keep head's line busy.
  std::uint32_t seen_head_ = 0;
  atomic<g*> slot_[slots]{};
};

struct run_queue {
  atomic<g*> next{nullptr};
  ready_ring ring;
  newborn_deque newborn;

  // Holder of the P.
  [[gnu::always_inline]] g* take_next() noexcept {
    g* gp = next.load(memory_order_relaxed);
    if (gp != nullptr) next.store(nullptr, memory_order_relaxed);
    return gp;
  }

  // True only if at one moment nothing was in any part. The order matters: a G moves from next to
  // the ring, never back, so next is read before and after the ring's tail. [RQ5]
  bool empty() const noexcept {
    for (;;) {
      g* first = next.load(memory_order_acquire);
      if (first != nullptr || !ring.empty() || !newborn.empty()) return false;
      if (next.load(memory_order_acquire) == nullptr && ring.empty()) return true;
    }
  }

  std::uint32_t size() const noexcept {
    return ring.size() + newborn.size() + (next.load(memory_order_relaxed) != nullptr ? 1 : 0);
  }
};

}  // namespace gmp::detail
