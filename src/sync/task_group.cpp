// Task groups: a count of tasks, those who wait for it to become zero, and those who wait for room.
//
// TG1  Somebody waits for room => as many tasks run as the limit allows. The place of a task that
// ends is handed over: who is taken
//      out of room_ has it already.
// TG2  Every task refers to the core, so the end of the last one touches it safely; the group
// itself ends only after that.
#include "gmp/task_group.hpp"

#include <limits>
#include <new>
#include <string>
#include <tuple>

#include "base/atomic.hpp"
#include "sync/context_node.hpp"
#include "sync/wait.hpp"

namespace gmp {

namespace detail {

class group_core {
 public:
  group_core(const context& parent, bool collect) : collect_(collect) {
    std::tie(context_, cancel_) = with_cancel_cause(parent);
  }
  ~group_core();
  group_core(const group_core&) = delete;
  group_core& operator=(const group_core&) = delete;

  bool enter(bool may_wait);
  void leave() noexcept;
  void failed(std::exception_ptr why) noexcept;
  void wait();
  void wait_told(const context& ctx, std::error_code& why);
  void wait_for_certain() noexcept;
  void set_limit(std::ptrdiff_t n);

  atomic<std::uint32_t> references_{1};
  context context_;
  cancel_cause_function cancel_;

 private:
  // One failure; the list only grows, at its end.
  struct failure {
    std::exception_ptr what;
    failure* next = nullptr;
  };
  void rethrow();

  const bool collect_;
  // Under lock_:
  spin_lock lock_;
  std::size_t running_ = 0;
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  wait_queue room_;
  wait_queue waiting_;
  std::exception_ptr first_;  // not collecting; or there was no memory for a list
  failure* failures_ = nullptr;
  failure** end_ = &failures_;
  std::size_t failed_ = 0;  // in the list
};

group_core::~group_core() {
  while (failures_ != nullptr) delete std::exchange(failures_, failures_->next);
}

bool group_core::enter(bool may_wait) {
  lock_.lock();
  if (running_ < limit_) {
    ++running_;
    lock_.unlock();
    return true;
  }
  if (!may_wait) {
    lock_.unlock();
    return false;
  }
  const wake_status status = wait_in({room_, lock_, wait_reason::semaphore});
  if (status == wake_status::pending) unwind(current_g());
  return status == wake_status::ok;
}

void group_core::leave() noexcept {
  lock_.lock();
  g* next = running_ <= limit_ ? release_first(room_) : nullptr;  // [TG1]
  waiter* chain = nullptr;
  if (next == nullptr && --running_ == 0) chain = release_all(waiting_);
  lock_.unlock();
  if (next != nullptr) ready(*next);
  ready_all(chain);
}

void group_core::failed(std::exception_ptr why) noexcept {
  failure* made = collect_ ? new (std::nothrow) failure{why} : nullptr;
  lock_.lock();
  const bool first = first_ == nullptr && failed_ == 0;
  if (made != nullptr) {
    *end_ = made;
    end_ = &made->next;
    ++failed_;
  } else if (first_ == nullptr) {
    first_ = why;
  }
  lock_.unlock();
  if (first && !collect_) cancel_(std::move(why));
}

void group_core::wait() {
  lock_.lock();
  if (running_ == 0) {
    lock_.unlock();
  } else if (wait_in({waiting_, lock_, wait_reason::task}) == wake_status::pending) {
    unwind(current_g());
    return;
  }
  rethrow();
}

void group_core::wait_told(const context& ctx, std::error_code& why) {
  why = ctx.err();
  if (why.value() != 0) return;
  bool ended = true;
  {
    context_wait wait(canceller_of(context_access::node(ctx)), waiting_, lock_);
    lock_.lock();
    if (running_ == 0) {
      lock_.unlock();
    } else {
      ended = wait.park_or_unwind(wait_reason::task);
    }
  }
  if (ended) {
    rethrow();
  } else {
    why = told_error(ctx);
  }
}

void group_core::rethrow() {
  lock_.lock();
  const std::exception_ptr first = first_;
  const failure* each = failures_;
  std::size_t n = failed_;
  lock_.unlock();
  if (first == nullptr && n == 0) return;
  if (g& me = current_g(); must_unwind(me)) {  // the tasks were, too
    unwind(me);
    return;
  }
  if (!collect_) std::rethrow_exception(first);
  std::vector<std::exception_ptr> all;
  all.reserve(n + 1);
  for (; n > 0; --n) {
    all.push_back(each->what);
    if (n > 1) each = each->next;  // the last one's link may be written meanwhile
  }
  if (first != nullptr) all.push_back(first);
  throw group_errors(std::move(all));
}

// No end of the runtime ends this wait: stop() passes it over, and the tasks end by being unwound.
void group_core::wait_for_certain() noexcept {
  lock_.lock();
  if (running_ == 0) {
    lock_.unlock();
    return;
  }
  waiter w;
  w.owner = &current_g();
  waiting_.push_back(w);
  park(*w.owner, lock_, wait_reason::task, nullptr, nullptr);
}

void group_core::set_limit(std::ptrdiff_t n) {
  if (n == 0) throw std::invalid_argument("gmp::task_group::set_limit: zero");
  lock_.lock();
  const bool idle = running_ == 0;
  if (idle) limit_ = n < 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(n);
  lock_.unlock();
  if (!idle) throw std::logic_error("gmp::task_group::set_limit: tasks are running");
}

group_core* group_make(const context& parent, bool collect) {
  return new group_core(parent, collect);
}

void group_retain(group_core& core) noexcept {
  core.references_.fetch_add(1, memory_order_relaxed);
}

void group_release(group_core& core) noexcept {
  // acq_rel: whoever frees has seen everything the others did.
  if (core.references_.fetch_sub(1, memory_order_acq_rel) == 1) delete &core;
}

bool group_enter(group_core& core, bool may_wait) { return core.enter(may_wait); }
void group_leave(group_core& core) noexcept { core.leave(); }
void group_failed(group_core& core, std::exception_ptr why) noexcept {
  core.failed(std::move(why));
}
void group_wait(group_core& core) { core.wait(); }
void group_wait_told(group_core& core, const context& ctx, std::error_code& why) {
  core.wait_told(ctx, why);
}
void group_set_limit(group_core& core, std::ptrdiff_t n) { core.set_limit(n); }
void group_cancel(group_core& core) noexcept { core.cancel_(); }
const context& group_context(const group_core& core) noexcept { return core.context_; }

void group_end(group_core& core) noexcept {
  core.cancel_();
  core.wait_for_certain();
}

}  // namespace detail

group_errors::group_errors(std::vector<std::exception_ptr> all)
    : std::runtime_error("gmp::task_group: " + std::to_string(all.size()) + " failed"),
      all_(std::make_shared<const std::vector<std::exception_ptr>>(std::move(all))) {}

group_errors::~group_errors() = default;

}  // namespace gmp
