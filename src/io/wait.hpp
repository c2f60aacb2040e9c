// Calls on descriptors that park the G until they can go on.
//
// IO1  Every call enters the descriptor, leaves it once, also when it is unwound, and touches
//      nothing of the handle in between: the handle may be closed or destroyed by others.
// IO2  Order of looks before a call: closing, deadline, ready; then the system call. [D4]
#pragma once

#include <cerrno>

#include "netpoll/descriptor.hpp"
#include "sched/park.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

// A stay in a descriptor. [IO1]
class io_stay {
 public:
  explicit io_stay(descriptor* d) noexcept : d_(d != nullptr && d->enter() ? d : nullptr) {}
  ~io_stay() {
    if (d_ != nullptr && d_->leave()) close_last(*d_);
  }
  io_stay(const io_stay&) = delete;
  io_stay& operator=(const io_stay&) = delete;
  explicit operator bool() const noexcept { return d_ != nullptr; }

  static void close_last(descriptor& d) noexcept;

 private:
  descriptor* d_;
};

// 0: look again. Or a negative errno. Throws while the runtime stops.
long io_wait(descriptor& d, direction dir, nanos deadline, wait_reason reason);
[[gnu::cold]] bool io_passed(nanos deadline) noexcept;
// 0, -ECANCELED or -ETIMEDOUT. `deadline` gets the present one.
inline long io_check(const descriptor& d, direction dir, nanos& deadline) noexcept {
  if (d.closing()) return -ECANCELED;
  deadline = d.deadline(dir);
  return __builtin_expect(deadline != never, 0) && io_passed(deadline) ? -ETIMEDOUT : 0;
}
// Readies a chain of waiters.
void io_wake(io_waiter* chain) noexcept;
inline void io_restore(descriptor& d, direction dir) noexcept {
  if (io_waiter* chain = d.mark_ready(dir); chain != nullptr) io_wake(chain);
}

// Is a send worth leaving to the poller? [NET10]
inline bool sends_in_batches() noexcept {
  const m* self = this_m();
  return self != nullptr && self->current != nullptr &&
         __builtin_expect(self->sched->batching.load(memory_order_relaxed), 0);
}
// Leaves `op` to it: what the system call would have returned. Throws while the runtime stops.
long io_send_in_batch(batched_send& op);

// Closes; wakes all who wait. False: it was closed before.
bool io_close(descriptor& d) noexcept;
void io_set_deadline(descriptor& d, direction dir, nanos when) noexcept;

// What a receiving call does: `call` returns the result or a negative errno; a result n with
// drained(n) leaves nothing to read.
template <class Call, class Drained>
long io_receive(descriptor* at, wait_reason reason, Call call, Drained drained) {
  const io_stay stay(at);
  if (!stay) return -EBADF;
  descriptor& d = *at;
  bool woken = false;  // in place of a ready word
  for (;;) {
    nanos deadline;
    if (const long error = io_check(d, direction::reading, deadline); error != 0) {
      if (woken) io_restore(d, direction::reading);  // what woke this G is still to be had
      return error;
    }
    if (woken || d.consume(direction::reading)) {
      const long n = call(d.fd());
      woken = n == -EINTR;
      if (woken) continue;
      if (n != -EAGAIN) {
        if (d.has_marks || !drained(n)) io_restore(d, direction::reading);
        return n;
      }
      if (d.hung_up.load(memory_order_relaxed)) {  // not the end after all: edges count again
        d.hung_up.store(false, memory_order_relaxed);
        woken = true;
        continue;
      }
    }
    if (const long error = io_wait(d, direction::reading, deadline, reason); error != 0)
      return error;
    woken = true;
  }
}

// A sending call tries first.
template <class Call>
long io_send(descriptor* at, wait_reason reason, Call call) {
  const io_stay stay(at);
  if (!stay) return -EBADF;
  descriptor& d = *at;
  for (;;) {
    nanos deadline;
    if (const long error = io_check(d, direction::writing, deadline); error != 0) return error;
    const long n = call(d.fd());
    if (n == -EINTR) continue;
    if (n != -EAGAIN) return n;
    if (const long error = io_wait(d, direction::writing, deadline, reason); error != 0)
      return error;
  }
}

}  // namespace gmp::detail
