// The pool: workers without work stand in one queue, newest first, and callers that found none in
// another, oldest first.
//
// PL1  Somebody waits for a worker => none is idle, and there are as many as there may be, or
//      somebody was told to make one (retry) and has not looked yet.
// PL2  A worker taken out of idle_ has its next job, or none: it is not counted then, and ends.
// PL3  A job in waiting_ belongs to its caller; who takes the caller out with `ok` owns it.
// PL4  The core is freed after the last worker has left; its last access is to free lock_.
#include "gmp/pool.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "sync/context_node.hpp"
#include "sync/wait.hpp"

namespace gmp::detail {

class pool_core {
 public:
  pool_core(std::size_t size, pool_options how)
      : idle_after_(clamp_duration(how.idle_after)),
        on_panic_(std::move(how.on_panic)),
        limit_(size),
        purger_{{}, this} {}
  ~pool_core() { timer_stop_and_wait(purger_.node); }  // [TH3]
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;

  bool give(std::unique_ptr<pool_job>& job, pool_request& how);
  std::size_t purge() noexcept;
  void resize(std::size_t size);
  void close() noexcept;
  void wait_until_empty();
  void wait_for_certain() noexcept;
  pool_stats look() noexcept;

 private:
  // What an idle worker's waiter points to.
  struct place {
    pool_job* next;  // null: end [PL2]
    nanos since;
  };
  struct purge_timer {
    timer_node node;  // first: the callback gets its address
    pool_core* owner;
  };

  // Under lock_.
  g* hand_over(pool_job* job) noexcept;
  waiter* leave_locked() noexcept;
  waiter* end_idle(nanos since, std::size_t most) noexcept;
  void arm_purger(nanos now) noexcept;

  __attribute__((noinline)) void count(std::uint64_t& counter, int by) noexcept;
  void start_worker(pool_job* job);
  void work(pool_job* job);
  void run(pool_job* job);
  pool_job* next_job();
  void leave() noexcept;
  static nanos purge_due(timer_node& timer, nanos, nanos now);

  const nanos idle_after_;
  const std::function<void(std::exception_ptr)> on_panic_;
  spin_lock lock_;
  // Under lock_:
  std::size_t limit_;
  std::size_t workers_ = 0;
  bool closed_ = false;
  bool armed_ = false;
  std::uint64_t submitted_ = 0, completed_ = 0, panics_ = 0, purged_ = 0;
  wait_queue idle_;
  wait_queue waiting_;
  wait_queue empty_;  // those who wait for the last worker to leave
  purge_timer purger_;
};

// --- taking work on

namespace {

[[noreturn]] __attribute__((noinline, cold)) void throw_closed() {
  throw std::system_error(error_of(ECANCELED), "gmp::pool: closed");
}

// In front of the chain.
waiter* chained(waiter* w, wake_status status, waiter* chain) noexcept {
  w->status = status;
  w->next = chain;
  return w;
}

}  // namespace

// To the worker that has been idle for the shortest time. Null: there is none.
g* pool_core::hand_over(pool_job* job) noexcept {
  waiter* w = idle_.pop_front();
  if (w == nullptr) return nullptr;
  static_cast<place*>(w->element)->next = job;
  w->status = wake_status::ok;
  ++submitted_;
  return w->owner;
}

bool pool_core::give(std::unique_ptr<pool_job>& job, pool_request& how) {
  if (how.ctx != nullptr) how.why = how.ctx->err();
  if (how.why.value() != 0) return false;
  context_wait wait(how.ctx == nullptr ? nullptr : canceller_of(context_access::node(*how.ctx)),
                    waiting_, lock_);
  for (bool again = false;; again = true) {
    lock_.lock();
    if (closed_) {
      lock_.unlock();
      throw_closed();
    }
    if (g* worker = hand_over(job.get()); worker != nullptr) {
      lock_.unlock();
      static_cast<void>(job.release());
      ready(*worker);
      return true;
    }
    if (workers_ < limit_) {
      ++workers_;
      ++submitted_;
      lock_.unlock();
      start_worker(job.get());
      static_cast<void>(job.release());
      return true;
    }
    if (how.deadline < 0) {
      lock_.unlock();
      return false;
    }
    switch (wait.park_here(wait_reason::semaphore, job.get(), again, how.deadline)) {
      case wake_status::ok:
        static_cast<void>(job.release());  // [PL3]
        return true;
      case wake_status::retry:
        continue;
      case wake_status::closed:
        throw_closed();
      case wake_status::cancelled:
        if (how.ctx == nullptr) __builtin_unreachable();  // who else would have cancelled it
        how.why = told_error(*how.ctx);
        return false;
      case wake_status::pending:
        unwind(current_g());
        return false;
      default:
        return false;  // the deadline passed
    }
  }
}

void pool_core::count(std::uint64_t& counter, int by) noexcept {
  lock_.lock();
  counter += static_cast<std::uint64_t>(by);
  lock_.unlock();
}

void pool_core::start_worker(pool_job* job) {
  try {
    spawner<scheduler*>::go(nullptr, [this, job] { work(job); });
  } catch (...) {
    count(submitted_, -1);
    leave();  // somebody else may have more luck [PL1]
    throw;
  }
}

// --- a worker

void pool_core::work(pool_job* job) {
  struct leaver {
    pool_core* core;
    ~leaver() {
      if (core != nullptr) core->leave();
    }
  } unwound{this};
  for (; job != nullptr; job = next_job()) run(job);
  unwound.core = nullptr;  // counted off already
}

void pool_core::run(pool_job* job) {
  struct ender {
    pool_core& core;
    std::unique_ptr<pool_job> job;
    ~ender() { core.count(core.completed_, 1); }
  } at_exit{*this, std::unique_ptr<pool_job>(job)};
  if (!on_panic_) {
    job->run();  // not caught here: the report tells where it was thrown
    return;
  }
  try {
    job->run();
  } catch (const unwind_exception&) {
    throw;
  } catch (...) {
    count(panics_, 1);
    on_panic_(std::current_exception());
  }
}

// Null: the worker was counted off and is to end.
pool_job* pool_core::next_job() {
  place mine{nullptr, now_on_g()};
  lock_.lock();
  if (workers_ <= limit_) {
    if (waiter* w = waiting_.pop_front(); w != nullptr) {
      auto* job = static_cast<pool_job*>(w->element);
      w->status = wake_status::ok;
      ++submitted_;
      g& caller = *w->owner;
      lock_.unlock();
      ready(caller);
      return job;
    }
    if (!closed_) {
      arm_purger(mine.since);
      const wake_status status =
          wait_in({idle_, lock_, wait_reason::semaphore, never, true, 0, &mine});
      if (status == wake_status::ok) return mine.next;
      unwind(current_g());
      lock_.lock();
    }
  }
  waiter* chain = leave_locked();
  lock_.unlock();  // [PL4]
  ready_all(chain);
  return nullptr;
}

// Returns who is to be readied.
waiter* pool_core::leave_locked() noexcept {
  waiter* chain = --workers_ == 0 ? release_all(empty_) : nullptr;
  if (workers_ < limit_) {
    if (waiter* w = waiting_.pop_front(); w != nullptr)
      chain = chained(w, wake_status::retry, chain);
  }
  return chain;
}

void pool_core::leave() noexcept {
  lock_.lock();
  waiter* chain = leave_locked();
  lock_.unlock();  // [PL4]
  ready_all(chain);
}

// --- ending workers

// Takes out at most so many that are idle since that time or longer. Returns them, to be readied.
waiter* pool_core::end_idle(nanos since, std::size_t most) noexcept {
  waiter* chain = nullptr;
  for (waiter *w = idle_.front(), *older; w != nullptr && most > 0; w = older) {
    older = w->next;
    auto& its = *static_cast<place*>(w->element);
    if (its.since > since) continue;
    idle_.remove(*w);
    its.next = nullptr;
    chain = chained(w, wake_status::ok, chain);
    --workers_;
    ++purged_;
    --most;
  }
  return chain;
}

// Only while workers are idle, so that a pool at rest keeps no timer for ever. Without memory for
// it they stay a while longer.
void pool_core::arm_purger(nanos now) noexcept {
  const nanos due = idle_after_ >= never - now ? never : now + idle_after_;
  const bool lost = purger_.node.state.load(memory_order_relaxed) == timer_node::phase::idle;
  if (due == never || (armed_ && !lost)) return;  // lost: the runtime that kept the time has ended
  purger_.node.fire = &purge_due;
  try {
    if (!timer_rearm(purger_.node, due)) timer_arm(purger_.node, due);
    armed_ = true;
  } catch (...) {
    armed_ = false;
  }
}

// On a scheduler's stack.
nanos pool_core::purge_due(timer_node& timer, nanos, nanos now) {
  pool_core& core = *reinterpret_cast<purge_timer&>(timer).owner;
  core.lock_.lock();
  waiter* chain = core.end_idle(now - core.idle_after_, ~std::size_t{0});
  nanos oldest = never;  // of those that are left
  for (const waiter* w = core.idle_.front(); w != nullptr; w = w->next)
    oldest = std::min(oldest, static_cast<place*>(w->element)->since);
  core.armed_ = oldest != never;
  const nanos due = core.armed_ ? oldest + core.idle_after_ : never;
  core.lock_.unlock();
  ready_all(chain);
  return due;
}

std::size_t pool_core::purge() noexcept {
  lock_.lock();
  const std::size_t before = workers_;
  waiter* chain = end_idle(never, ~std::size_t{0});
  const std::size_t ended = before - workers_;
  lock_.unlock();
  ready_all(chain);
  return ended;
}

void pool_core::resize(std::size_t size) {
  if (size == 0) throw std::invalid_argument("gmp::pool::resize: zero");
  waiter* chain = nullptr;
  lock_.lock();
  const std::size_t before = workers_;
  limit_ = size;
  if (workers_ > limit_) chain = end_idle(never, workers_ - limit_);
  for (std::size_t room = before; room < limit_; ++room) {
    waiter* w = waiting_.pop_front();
    if (w == nullptr) break;
    chain = chained(w, wake_status::retry, chain);  // [PL1]
  }
  lock_.unlock();
  ready_all(chain);
}

void pool_core::close() noexcept {
  lock_.lock();
  closed_ = true;
  waiter* chain = end_idle(never, ~std::size_t{0});
  while (waiter* w = waiting_.pop_front()) chain = chained(w, wake_status::closed, chain);
  lock_.unlock();
  ready_all(chain);
}

void pool_core::wait_until_empty() {
  lock_.lock();
  if (workers_ == 0) {
    lock_.unlock();
  } else if (wait_in({empty_, lock_, wait_reason::task}) == wake_status::pending) {
    unwind(current_g());
  }
}

// No end of the runtime ends this wait: stop() passes it over, and the workers are unwound.
void pool_core::wait_for_certain() noexcept {
  lock_.lock();
  if (workers_ == 0) {
    lock_.unlock();
    return;
  }
  waiter w;
  w.owner = &current_g();
  empty_.push_back(w);
  park(*w.owner, lock_, wait_reason::task, nullptr, nullptr);
}

pool_stats pool_core::look() noexcept {
  pool_stats seen;
  lock_.lock();
  seen.size = limit_;
  seen.workers = workers_;
  for (const waiter* w = idle_.front(); w != nullptr; w = w->next) ++seen.idle;
  for (const waiter* w = waiting_.front(); w != nullptr; w = w->next) ++seen.waiting;
  seen.submitted = submitted_;
  seen.completed = completed_;
  seen.panics = panics_;
  seen.purged = purged_;
  lock_.unlock();
  return seen;
}

// --- for the header

pool_core* pool_make(std::size_t size, pool_options how) {
  if (size == 0) throw std::invalid_argument("gmp::pool: no workers");
  if (how.idle_after <= how.idle_after.zero())
    throw std::invalid_argument("gmp::pool_options::idle_after must be positive");
  return new pool_core(size, std::move(how));
}

void pool_close(pool_core& core) {
  core.close();
  core.wait_until_empty();
}

void pool_free(pool_core* core) noexcept {
  core->close();
  core->wait_for_certain();
  delete core;
}

bool pool_give(pool_core& core, std::unique_ptr<pool_job>& job, pool_request& how) {
  return core.give(job, how);
}
std::size_t pool_purge(pool_core& core) noexcept { return core.purge(); }
void pool_resize(pool_core& core, std::size_t size) { core.resize(size); }
pool_stats pool_look(pool_core& core) noexcept { return core.look(); }

}  // namespace gmp::detail
