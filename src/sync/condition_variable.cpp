// The condition variable.
//
// CV1  A waiter stands in the queue before its lock is given back, in the order of the calls of
// wait(): a notification that
//      comes before it parks finds it there (`standing`), and then it does not park at all.
// CV2  Who takes a waiter out of the queue owns its wake-up, and readies its G only if it was
// `parked`. CV3  A stop request notifies all after it has become visible; a waiter looks for it
// after it has queued up. So it is
//      either notified or sees the request.
#include "gmp/condition_variable.hpp"

#include <memory>

#include "sync/wait.hpp"

namespace gmp {

using namespace detail;

namespace {

// waiter::index, under the queue's lock.
enum stance : std::uint32_t { standing, parked };

}  // namespace

void condition_variable::notify_one() noexcept {
  if (queue_.empty())
    return;  // a waiter that must be seen queued up before the lock was given to whoever calls this
  lock_.lock();
  g* owner = nullptr;
  if (waiter* w = queue_.pop_front(); w != nullptr) {
    w->status = wake_status::ok;
    if (w->index == parked) owner = w->owner;
  }
  lock_.unlock();
  if (owner != nullptr) ready(*owner);
}

void condition_variable::notify_all() noexcept {
  if (queue_.empty()) return;
  lock_.lock();
  waiter* chain = nullptr;
  waiter** end = &chain;
  while (waiter* w = queue_.pop_front()) {
    w->status = wake_status::ok;
    if (w->index != parked) continue;  // [CV2]
    *end = w;
    end = &w->next;
  }
  *end = nullptr;
  lock_.unlock();
  ready_all(chain);
}

cv_wake condition_variable::wait_on(lock_handle lock, nanoseconds_count deadline,
                                    const std::stop_token* token) {
  g& me = current_g();
  if (__builtin_expect(must_unwind(me), 0)) {
    unwind(me);
    return cv_wake::cancelled;
  }
  queue_wait wait;
  wait.queue = &queue_;
  wait.lock = &lock_;
  wait.w.owner = &me;
  wait.w.index = standing;
  lock_.lock();
  queue_.push_back(wait.w);  // [CV1]
  lock_.unlock();
  try {
    lock.unlock(lock.lock);
  } catch (...) {
    lock_.lock();
    const bool notified = !wait.leave(wake_status::retry);
    lock_.unlock();
    if (notified) notify_one();  // it was meant for somebody who waits
    throw;
  }
  cv_wake how = cv_wake::notified;
  lock_.lock();
  if (!wait.w.queued) {
    lock_.unlock();
  } else if (token != nullptr && token->stop_requested()) {  // [CV3]
    wait.leave(wake_status::retry);
    lock_.unlock();
    how = cv_wake::stopped;
  } else {
    wait.w.index = parked;
    try {
      wait_queued(wait, wait_reason::condition_variable, deadline);
    } catch (...) {  // no memory for the timer
      lock.relock(lock.lock);
      throw;
    }
    if (wait.w.status == wake_status::timed_out) how = cv_wake::timed_out;
    if (wait.w.status == wake_status::pending) how = cv_wake::cancelled;
  }
  lock.relock(lock.lock);
  if (__builtin_expect(how == cv_wake::cancelled, 0)) unwind(me);
  return how;
}

namespace detail {

struct stop_notifier::home {
  stop_notifier* self;
  condition_variable* where;
  const std::stop_token* token;

  GMPSCHED_HOME static void make(void* arg);
  GMPSCHED_HOME static void end(void* arg);
};

void stop_notifier::home::make(void* arg) {
  auto& request = *static_cast<home*>(arg);
  std::construct_at(&request.self->callback_, *request.token, stop_notify{request.where});
}

void stop_notifier::home::end(void* arg) {
  std::destroy_at(&static_cast<home*>(arg)->self->callback_);
}

void stop_notify::operator()() const noexcept { where->notify_all(); }

stop_notifier::stop_notifier(condition_variable& where, const std::stop_token& token) {
  home request{this, &where, &token};
  call_on_home(&home::make, &request);
}

stop_notifier::~stop_notifier() {
  home request{this, nullptr, nullptr};
  call_on_home(&home::end, &request);
}

}  // namespace detail
}  // namespace gmp
