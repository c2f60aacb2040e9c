#include "sync/wait.hpp"

#include "base/check.hpp"

namespace gmp::detail {
namespace {

struct queue_wait {
  timer_node timer;  // first: the callback gets its address
  waiter w;
  wait_queue* queue;
  spin_lock* lock;

  // Under the lock.
  bool leave(wake_status status) noexcept {
    if (!w.queued) return false;
    queue->remove(w);
    w.status = status;
    return true;
  }
};

nanos queue_timer_fired(timer_node& timer, nanos, nanos) {
  auto& wait = reinterpret_cast<queue_wait&>(timer);
  wait.lock->lock();
  const bool mine = wait.leave(wake_status::timed_out);
  g* owner = wait.w.owner;
  wait.lock->unlock();
  if (mine) ready(*owner);
  return never;
}

bool cancel_queue_wait(void* arg) noexcept {
  auto& wait = *static_cast<queue_wait*>(arg);
  wait.lock->lock();
  const bool mine = wait.leave(wake_status::pending);
  wait.lock->unlock();
  return mine;
}

GMPSCHED_COMMIT_FUNCTION(commit_unlock)(m*, void* arg) { static_cast<spin_lock*>(arg)->unlock(); }

__attribute__((noinline)) void wait_timed(queue_wait& wait, const wait_request& request, g& me) {
  if (me.is_thread()) {
    if (park_with(me, &commit_unlock, &request.lock, request.reason, nullptr, nullptr, request.deadline)) return;
    request.lock.lock();
    const bool mine = wait.leave(wake_status::timed_out);
    request.lock.unlock();
    if (!mine) park_thread_again(me);
    return;
  }
  wait.timer.fire = &queue_timer_fired;
  try {
    timer_arm(wait.timer, request.deadline);
  } catch (...) {
    request.queue.remove(wait.w);
    request.lock.unlock();
    throw;
  }
  park(me, request.lock, request.reason, &cancel_queue_wait, &wait);
  timer_stop_and_wait(wait.timer);  // [TH3]
}

}  // namespace

wake_status wait_in(const wait_request& request) {
  g& me = current_g();
  if (__builtin_expect(must_unwind(me), 0)) {
    request.lock.unlock();
    return wake_status::pending;
  }
  queue_wait wait;
  wait.queue = &request.queue;
  wait.lock = &request.lock;
  wait.w.owner = &me;
  wait.w.index = request.index;
  wait.w.element = request.element;
  if (request.front) {
    request.queue.push_front(wait.w);
  } else {
    request.queue.push_back(wait.w);
  }
  if (request.deadline == never) {
    park(me, request.lock, request.reason, &cancel_queue_wait, &wait);
  } else {
    wait_timed(wait, request, me);
  }
  return wait.w.status;
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
