// Waiting in a first-in-first-out queue under a spin lock, with or without a deadline: what
// mutexes, condition variables, semaphores, wait groups and tasks have in common.
#pragma once

#include "gmp/detail/spin_lock.hpp"
#include "gmp/detail/waiter.hpp"
#include "sched/park.hpp"

namespace gmp::detail {

// The caller holds `lock`. Stands in `queue` (at its front if asked) until somebody takes the
// waiter out, sets its status and readies its owner, or until the deadline. Returns with the lock
// free.
//   timed_out  the deadline passed first; the waiter is out of the queue
//   pending    the runtime stops: call unwind() and go on as cancelled
// `index` goes into waiter::index, for the use of the queue's owner.
struct wait_request {
  wait_queue& queue;
  spin_lock& lock;
  wait_reason reason;
  nanos deadline = never;
  bool front = false;
  std::uint32_t index = 0;
  void* element = nullptr;  // of a completion: its lock, so that reports know it
};
wake_status wait_in(const wait_request& request);

// The same for a place in the queue that was taken earlier: the caller filled in w.owner, queue and
// lock, pushed w, holds the lock, and has seen that w is still queued.
struct queue_wait {
  timer_node timer;  // first: the callback gets its address
  waiter w;
  wait_queue* queue;
  spin_lock* lock;
  bool by_context = false;  // a context may end it too

  // Under the lock.
  bool leave(wake_status status) noexcept {
    if (!w.queued) return false;
    queue->remove(w);
    w.status = status;
    return true;
  }
};
wake_status wait_queued(queue_wait& wait, wait_reason reason, nanos deadline);
bool cancel_queue_wait(void* wait) noexcept;  // the cancel function of all these waits

// Under the lock: takes the first waiter out and tells it `ok`. The caller readies the owner once
// the lock is free.
inline g* release_first(wait_queue& queue) noexcept {
  waiter* w = queue.pop_front();
  if (w == nullptr) return nullptr;
  w->status = wake_status::ok;
  return w->owner;
}

// Under the lock: empties the queue into a chain through waiter::next, all told `ok`.
waiter* release_all(wait_queue& queue) noexcept;
// Without the lock: readies that chain.
void ready_all(waiter* chain) noexcept;

}  // namespace gmp::detail
