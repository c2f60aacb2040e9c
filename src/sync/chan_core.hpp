// The channel, untyped. Whenever lock is free:
// C1  a receiver waits => the buffer is empty and no sender waits (but a select that stands in both
// queues of one channel). C2  a sender waits => the buffer is full. C3  closed => both queues are
// empty. C4  A waiter with a ticket belongs to whoever wins the ticket; losers are skipped and
// taken out by whoever meets them.
//     A waiter without one belongs to whoever takes it out of the queue under the lock. [CLAIM1]
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/atomic.hpp"
#include "g/g.hpp"
#include "gmp/detail/chan_core.hpp"
#include "gmp/detail/waiter.hpp"
#include "sched/biased_lock.hpp"

namespace gmp::detail {

// What one try under the lock did. `wake`: to be readied once the lock is free.
struct step {
  chan_result result;
  g* wake = nullptr;
};

// A sender whose element could not be moved into the buffer is told so: its waiter carries the
// exception in place of the element's address.
void carry_exception(waiter& w) noexcept;  // in a catch handler, under the lock
[[noreturn]] void rethrow_carried(waiter& w);

class chan_core {
 public:
  chan_core(const element_type& type, std::size_t capacity) noexcept
      : quick_size_(type.trivial ? type.size : 0), type_(type), capacity_(capacity) {}
  ~chan_core();
  chan_core(const chan_core&) = delete;
  chan_core& operator=(const chan_core&) = delete;

  // Under the lock. An exception of a move leaves every other element where it was.
  [[nodiscard]] step try_send(void* from);
  step send_here(void* from);
  bool put_quick(void* from) noexcept;  // false: nothing was done, see send_here()
  bool take_quick(void* to) noexcept;
  [[nodiscard]] step try_recv(void* to);
  step recv_here(void* to);

  // Takes the lock. Returns the waiters to be readied, chained by waiter::next; throws nothing.
  // False: closed already.
  [[nodiscard]] bool close(waiter*& woken) noexcept;

  // Without the lock: would an operation block? May be wrong only about what happens at the same
  // time. acquire: pairs with the releases of size_ in put() and take(), of closed_ in close().
  bool send_would_block() const noexcept {
    return !closed_.load(memory_order_acquire) &&
           (capacity_ == 0 ? recvq_.empty() : size_.load(memory_order_acquire) == capacity_);
  }
  // empty, then closed, then empty again: a channel that is closed after it was found empty may
  // have been filled in between.
  bool recv_would_block() const noexcept {
    return empty_now() && !closed_.load(memory_order_acquire) && empty_now();
  }

  // A cheaper look: false if a receive would block, without the lock perhaps no longer.
  bool may_recv() const noexcept {
    return size_.load(memory_order_relaxed) != 0 || !sendq_.empty() ||
           closed_.load(memory_order_relaxed);
  }

  std::size_t size() const noexcept { return size_.load(memory_order_relaxed); }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t alignment() const noexcept { return type_.align; }

  biased_lock lock_;
  atomic<std::uint32_t> references_{1};
  atomic<bool> closed_{false};
  bool is_timer_ = false;           // looks unbuffered: len() and cap() are 0
  const std::uint32_t quick_size_;  // of an element that is bytes; 0: others
  wait_queue recvq_;
  wait_queue sendq_;
  void (*on_free_)(chan_core&) = nullptr;  // what else ends with the channel

 private:
  bool empty_now() const noexcept {
    return capacity_ == 0 ? sendq_.empty() : size_.load(memory_order_acquire) == 0;
  }
  std::byte* slot(std::size_t index) noexcept { return buffer_ + index * type_.size; }
  void move(void* to, void* from) const;
  void put(void* from);
  void take(void* to);
  void disappoint(wait_queue& queue, waiter& w) noexcept;
  step hand_over(wait_queue& queue, waiter& w, void* to, void* from);
  g* refill() noexcept;
  waiter* claim_front(wait_queue& queue) noexcept;

 public:
  static constexpr std::size_t buffer_offset(const element_type& type) noexcept;

 private:
  const element_type& type_;
  const std::size_t capacity_;
  std::byte* const buffer_ = reinterpret_cast<std::byte*>(this) + buffer_offset(type_);
  atomic<std::size_t> size_{0};
  std::size_t head_ = 0;  // the oldest element
};

constexpr std::size_t chan_core::buffer_offset(const element_type& type) noexcept {
  const std::size_t align = type.align;
  return (sizeof(chan_core) + align - 1) & ~(align - 1);  // a power of two: no division
}

inline void chan_core::move(void* to, void* from) const {
  if (!type_.trivial) {
    type_.move(to, from);
    return;
  }
  switch (type_.size) {  // constant sizes: no call
    case 0:
      break;
    case 4:
      std::memcpy(to, from, 4);
      break;
    case 8:
      std::memcpy(to, from, 8);
      break;
    case 16:
      std::memcpy(to, from, 16);
      break;
    default:
      std::memcpy(to, from, type_.size);
  }
}

}  // namespace gmp::detail
