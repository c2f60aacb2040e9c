// The G that manages a supervisor's children.
#include <algorithm>
#include <mutex>
#include <tuple>

#include "gmp/go.hpp"
#include "sync/supervisor_core.hpp"

namespace gmp::detail {

void supervisor_core::run_manager() {
  try {
    manage();
  } catch (const unwind_exception&) {
    abandon(stopped_error());
    throw;
  } catch (...) {
    abandon(std::current_exception());
  }
}

// The runtime stops, or there is no memory: the children are told, and so is whoever waits.
void supervisor_core::abandon(std::exception_ptr why) noexcept {
  cancel_(why);
  lock_.lock();
  active_ = false;
  failure_ = std::move(why);
  waiter* chain = release_all(waiting_);
  lock_.unlock();
  ready_all(chain);
}

void supervisor_core::manage() {
  do {
    settle_ended();
    if (context_.cancelled()) close();
    if (!closing_) start_due(now_on_g());
    forget_gone();
    if (!children_.empty()) wait_for_news();
  } while (!finish());
}

// Takes over who was added and who has ended since the last look.
void supervisor_core::settle_ended() {
  std::vector<std::unique_ptr<child>> added;
  lock_.lock();
  news_ = false;
  added.swap(added_);
  lock_.unlock();
  {
    const std::lock_guard hold(list_lock_);
    for (auto& c : added) children_.push_back(std::move(c));
  }
  const nanos now = now_on_g();
  for (auto& c : children_) {
    lock_.lock();
    const bool over = std::exchange(c->ended, false);
    const std::exception_ptr error = std::exchange(c->error, nullptr);
    lock_.unlock();
    if (over) settle(*c, error, now);
  }
}

void supervisor_core::settle(child& c, const std::exception_ptr& error, nanos now) {
  c.cancel = {};
  c.running.store(false, memory_order_relaxed);
  const bool asked = c.state == phase::stopping;
  const bool again = asked                            ? c.policy != restart::temporary
                     : c.policy == restart::transient ? error != nullptr
                                                      : c.policy == restart::permanent;
  if (closing_ || context_.cancelled() || !again) {
    c.state = phase::gone;
    tell(c, error, 0);
  } else if (asked) {
    c.state = phase::down;
    c.due = round_due_;
    tell(c, error, std::max<nanos>(c.due - now, 1));
  } else {
    restart_later(c, error, now);
  }
}

void supervisor_core::restart_later(child& c, const std::exception_ptr& error, nanos now) {
  while (!recent_.empty() && now - recent_.front() > within_) recent_.pop_front();
  if (recent_.size() >= options_.max_restarts) {
    c.state = phase::gone;
    tell(c, error, 0);
    give_up(c, error);
    return;
  }
  recent_.push_back(now);
  const nanos delay = delay_of(c, now);
  c.state = phase::down;
  c.due = now + delay;
  tell(c, error, delay);
  if (options_.strategy == supervision::one_for_one) return;
  round_due_ = std::max(round_due_, c.due);
  for (auto& other : children_) {
    if (other->state == phase::down) other->due = std::max(other->due, round_due_);
    if (other->state != phase::running) continue;
    other->state = phase::stopping;
    other->cancel();
  }
}

// Doubles for as long as the child does not hold out.
nanos supervisor_core::delay_of(child& c, nanos now) const noexcept {
  if (now - c.begun >= within_) c.in_a_row = 0;
  nanos delay = backoff_;
  for (unsigned i = 0; i < c.in_a_row && delay < max_backoff_; ++i) delay *= 2;
  ++c.in_a_row;
  return std::min(delay, max_backoff_);
}

// `delay` zero: it is not started again.
void supervisor_core::tell(const child& c, const std::exception_ptr& error, nanos delay) const {
  if (options_.on_exit)
    options_.on_exit({c.name, error, delay != 0, std::chrono::nanoseconds(delay)});
}

namespace {

struct failure_request {
  const std::string* name;
  unsigned restarts;
  std::exception_ptr last;
  std::exception_ptr made;
};

GMPSCHED_HOME_FUNCTION(make_failure)(void* arg) {
  auto& request = *static_cast<failure_request*>(arg);
  request.made =
      std::make_exception_ptr(supervisor_failed(*request.name, request.restarts, request.last));
}

}  // namespace

void supervisor_core::give_up(const child& c, const std::exception_ptr& error) {
  failure_request request{&c.name, options_.max_restarts, error, nullptr};
  call_on_home(&make_failure, &request);
  lock_.lock();
  failure_ = request.made;
  lock_.unlock();
  cancel_(request.made);
  close();
}

// The context is cancelled, and with it those of the children.
void supervisor_core::close() {
  closing_ = true;
  for (auto& c : children_)
    if (c->state == phase::down) c->state = phase::gone;
}

void supervisor_core::start_due(nanos now) {
  if (any(phase::stopping)) return;  // the round starts when all have ended
  for (auto& c : children_)
    if (c->state == phase::down && c->due <= now) start_child(*c, now);
}

void supervisor_core::start_child(child& c, nanos now) {
  if (c.begun != 0) count(c.restarts, std::uint64_t{1});
  c.begun = now;
  c.state = phase::running;
  std::tie(c.ctx, c.cancel) = with_cancel(context_);
  c.running.store(true, memory_order_relaxed);
  try {
    group_.go(g_options{.name = c.name}, [this, &c] {
      struct ender {
        supervisor_core& core;
        child& c;
        std::exception_ptr error;
        ~ender() { core.ended(c, std::move(error)); }
      } at_exit{*this, c, nullptr};
      try {
        c.body(c.ctx);
      } catch (const unwind_exception&) {
        at_exit.error = stopped_error();
        throw;
      } catch (...) {
        at_exit.error = std::current_exception();
      }
    });
  } catch (const std::exception&) {  // no memory for a G: as if it had failed at once
    ended(c, std::current_exception());
  }
}

void supervisor_core::forget_gone() {
  const std::lock_guard hold(list_lock_);
  std::erase_if(children_, [](const auto& c) { return c->state == phase::gone; });
}

bool supervisor_core::any(phase wanted) const noexcept {
  for (const auto& c : children_)
    if (c->state == wanted) return true;
  return false;
}

nanos supervisor_core::next_due() const noexcept {
  nanos due = never;
  if (any(phase::stopping)) return due;
  for (const auto& c : children_)
    if (c->state == phase::down) due = std::min(due, c->due);
  return due;
}

void supervisor_core::wait_for_news() {
  context_wait wait(closing_ ? nullptr : canceller_of(context_access::node(context_)), manager_,
                    lock_);
  const nanos due = next_due();
  lock_.lock();
  if (news_) {  // [SV2]
    lock_.unlock();
    return;
  }
  if (wait.park_here(wait_reason::task, nullptr, false, due) == wake_status::pending)
    unwind(current_g());
}

// True: no child is left, and the manager ends.
bool supervisor_core::finish() {
  if (!children_.empty()) return false;
  lock_.lock();
  if (news_ || !added_.empty()) {
    lock_.unlock();
    return false;
  }
  active_ = false;
  waiter* chain = release_all(waiting_);
  lock_.unlock();
  ready_all(chain);
  return true;
}

}  // namespace gmp::detail
