// The weighted semaphore.
//
// SEM1  Somebody waits => the first of them asks for more than permits_. So whoever adds permits or
// leaves the queue grants
//       until that holds again.
// SEM2  Permits are handed over: who is taken out of the queue has them already.
#include "gmp/semaphore.hpp"

#include <limits>
#include <stdexcept>

#include "sync/context_node.hpp"
#include "sync/wait.hpp"

namespace gmp {

using namespace detail;

namespace {

[[noreturn]] __attribute__((noinline, cold)) void throw_negative(const char* what) {
  throw std::invalid_argument(what);
}

[[noreturn]] __attribute__((noinline, cold)) void throw_overflow() {
  throw std::overflow_error("gmp::semaphore::release: too many permits");
}

std::ptrdiff_t asked(const waiter& w) noexcept { return *static_cast<std::ptrdiff_t*>(w.element); }

}  // namespace

semaphore::semaphore(std::ptrdiff_t permits) : permits_(permits) {
  if (permits < 0) throw_negative("gmp::semaphore: negative number of permits");
}

void semaphore::acquire(std::ptrdiff_t k) {
  if (!try_acquire(k)) acquire_deadline(k, never);
}

bool semaphore::try_acquire(std::ptrdiff_t k) {
  if (__builtin_expect(k <= 0, 0)) {
    if (k < 0) throw_negative("gmp::semaphore: negative number of permits");
    return true;
  }
  lock_.lock();
  const bool mine = permits_ >= k && queue_.empty();
  if (mine) permits_ -= k;
  lock_.unlock();
  return mine;
}

bool semaphore::acquire_deadline(std::ptrdiff_t k, nanoseconds_count deadline) {
  lock_.lock();
  if (permits_ >= k && queue_.empty()) {
    permits_ -= k;
    lock_.unlock();
    return true;
  }
  const wake_status status =
      wait_in({queue_, lock_, wait_reason::semaphore, deadline, false, 0, &k});
  if (status == wake_status::ok) return true;
  gave_up();
  if (status == wake_status::pending) unwind(current_g());
  return false;
}

void semaphore::acquire(std::ptrdiff_t k, const context& ctx, std::error_code& why) {
  why = context_error(context_access::node(ctx));
  if (why.value() != 0 || try_acquire(k)) return;
  context_wait wait(canceller_of(context_access::node(ctx)), queue_, lock_);
  lock_.lock();
  if (permits_ >= k && queue_.empty()) {
    permits_ -= k;
    lock_.unlock();
    return;
  }
  const wake_status status = wait.park_here(wait_reason::semaphore, &k);
  if (status == wake_status::ok) return;
  gave_up();
  if (status == wake_status::pending) unwind(current_g());
  why = told_error(ctx);
}

void semaphore::acquire(std::ptrdiff_t k, const context& ctx) {
  std::error_code why;
  acquire(k, ctx, why);
  throw_if_told(why, "gmp::semaphore::acquire");
}

// Under the lock: takes out whoever can go on, in order. [SEM1, SEM2]
waiter* semaphore::grant() noexcept {
  waiter* chain = nullptr;
  waiter** end = &chain;
  for (waiter* w = queue_.front(); w != nullptr && asked(*w) <= permits_; w = queue_.front()) {
    permits_ -= asked(*w);
    queue_.remove(*w);
    w->status = wake_status::ok;
    *end = w;
    end = &w->next;
  }
  *end = nullptr;
  return chain;
}

// A large request left the queue: smaller ones behind it may go on.
void semaphore::gave_up() noexcept {
  lock_.lock();
  waiter* chain = grant();
  lock_.unlock();
  ready_all(chain);
}

void semaphore::release(std::ptrdiff_t k) {
  if (k < 0) throw_negative("gmp::semaphore: negative number of permits");
  lock_.lock();
  if (__builtin_expect(k > std::numeric_limits<std::ptrdiff_t>::max() - permits_, 0)) {
    lock_.unlock();
    throw_overflow();
  }
  permits_ += k;
  waiter* chain = grant();
  lock_.unlock();
  ready_all(chain);
}

}  // namespace gmp
