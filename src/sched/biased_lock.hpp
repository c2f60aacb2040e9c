// A spin lock that leans towards the thread which keeps taking it: that one needs no locked
// instruction for it. The channels' lock: Gs that talk to each other mostly meet on one M.
//
// The word is 0 (free), 1 (held, as any spin lock's), or the tag of a thread's seat: biased. Each M
// has a seat while its thread runs; a section of the biased thread is announced there.
//
// BL1  While the word is a tag, only that seat's thread enters, by a section; who makes it 1 by the
//      exchange of lock() owns the lock as soon as that thread is not inside.
// BL2  biased thread: section = lock; light fence; read the word.   other: word = 1; heavy fence;
//      read the section. By F1 at least one sees the other. The thread that sees 1 backs off; the
//      other waits while it sees the section.
// BL3  Only a thread that holds the lock with the word at 1 sets a tag, its own, to free it.
// BL4  A section is left by the thread that entered it, before anything else of that thread's runs
//      that takes the same lock.
// BL5  A lock is biased after a streak of `limit` takings by one thread; each time another thread
//      ends a bias, the limit is four times as high. So what the heavy fences cost is bounded by
//      what the streaks before them have cost.
// BL6  A seat's thread changes only while nobody is in a section of it: a bias to the former thread
//      is one to the new.
//
// Without membarrier nothing is ever biased. tests/model: bias.pml.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/asymmetric_fence.hpp"
#include "base/atomic.hpp"
#include "gmp/detail/spin_lock.hpp"
#include "sched/m.hpp"

namespace gmp::detail {

// Where a thread announces the biased sections it is in: by the lock's address, so that several
// locks may be held at once. What finds its place taken goes without the bias.
struct alignas(128) bias_seat {
  static constexpr std::uint32_t nobody = 2;  // no word is ever that

  atomic<const spin_lock*>& section_of(const spin_lock* lock) noexcept {
    return sections[reinterpret_cast<std::uintptr_t>(lock) / 64 % std::size(sections)];
  }

  atomic<const spin_lock*> sections[8]{};
  std::uint32_t tag = nobody;
};

// For M threads, at their begin and end. Where there are too many, or no membarrier: a seat that
// nothing is biased to.
bias_seat* take_bias_seat() noexcept;
void leave_bias_seat(bias_seat* seat) noexcept;

// The streak after which a lock is biased for the first time. Tests make it shorter.
extern std::uint32_t bias_after;

class biased_lock : private spin_lock {
 public:
  biased_lock() noexcept : limit_(membarrier_registered ? bias_after : never_biased) {}

  void lock() noexcept { lock(this_m()); }
  bool try_lock() noexcept { return try_lock(this_m()); }
  void unlock() noexcept { unlock(this_m()); }

  // The same for who knows the calling thread's M (null: none).
  [[gnu::always_inline]] void lock(m* self) noexcept {
    if (self != nullptr && enter(*self->seat)) return;
    // acquire: pairs with the releases in unlock() and spin_lock::unlock().
    const std::uint32_t seen = word_.exchange(1, memory_order_acquire);
    if (__builtin_expect(seen != 0, 0) && !is_own(seen, self)) lock_taken(seen);
  }
  [[gnu::always_inline]] bool try_lock(m* self) noexcept {
    if (self != nullptr && enter(*self->seat)) return true;
    const std::uint32_t seen = word_.exchange(1, memory_order_acquire);
    return __builtin_expect(seen == 0, 1) || is_own(seen, self) || try_taken(seen);
  }
  [[gnu::always_inline]] void unlock(m* self) noexcept {
    if (self != nullptr && leave_section(*self->seat, this)) return;
    unlock_held(self != nullptr ? self->seat->tag : bias_seat::nobody);
  }

  // Without a section, for who holds several: a locked instruction costs less than the section. A
  // bias is given up by that, and comes back with the next unlock(). The two belong together.
  [[gnu::always_inline]] void lock_plainly(m* self) noexcept {
    const std::uint32_t seen = word_.exchange(1, memory_order_acquire);  // as in lock()
    if (__builtin_expect(seen != 0, 0) && !is_own(seen, self)) lock_taken(seen);
  }
  void unlock_plainly() noexcept { spin_lock::unlock(); }

  // For tests: whether the next taking by one thread is without a locked instruction.
  bool is_biased() const noexcept { return word_.load(memory_order_relaxed) > bias_seat::nobody; }

  // For park(), which frees it in the name of a G that is off its stack.
  spin_lock& for_commit() noexcept { return *this; }

  // False: the lock was not taken by a section. Also for who frees some spin lock for another stack
  // of its thread. release: pairs with the acquire in take_over().
  [[gnu::always_inline]] static bool leave_section(bias_seat& seat,
                                                   const spin_lock* lock) noexcept {
    atomic<const spin_lock*>& section = seat.section_of(lock);
    if (section.load(memory_order_relaxed) != lock) return false;
    section.store(nullptr, memory_order_release);
    return true;
  }

 private:
  static constexpr std::uint32_t never_biased = std::numeric_limits<std::uint32_t>::max();

  // The bias is this thread's, whose section had no place: nobody else is inside.
  static bool is_own(std::uint32_t seen, const m* self) noexcept {
    return self != nullptr && seen == self->seat->tag;
  }

  [[gnu::always_inline]] bool enter(bias_seat& seat) noexcept {
    if (word_.load(memory_order_relaxed) != seat.tag) return false;
    atomic<const spin_lock*>& section = seat.section_of(this);
    if (section.load(memory_order_relaxed) != nullptr) return false;
    section.store(this, memory_order_relaxed);
    // A light fence that need not ask: there is no bias without membarrier. Pairs with the heavy
    // fence in take_over(). [BL2]
    std::atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(word_.load(memory_order_relaxed) == seat.tag, 1)) return true;
    section.store(nullptr, memory_order_release);  // as in leave_section()
    return false;
  }

  // [BL3] [BL5]
  [[gnu::always_inline]] void unlock_held(std::uint32_t tag) noexcept {
    std::uint32_t word = 0;
    if (holder_ != tag) {
      holder_ = tag;
      streak_ = 0;
    } else if (++streak_ >= limit_ && tag != bias_seat::nobody) {
      --streak_;  // stays as long as it is
      word = tag;
    }
    word_.store(word, memory_order_release);  // pairs with the acquires of the exchanges
  }

  // The word was `seen`, and is 1. Callable on any stack.
  [[gnu::cold]] void lock_taken(std::uint32_t seen) noexcept;
  [[gnu::cold]] bool try_taken(std::uint32_t seen) noexcept;

  friend struct biased_lock_slow;
  void take_over(std::uint32_t tag) noexcept;

  // Of who holds the lock with the word at 1.
  std::uint32_t holder_ = 0;  // tag of the last one
  std::uint32_t streak_ = 0;  // how often in a row it has been that one
  std::uint32_t limit_;
};

}  // namespace gmp::detail
