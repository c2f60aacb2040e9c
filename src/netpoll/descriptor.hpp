// A descriptor that Gs wait on: who uses it, and per direction whether it is ready or who waits.
//
// D1  Type-stable: the memory of a descriptor stays one for ever, so a stale pointer (a late event,
//     a commit whose G has gone on) may be used; all it can cause is a wake-up for nothing.
// D2  users counts the calls under way and one for the open file; `closing` is set once. No call
//     begins after that, and the file is closed by whoever leaves last, so its number is not reused
//     under a call. [as Go's fdMutex]
// D3  A direction's word is `nothing`, `ready`, or the newest of a list of waiters. Waiters are
//     pushed one by one and taken all at once: no ABA, and no waiter leaves from the middle.
// D4  Who is woken looks again: at closing, at the deadline, then by the system call. A wake-up is
//     never a promise, so that any party may wake everybody.
// D5  No lost wake-up. Who waits: consume `ready` before the system call (an edge that comes later
//     makes it ready again); EAGAIN or a short read; push, which fails when the word has become
//     `ready`; then look at closing and the deadline again. Who closes or moves the deadline: store
//     that first; then take the waiters. Both sides use seq_cst operations, so one of them sees the
//     other. tests/model/netpoll.pml.
// DL1 A wait ends once its deadline has passed. DL2: a direction's `armed_for` promises that its
//     timer will fire, and no later; it is stored before the timer is armed and taken back before
//     the timer wakes those in the list. DL3: who has pushed himself reads it again: if the promise
//     is gone, the timer may have fired before he stood there. tests/model/deadline.pml.
// D6  An event of a former life is told by its tag and dropped; by D1 and D4 one that slips through
//     does no harm.
#pragma once

#include <cstdint>

#include "base/atomic.hpp"
#include "base/clock.hpp"
#include "g/g.hpp"
#include "queue/timer_heap.hpp"

namespace gmp::detail {

class poller;

enum class direction : std::uint8_t { reading = 0, writing = 1 };

// One G or thread in one direction's list; lives on its stack.
struct io_waiter {
  io_waiter* next = nullptr;
  g* owner = nullptr;
  int wake_fd = -1;  // a plain thread: an eventfd that it polls beside the descriptor
  atomic<std::uint32_t> released{0};  // a plain thread: the waker does not touch this any more
};

// Who is to be woken, in the order of the events.
class woken_list {
 public:
  // A direction's list has the newest first: it is turned round.
  void append(io_waiter* chain) noexcept {
    io_waiter* turned = nullptr;
    io_waiter* last = chain;
    while (chain != nullptr) {
      io_waiter* next = chain->next;
      chain->next = turned;
      turned = chain;
      chain = next;
    }
    if (turned == nullptr) return;
    (last_ != nullptr ? last_->next : first_) = turned;
    last_ = last;
  }
  io_waiter* first() const noexcept { return first_; }

 private:
  io_waiter* first_ = nullptr;
  io_waiter* last_ = nullptr;
};

class alignas(64) descriptor {
  // What every call touches: one cache line.
  atomic<std::uint32_t> users_{closing_bit | closed_bit};
  int fd_ = -1;
  atomic<std::uintptr_t> words_[2] = {ready, ready};
  atomic<nanos> deadlines_[2] = {never, never};
  atomic<std::uint32_t> tag_{0};

 public:
  // The peer has ended, and no edge may follow, or has sent urgent data, before which reads stop
  // short: so calls always try.
  atomic<bool> hung_up{false};
  // Reads may stop short of what is there: at the end of a packet or line, or at descriptors that
  // came along. Set before others know the descriptor.
  bool has_marks = false;
  atomic<poller*> home{nullptr};

  static constexpr std::uintptr_t nothing = 0;
  static constexpr std::uintptr_t ready = 1;

  // From the pool, for an open file; held by one handle. Null: out of memory.
  static descriptor* make(int fd) noexcept;

  // --- users [D2]
  [[nodiscard]] bool enter() noexcept {
    std::uint32_t old = users_.load(memory_order_relaxed);
    do {
      if ((old & closing_bit) != 0) return false;
      // acquire: pairs with the release in make(): the descriptor's number is seen.
    } while (!users_.compare_exchange_weak(old, old + one_user, memory_order_acquire,
                                           memory_order_relaxed));
    return true;
  }
  // True: the caller was the last and must call finish_close().
  [[nodiscard]] bool leave() noexcept {
    // release and acquire: what every call did with the file happened before it is closed.
    const std::uint32_t old = users_.fetch_sub(one_user, memory_order_acq_rel);
    return (old & closing_bit) != 0 && (old & users_mask) == one_user;
  }
  // False: it was closing already. The caller then wakes all waiters and leaves.
  [[nodiscard]] bool begin_close() noexcept {
    return (users_.fetch_or(closing_bit, memory_order_seq_cst) & closing_bit) == 0;  // [D5]
  }
  bool closing() const noexcept {
    return (users_.load(memory_order_seq_cst) & closing_bit) != 0;  // [D5]
  }
  // On a thread's own stack: closes the file; back to the pool if no handle is left. The timers
  // were stopped.
  void finish_close() noexcept;
  // The handle goes. True: the file was closed before, and give() is due.
  [[nodiscard]] bool drop_handle() noexcept {
    return (users_.fetch_and(~held_bit, memory_order_acq_rel) & closed_bit) != 0;
  }
  void give() noexcept;

  // --- a direction's word [D3]
  // False: nothing has happened since it was drained, a system call would be in vain.
  [[nodiscard]] bool consume(direction dir) noexcept {
    atomic<std::uintptr_t>& word = words_[index(dir)];
    std::uintptr_t expected = ready;
    // acquire: pairs with the release in mark_ready().
    return (word.load(memory_order_relaxed) == ready &&
            word.compare_exchange_strong(expected, nothing, memory_order_acquire,
                                         memory_order_relaxed)) ||
           hung_up.load(memory_order_relaxed);
  }
  // False: it has become ready; not pushed.
  [[nodiscard]] bool push(direction dir, io_waiter& w) noexcept {
    atomic<std::uintptr_t>& word = words_[index(dir)];
    std::uintptr_t old = word.load(memory_order_relaxed);
    for (;;) {
      if (old == ready) {
        if (word.compare_exchange_weak(old, nothing, memory_order_seq_cst, memory_order_relaxed))
          return false;
        continue;
      }
      w.next = reinterpret_cast<io_waiter*>(old);
      // seq_cst: orders this before the look at closing and the deadline. [D5]
      if (word.compare_exchange_weak(old, reinterpret_cast<std::uintptr_t>(&w),
                                     memory_order_seq_cst, memory_order_relaxed))
        return true;
    }
  }
  // Takes all waiters; a ready word stays.
  [[nodiscard]] io_waiter* take(direction dir) noexcept {
    atomic<std::uintptr_t>& word = words_[index(dir)];
    std::uintptr_t old = word.load(memory_order_seq_cst);  // [D5]
    while (old != nothing && old != ready) {
      if (word.compare_exchange_weak(old, nothing, memory_order_seq_cst, memory_order_seq_cst))
        return reinterpret_cast<io_waiter*>(old);
    }
    return nullptr;
  }
  // Something happened: takes the waiters, or leaves word for who comes next.
  [[nodiscard]] io_waiter* mark_ready(direction dir) noexcept {
    atomic<std::uintptr_t>& word = words_[index(dir)];
    std::uintptr_t old = word.load(memory_order_relaxed);
    for (;;) {
      if (old == ready) return nullptr;
      // release: pairs with consume(); acquire: what the waiter wrote into itself.
      if (word.compare_exchange_weak(old, old == nothing ? ready : nothing, memory_order_acq_rel,
                                     memory_order_relaxed))
        return old == nothing ? nullptr : reinterpret_cast<io_waiter*>(old);
    }
  }
  // Takes all waiters and leaves the word ready: whoever is about to wait looks again, at
  // everything.
  void take_for_good(direction dir, woken_list& woken) noexcept {
    while (io_waiter* chain = mark_ready(dir)) woken.append(chain);
  }
  bool has_waiter() const noexcept {
    for (const atomic<std::uintptr_t>& word : words_)
      if (word.load(memory_order_seq_cst) > ready) return true;
    return false;
  }

  // --- deadlines: a timer only wakes those who wait
  // Checked by the calls themselves.
  nanos deadline(direction dir) const noexcept {
    return deadlines_[index(dir)].load(memory_order_seq_cst);  // [D5]
  }
  // False: it was that already. Else the caller wakes the direction's waiters.
  bool set_deadline(direction dir, nanos when) noexcept {
    return deadlines_[index(dir)].exchange(when, memory_order_seq_cst) != when;  // [D5]
  }

  struct deadline_timer {
    timer_node node;  // first: the callback gets its address
    descriptor* owner;
    direction dir;
    // No later than this the timer fires; never: it may be idle. [DL2]
    atomic<nanos> armed_for{never};
  };
  deadline_timer timers[2];
  spin_lock timer_lock;  // who arms

  // --- for the poller
  descriptor* home_next = nullptr;  // in the poller's list, under its lock
  descriptor* home_prev = nullptr;
  atomic<const void*> armed_by{nullptr};  // a thread, for backends to which that matters
  int fd() const noexcept { return fd_; }
  std::uint64_t event_data() const noexcept;
  // The descriptor an event is for; null: it is of a former life. [D6]
  static descriptor* of_event(std::uint64_t data) noexcept;

  static constexpr unsigned index(direction dir) noexcept { return static_cast<unsigned>(dir); }

 private:
  static constexpr std::uint32_t closing_bit = 1;  // close() was called
  static constexpr std::uint32_t closed_bit = 2;   // the file is closed
  static constexpr std::uint32_t held_bit = 4;     // a handle names it
  static constexpr std::uint32_t one_user = 8;
  static constexpr std::uint32_t users_mask = ~(one_user - 1);

  descriptor() noexcept;
  static descriptor* take_free() noexcept;

  descriptor* free_next_ = nullptr;
};

}  // namespace gmp::detail
