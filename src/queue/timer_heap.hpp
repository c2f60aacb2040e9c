// A P's timers: a 4-ary heap under one spin lock.
//
// TH1  A timer is in at most one heap; node.heap names it and changes only under that heap's lock.
//
// TH2  Its callback runs without the lock, on a scheduler stack, never parks, and returns when to
//      run again (never: done).
//
// TH3  While it runs the node is `firing`: stop() cannot remove it, but keeps it from being armed
//      again; stop_and_wait() returns only after the callback has let go of the node.
//
// TH4  next_when is the head's time, readable without the lock; a stale value is corrected by
//      whoever takes the lock.
//
// TH5  Heaps are never freed, only used again: who comes to stop a timer may lock the heap it was
//      in a moment ago.
//
// TH6  An entry's time is never later than its timer's: a timer that is moved to a later time, as a
//      time limit is with each use, stays where it is and is moved when the heap comes to it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/atomic.hpp"
#include "base/clock.hpp"
#include "gmp/detail/spin_lock.hpp"

namespace gmp::detail {

class timer_heap;

struct timer_node {
  enum class phase : std::uint8_t { idle, armed, firing, firing_stopped, firing_rearmed };

  // Runs when due. `when` is the time it was due, `now` the present.
  nanos (*fire)(timer_node& self, nanos when, nanos now) = nullptr;
  atomic<timer_heap*> heap{nullptr};  // [TH1]
  nanos when = 0;
  std::uint32_t index = 0;
  atomic<phase> state{phase::idle};
  bool may_fire_early = false;  // set while it is idle
};

class timer_heap {
 public:
  atomic<void*> owner{nullptr};  // the scheduler, for those who come by way of a timer

  // A heap for a new P, and back. The timers that are left become idle and never fire. take() may
  // throw std::bad_alloc.
  static timer_heap& take();
  static void give(timer_heap& done) noexcept;

  // Arms an idle timer. True: it is now the earliest of this heap. May throw std::bad_alloc.
  bool add(timer_node& timer, nanos when);

  // Runs what is due. Returns the next deadline (never: none).
  nanos expire(nanos now);

  // Nobody serves this heap any more: fires those that may fire early, at the end of time, and lets
  // go of them. The others stay.
  void fire_early() noexcept;

  nanos next_when() const noexcept { return next_when_.load(memory_order_acquire); }
  std::size_t size() const noexcept { return size_.load(memory_order_relaxed); }

  // Moves every armed timer to `other`. May throw std::bad_alloc, with nothing moved.
  void move_all_to(timer_heap& other);

  // Takes the timer out of whichever heap holds it. True: the firing was prevented.
  static bool stop(timer_node& timer) noexcept;
  // The same, and waits until a callback under way on another thread is over.
  static bool stop_and_wait(timer_node& timer) noexcept;
  // Moves an armed or firing timer to a new time. False: it is idle, use add().
  static bool rearm(timer_node& timer, nanos when) noexcept;

 private:
  struct entry {
    nanos when;  // beside the pointer: comparing touches no node
    timer_node* timer;
  };

  void place(std::uint32_t index, entry e) noexcept;
  void sift_up(std::uint32_t index) noexcept;
  void sift_down(std::uint32_t index) noexcept;
  void insert(timer_node& timer, nanos when);
  void remove_at(std::uint32_t index) noexcept;
  void publish() noexcept;

  spin_lock lock_;
  atomic<nanos> next_when_{never};
  atomic<std::size_t> size_{0};
  std::vector<entry> heap_;
  timer_heap* free_next_ = nullptr;
};

}  // namespace gmp::detail
