// The waiter: one G (or plain thread) standing in one queue. It lives on the stack of whoever
// waits.
#pragma once

#include <atomic>
#include <cstdint>

namespace gmp::detail {

struct g;
class chan_core;

// How a wait ended, told by whoever ended it.
enum class wake_status : std::uint8_t {
  pending,    // still waiting
  ok,         // the partner has done its part: the value was moved
  closed,     // the channel was closed
  timed_out,  // the deadline passed first
  retry,      // the partner failed (its move threw): look again
  failed,  // the move of its own element threw when its turn came: `element` carries the exception
  cancelled,  // a context ended the wait
};

// One word decides a wait that stands in several queues: whoever moves it from `open` owns the
// wake-up. [CLAIM1]
struct claim_ticket {
  static constexpr std::uint32_t open = 0xffffffff;
  std::atomic<std::uint32_t> winner{open};  // index of the case that fired

  // acq_rel: pairs with the same exchange in every other queue, and with the load by the G that
  // wakes.
  bool try_claim(std::uint32_t index) noexcept {
    std::uint32_t expected = open;
    return winner.load(std::memory_order_relaxed) == open &&
           winner.compare_exchange_strong(expected, index, std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }
};

struct waiter {
  waiter* next = nullptr;
  waiter* prev = nullptr;
  g* owner = nullptr;              // whom to wake
  void* element = nullptr;         // where the value is taken from or put to
  claim_ticket* ticket = nullptr;  // null: the queue's lock alone decides
  std::uint32_t index = 0;         // case number under the ticket; free for other uses without one
  wake_status status = wake_status::pending;
  bool queued = false;  // under the queue's lock
};

// First in, first out; any element leaves in O(1). Guarded by the lock of its owner.
class wait_queue {
 public:
  // Readable without the lock: a hint.
  bool empty() const noexcept { return head_.load(std::memory_order_relaxed) == nullptr; }
  waiter* front() const noexcept { return head_.load(std::memory_order_relaxed); }

  void push_back(waiter& w) noexcept {
    w.next = nullptr;
    w.prev = tail_;
    w.queued = true;
    if (tail_ != nullptr) {
      tail_->next = &w;
    } else {
      head_.store(&w, std::memory_order_relaxed);
    }
    tail_ = &w;
  }

  void push_front(waiter& w) noexcept {
    waiter* head = front();
    w.prev = nullptr;
    w.next = head;
    w.queued = true;
    if (head != nullptr) {
      head->prev = &w;
    } else {
      tail_ = &w;
    }
    head_.store(&w, std::memory_order_relaxed);
  }

  void remove(waiter& w) noexcept {
    if (w.prev != nullptr) {
      w.prev->next = w.next;
    } else {
      head_.store(w.next, std::memory_order_relaxed);
    }
    if (w.next != nullptr) {
      w.next->prev = w.prev;
    } else {
      tail_ = w.prev;
    }
    w.next = w.prev = nullptr;
    w.queued = false;
  }

  waiter* pop_front() noexcept {
    waiter* w = front();
    if (w != nullptr) remove(*w);
    return w;
  }

 private:
  std::atomic<waiter*> head_{nullptr};
  waiter* tail_ = nullptr;
};

}  // namespace gmp::detail
