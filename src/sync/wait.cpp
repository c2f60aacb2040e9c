#include "sync/wait.hpp"

#include "base/check.hpp"

namespace gmp::detail {

bool cancel_queue_wait(void* arg) noexcept {
  auto& wait = *static_cast<queue_wait*>(arg);
  wait.lock->lock();
  const bool mine = wait.leave(wake_status::pending);
  wait.lock->unlock();
  return mine;
}

namespace {

nanos queue_timer_fired(timer_node& timer, nanos, nanos) {
  auto& wait = reinterpret_cast<queue_wait&>(timer);
  wait.lock->lock();
  const bool mine = wait.leave(wake_status::timed_out);
  g* owner = wait.w.owner;
  wait.lock->unlock();
  if (mine) ready(*owner);
  return never;
}

GMPSCHED_COMMIT_FUNCTION(commit_unlock)(m*, void* arg) { static_cast<spin_lock*>(arg)->unlock(); }

__attribute__((noinline)) void wait_timed(queue_wait& wait, wait_reason reason, nanos deadline,
                                          g& me) {
  spin_lock& lock = *wait.lock;
  if (me.is_thread()) {
    if (park_with(me, &commit_unlock, &lock, reason, nullptr, nullptr, deadline)) return;
    lock.lock();
    const bool mine = wait.leave(wake_status::timed_out);
    lock.unlock();
    if (!mine) park_thread_again(me);
    return;
  }
  wait.timer.fire = &queue_timer_fired;
  try {
    timer_arm(wait.timer, deadline);
  } catch (...) {
    wait.queue->remove(wait.w);
    lock.unlock();
    throw;
  }
  park(me, lock, reason, &cancel_queue_wait, &wait);
  timer_stop_and_wait(wait.timer);  // [TH3]
}

}  // namespace

wake_status wait_queued(queue_wait& wait, wait_reason reason, nanos deadline) {
  g& me = *wait.w.owner;
  if (__builtin_expect(must_unwind(me), 0)) {
    wait.queue->remove(wait.w);
    wait.lock->unlock();
    return wake_status::pending;
  }
  if (deadline == never) {
    park(me, *wait.lock, reason, &cancel_queue_wait, &wait);
  } else {
    wait_timed(wait, reason, deadline, me);
  }
  return wait.w.status;
}

wake_status wait_in(const wait_request& request) {
  queue_wait wait;
  wait.queue = &request.queue;
  wait.lock = &request.lock;
  wait.w.owner = &current_g();
  wait.w.index = request.index;
  wait.w.element = request.element;
  if (request.front) {
    request.queue.push_front(wait.w);
  } else {
    request.queue.push_back(wait.w);
  }
  return wait_queued(wait, request.reason, request.deadline);
}

waiter* release_all(wait_queue& queue) noexcept {
  waiter* chain = nullptr;
  waiter** end = &chain;
  while (waiter* w = queue.pop_front()) {
    w->status = wake_status::ok;
    *end = w;
    end = &w->next;
  }
  *end = nullptr;
  return chain;
}

void ready_all(waiter* chain) noexcept {
  while (chain != nullptr) {
    waiter* next = chain->next;  // the waiter is gone once its owner runs
    ready(*chain->owner);
    chain = next;
  }
}

}  // namespace gmp::detail
