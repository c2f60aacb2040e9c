// Sends that Gs have left to the poller, which takes several of them to the kernel at once.
//
// SB1  A send is pushed once its G is off its stack. Whoever takes the list owns what is in it
// until
//      he has filled in the results; then the G is woken like any other waiter.
// SB2  None is left lying. An M that has pushed comes by the scheduler loop, which takes the list
//      when it is long enough, when nothing else is to be run, and before the M gives up its place
//      or is found without a P. So whenever all Ms idle the list is empty. tests/model/sends.pml.
// SB3  They complete while they are submitted (MSG_DONTWAIT): the kernel is at the buffer of a G
// only
//      during the system call, and there is nothing to cancel but the push.
#pragma once

#include <sys/socket.h>

#include <cstddef>

#include "base/attributes.hpp"
#include "netpoll/descriptor.hpp"

namespace gmp::detail {

// Lives on the stack of its G.
struct batched_send {
  io_waiter w;  // first: lists of waiters lead to it
  int fd = -1;
  const void* data = nullptr;
  std::size_t bytes = 0;
  const msghdr* message = nullptr;  // in place of data
  long result = 0;                  // or a negative errno
};

class send_batch {
 public:
  bool any() const noexcept { return newest_.load(memory_order_relaxed) != nullptr; }

  // By a commit, on whichever stack.
  [[gnu::always_inline]] void push(batched_send& one) noexcept {
    batched_send* old = newest_.load(memory_order_relaxed);
    do {
      one.w.next = old != nullptr ? &old->w : nullptr;
      // release: pairs with the acquire in take(): the send is seen whole.
    } while (!newest_.compare_exchange_weak(old, &one, memory_order_release, memory_order_relaxed));
  }

  // All of them, newest first; linked by their waiters.
  batched_send* take() noexcept { return newest_.exchange(nullptr, memory_order_acquire); }

  // While no G runs. True: it was here.
  bool remove(batched_send& one) noexcept {
    bool found = false;
    for (batched_send* at = take(); at != nullptr;) {
      batched_send* next = next_of(*at);
      if (at == &one) {
        found = true;
      } else {
        push(*at);
      }
      at = next;
    }
    return found;
  }

  static batched_send* next_of(batched_send& one) noexcept {
    return reinterpret_cast<batched_send*>(one.w.next);
  }

 private:
  atomic<batched_send*> newest_{nullptr};
};

}  // namespace gmp::detail
