#include "gmp/detail/completion.hpp"

#include <stdexcept>
#include <system_error>

#include "gmp/task.hpp"
#include "sync/context_node.hpp"
#include "sync/wait.hpp"

namespace gmp::detail {

void completion::signal() noexcept {
  lock_.lock();
  done_ = true;
  waiter* chain = release_all(waiters_);
  lock_.unlock();  // the object may be gone from here on
  ready_all(chain);
}

bool completion::done() noexcept {
  lock_.lock();  // not an atomic flag: who sees it may destroy the object, so signal() must be past
                 // its last touch
  const bool answer = done_;
  lock_.unlock();
  return answer;
}

bool completion::wait() {
  lock_.lock();
  if (done_) {
    lock_.unlock();
    return true;
  }
  const wake_status status = wait_in({waiters_, lock_, wait_reason::task, never, false, 0, &lock_});
  if (status == wake_status::pending) unwind(current_g());
  return status == wake_status::ok;
}

bool completion::wait_told(const context& ctx, std::error_code& why) {
  why = context_error(context_access::node(ctx));
  if (why.value() != 0) return false;
  context_wait wait(canceller_of(context_access::node(ctx)), waiters_, lock_);
  lock_.lock();
  if (done_) {
    lock_.unlock();
    return true;
  }
  if (wait.park_or_unwind(wait_reason::task)) return true;
  why = told_error(ctx);
  return false;
}

void completion::wait_for_certain() {
  lock_.lock();
  if (done_) {
    lock_.unlock();
    return;
  }
  waiter w;
  w.owner = &current_g();
  waiters_.push_back(w);
  park(*w.owner, lock_, wait_reason::task, nullptr,
       nullptr);  // no cancel function: stop() passes it over
}

bool completion::wait_until(nanoseconds_count deadline) {
  lock_.lock();
  if (done_ || deadline <= now_on_g()) {
    const bool answer = done_;
    lock_.unlock();
    return answer;
  }
  const wake_status status = wait_in({waiters_, lock_, wait_reason::task, deadline});
  if (status == wake_status::pending) unwind(current_g());
  return status == wake_status::ok;
}

std::exception_ptr stopped_error() noexcept {
  return std::make_exception_ptr(
      std::system_error(std::make_error_code(std::errc::operation_canceled),
                        "gmp: the runtime stopped before the G ended"));
}

// What was started by who is unwound anyway must not end as his panic.
void throw_stopped_error() {
  if (g& me = current_g(); must_unwind(me)) unwind(me);
  std::rethrow_exception(stopped_error());
}

void throw_empty_task() { throw std::logic_error("gmp::task: empty (moved from, or got already)"); }

}  // namespace gmp::detail
