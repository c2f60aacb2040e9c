// The supervisor as others than its manager see it.
#include "gmp/supervisor.hpp"

#include <cerrno>
#include <mutex>
#include <stdexcept>
#include <tuple>

#include "sync/supervisor_core.hpp"

namespace gmp::detail {

namespace {

nanos checked(std::chrono::nanoseconds d, const char* what) {
  if (d <= d.zero()) throw std::invalid_argument(what);
  return d.count();
}

}  // namespace

supervisor_core::supervisor_core(supervisor_options how, const context& parent)
    : options_(std::move(how)),
      within_(checked(options_.within, "gmp::supervisor_options::within must be positive")),
      backoff_(checked(options_.backoff, "gmp::supervisor_options::backoff must be positive")),
      max_backoff_(
          checked(options_.max_backoff, "gmp::supervisor_options::max_backoff must be positive")) {
  std::tie(context_, cancel_) = with_cancel_cause(parent);
}

// --- for others than the manager

void supervisor_core::start(std::unique_ptr<supervised> made) {
  if (context_.cancelled())
    throw std::system_error(error_of(ECANCELED), "gmp::supervisor: has ended");
  lock_.lock();
  try {
    added_.push_back(std::move(made));
  } catch (...) {
    lock_.unlock();
    throw;
  }
  news_ = true;
  const bool first = !std::exchange(active_, true);
  g* manager = release_first(manager_);
  lock_.unlock();
  if (manager != nullptr) ready(*manager);
  if (!first) return;
  try {
    group_.go([this] { run_manager(); });
  } catch (...) {
    lock_.lock();
    active_ = false;
    std::vector<std::unique_ptr<supervised>> lost = std::move(added_);
    added_.clear();
    waiter* chain = release_all(waiting_);
    lock_.unlock();
    ready_all(chain);
    throw;
  }
}

void supervisor_core::wait() {
  lock_.lock();
  if (active_) {
    if (wait_in({waiting_, lock_, wait_reason::task}) == wake_status::pending) {
      unwind(current_g());
      return;
    }
    lock_.lock();
  }
  const std::exception_ptr failure = failure_;
  lock_.unlock();
  if (failure == nullptr) return;
  if (g& me = current_g(); must_unwind(me)) {  // the manager was, too
    unwind(me);
  } else {
    std::rethrow_exception(failure);
  }
}

void supervisor_core::stop() {
  cancel_();
  lock_.lock();
  if (!active_) {
    lock_.unlock();
  } else if (wait_in({waiting_, lock_, wait_reason::task}) == wake_status::pending) {
    unwind(current_g());
  }
}

std::vector<child_info> supervisor_core::look() {
  std::vector<child_info> seen;
  const std::lock_guard hold(list_lock_);
  for (const auto& c : children_)
    seen.push_back(
        {c->name, c->running.load(memory_order_relaxed), c->restarts.load(memory_order_relaxed)});
  return seen;
}

// A child's G, as its last act.
void supervisor_core::ended(supervised& c, std::exception_ptr error) noexcept {
  lock_.lock();
  c.error = std::move(error);
  c.ended = true;
  news_ = true;
  g* manager = release_first(manager_);
  lock_.unlock();
  if (manager != nullptr) ready(*manager);
}

// --- for the header

supervisor_core* supervisor_make(supervisor_options how, const context& parent) {
  return new supervisor_core(std::move(how), parent);
}

void supervisor_free(supervisor_core* core) noexcept { delete core; }

void supervisor_start(supervisor_core& core, std::string name, restart policy,
                      std::function<void(const context&)> body) {
  auto made = std::make_unique<supervised>();
  made->name = std::move(name);
  made->policy = policy;
  made->body = std::move(body);
  core.start(std::move(made));
}

void supervisor_wait(supervisor_core& core) { core.wait(); }
void supervisor_stop(supervisor_core& core) { core.stop(); }
std::vector<child_info> supervisor_children(supervisor_core& core) { return core.look(); }
const context& supervisor_context(const supervisor_core& core) noexcept { return core.where(); }

}  // namespace gmp::detail

namespace gmp {

supervisor_failed::supervisor_failed(const std::string& child, unsigned restarts,
                                     std::exception_ptr last)
    : std::runtime_error("gmp::supervisor: \"" + child + "\" ended after " +
                         std::to_string(restarts) + " restarts"),
      cause_(std::move(last)) {}

supervisor_failed::~supervisor_failed() = default;

}  // namespace gmp
