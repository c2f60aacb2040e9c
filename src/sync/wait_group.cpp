// The wait group.
//
// WG1  state_ = 2 * counter + (somebody waits or is about to). Whoever changes it to 1, zero with
// waiters, owes them the
//      wake-up, and nobody else touches the queue for them: until it has come, a new caller of
//      wait() queues up too.
#include "gmp/wait_group.hpp"

#include <limits>
#include <stdexcept>

#include "sync/context_node.hpp"
#include "sync/wait.hpp"

namespace gmp {

using namespace detail;

namespace {

constexpr std::int64_t waiting = 1;

[[noreturn]] __attribute__((noinline, cold)) void throw_negative() {
  throw std::logic_error("gmp::wait_group: negative counter");
}

[[noreturn]] __attribute__((noinline, cold)) void throw_range() {
  throw std::logic_error("gmp::wait_group: counter out of range");
}

}  // namespace

void wait_group::add(std::ptrdiff_t n) {
  constexpr std::ptrdiff_t most = std::numeric_limits<std::int64_t>::max() / 8;
  if (__builtin_expect(n > most || n < -most, 0)) throw_range();
  const std::int64_t change = 2 * static_cast<std::int64_t>(n);
  // acq_rel: what happened before each done() happens before the return from wait().
  const std::int64_t now = state_.fetch_add(change, memory_order_acq_rel) + change;
  if (__builtin_expect(now < 0, 0)) {
    state_.fetch_sub(change, memory_order_relaxed);
    throw_negative();
  }
  if (now == waiting) became_zero();
}

void wait_group::became_zero() noexcept {
  lock_.lock();
  state_.fetch_and(~waiting, memory_order_relaxed);
  waiter* chain = release_all(queue_);
  lock_.unlock();  // the object may be gone from here on
  ready_all(chain);
}

// Announces a waiter. True: the caller holds lock_, and is to wait.
[[gnu::always_inline]] inline bool wait_group::must_wait() noexcept {
  lock_.lock();
  std::int64_t seen = state_.load(memory_order_acquire);
  do {
    if (seen == 0) {
      lock_.unlock();
      return false;
    }
  } while ((seen & waiting) == 0 &&
           !state_.compare_exchange_weak(seen, seen | waiting, memory_order_acq_rel,
                                         memory_order_acquire));
  return true;
}

void wait_group::wait(const context& ctx, std::error_code& why) {
  why = context_error(context_access::node(ctx));
  // acquire: as in wait().
  if (why.value() != 0 || state_.load(memory_order_acquire) == 0) return;
  context_wait wait(canceller_of(context_access::node(ctx)), queue_, lock_);
  if (must_wait() && !wait.park_or_unwind(wait_reason::wait_group)) why = told_error(ctx);
}

void wait_group::wait(const context& ctx) {
  std::error_code why;
  wait(ctx, why);
  throw_if_told(why, "gmp::wait_group::wait");
}

void wait_group::wait() {
  // acquire, here and below: pairs with the acq_rel in add().
  if (state_.load(memory_order_acquire) == 0) return;
  if (!must_wait()) return;
  if (wait_in({queue_, lock_, wait_reason::wait_group}) == wake_status::pending)
    unwind(current_g());
}

}  // namespace gmp
