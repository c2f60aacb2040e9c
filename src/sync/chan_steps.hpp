// What one operation does to a channel, under its lock: the steps that send, receive, try and
// select share. To be inlined into them.
#pragma once

#include <cstddef>
#include <cstring>

#include "sync/chan_core.hpp"

namespace gmp::detail {

// The first waiter of the queue that is still to be had. A waiter with a ticket is claimed; one
// without stays in the queue until its element has been moved, because the move may throw.
inline waiter* chan_core::claim_front(wait_queue& queue) noexcept {
  while (waiter* w = queue.front()) {
    if (w->ticket == nullptr) return w;
    if (w->ticket->try_claim(w->index)) return w;
    queue.remove(*w);  // decided elsewhere [C4]
  }
  return nullptr;
}

[[gnu::always_inline]] inline void chan_core::put(void* from) {
  const std::size_t n = size_.load(memory_order_relaxed);
  std::size_t at = head_ + n;
  if (at >= capacity_) at -= capacity_;
  move(slot(at), from);
  // release: pairs with the acquire in send_would_block() and empty_now(); the same in take().
  size_.store(n + 1, memory_order_release);
}

[[gnu::always_inline]] inline void chan_core::take(void* to) {
  move(to, slot(head_));
  if (!type_.trivial) type_.destroy(slot(head_));
  if (++head_ == capacity_) head_ = 0;
  size_.store(size_.load(memory_order_relaxed) - 1, memory_order_release);
}

// The same for elements of one or two words that are bytes, where nobody waits: no call.
[[gnu::always_inline]] inline bool chan_core::put_quick(void* from) noexcept {
  const std::size_t n = size_.load(memory_order_relaxed);
  if (n >= capacity_ || !recvq_.empty() || closed_.load(memory_order_relaxed)) return false;
  std::size_t at = head_ + n;
  if (at >= capacity_) at -= capacity_;
  if (quick_size_ == 8) {
    std::memcpy(buffer_ + at * 8, from, 8);
  } else if (quick_size_ == 4) {
    std::memcpy(buffer_ + at * 4, from, 4);
  } else {
    return false;
  }
  size_.store(n + 1, memory_order_release);
  return true;
}

[[gnu::always_inline]] inline bool chan_core::take_quick(void* to) noexcept {
  const std::size_t n = size_.load(memory_order_relaxed);
  if (n == 0 || !sendq_.empty()) return false;
  const std::size_t at = head_;
  if (quick_size_ == 8) {
    std::memcpy(to, buffer_ + at * 8, 8);
  } else if (quick_size_ == 4) {
    std::memcpy(to, buffer_ + at * 4, 4);
  } else {
    return false;
  }
  head_ = at + 1 == capacity_ ? 0 : at + 1;
  size_.store(n - 1, memory_order_release);
  return true;
}

[[gnu::always_inline]] inline step chan_core::send_here(void* from) {
  if (closed_.load(memory_order_relaxed)) return {chan_result::closed};
  if (waiter* w = claim_front(recvq_); w != nullptr) return hand_over(recvq_, *w, w->element, from);
  if (size_.load(memory_order_relaxed) < capacity_) {
    put(from);
    return {chan_result::ok};
  }
  return {chan_result::would_block};
}

[[gnu::always_inline]] inline step chan_core::recv_here(void* to) {
  if (size_.load(memory_order_relaxed) != 0) {
    take(to);
    return {chan_result::ok, sendq_.empty() ? nullptr : refill()};
  }
  if (waiter* w = claim_front(sendq_); w != nullptr) return hand_over(sendq_, *w, to, w->element);
  return {closed_.load(memory_order_relaxed) ? chan_result::closed : chan_result::would_block};
}

}  // namespace gmp::detail
