// Gs that belong together: they end before the group does, and fail together.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmp/context.hpp>
#include <gmp/detail/completion.hpp>
#include <gmp/errors.hpp>
#include <gmp/go.hpp>

namespace gmp {

// task_group g(collect_all): a failure does not cancel the other tasks, and none is forgotten.
struct collect_all_t {
  explicit collect_all_t() = default;
};
inline constexpr collect_all_t collect_all{};

// What wait() of a collecting group throws.
class group_errors : public std::runtime_error {
 public:
  explicit group_errors(std::vector<std::exception_ptr> all);
  ~group_errors() override;
  // At least one; in the order in which the tasks failed.
  const std::vector<std::exception_ptr>& errors() const noexcept { return *all_; }

 private:
  std::shared_ptr<const std::vector<std::exception_ptr>> all_;
};

namespace detail {

class group_core;

group_core* group_make(const context& parent, bool collect);
void group_retain(group_core& core) noexcept;
void group_release(group_core& core) noexcept;
bool group_enter(group_core& core, bool may_wait);  // false: no place was taken
void group_leave(group_core& core) noexcept;
void group_failed(group_core& core, std::exception_ptr why) noexcept;
void group_wait(group_core& core);
void group_wait_told(group_core& core, const context& ctx, std::error_code& why);
void group_end(group_core& core) noexcept;
void group_set_limit(group_core& core, std::ptrdiff_t n);
void group_cancel(group_core& core) noexcept;
const context& group_context(const group_core& core) noexcept;

// One task's place in its group: given back when the task and all it captured are gone.
class group_place {
 public:
  group_place(group_core& core, bool may_wait)
      : core_(group_enter(core, may_wait) ? &core : nullptr) {
    if (core_ != nullptr) group_retain(*core_);
  }
  group_place(group_place&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  group_place& operator=(group_place&&) = delete;
  ~group_place() {
    if (core_ == nullptr) return;
    group_leave(*core_);
    group_release(*core_);
  }
  explicit operator bool() const noexcept { return core_ != nullptr; }

  template <class F>
  void run(F& body) {
    try {
      F mine = std::move(body);
      if constexpr (std::is_invocable_v<F, context>) {
        static_cast<void>(std::invoke(std::move(mine), group_context(*core_)));
      } else {
        static_cast<void>(std::invoke(std::move(mine)));
      }
    } catch (const unwind_exception&) {
      group_failed(*core_, stopped_error());
      throw;
    } catch (...) {
      group_failed(*core_, std::current_exception());
    }
  }

 private:
  group_core* core_;
};

}  // namespace detail

// Tasks with one fate. The first exception that leaves a task cancels context() and is rethrown by
// wait(); the others are to end soon, which is theirs to do: they look at the context or pass it to
// what they wait for. No task outlives the group. Any G or thread may use one at the same time as
// others, but for the constructors and the destructor. Go: golang.org/x/sync/errgroup.
class task_group {
 public:
  // Its context is derived from `parent`. These throw std::bad_alloc.
  explicit task_group(const gmp::context& parent = {}) : core_(detail::group_make(parent, false)) {}
  explicit task_group(collect_all_t, const gmp::context& parent = {})
      : core_(detail::group_make(parent, true)) {}
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;
  // Cancels the context, waits for the tasks, drops their failures. It waits even while the runtime
  // stops: its tasks are unwound too.
  ~task_group() {
    detail::group_end(*core_);
    detail::group_release(*core_);
  }

  // Calls f(), or f(context) if it takes one, on a new G; waits first while as many tasks run as
  // the limit allows. The task counts until f has returned and what it captured is gone. Tasks may
  // start others. A cancelled group starts tasks all the same. Throws what gmp::go() throws;
  // nothing was started then. Go: Go.
  template <class F>
  requires(!detail::is_g_options<F>) void go(F&& f) {
    start(detail::group_place(*core_, true), std::forward<F>(f));
  }
  // The same with a name, stack size and facts. (No exception leaves the task's G: `panic` of the
  // options has no effect.)
  template <class F>
  void go(const g_options& how, F&& f) {
    start(detail::group_place(*core_, true), std::forward<F>(f), how);
  }

  // The same if it need not wait. False: the limit is reached, f was not touched. Go: TryGo.
  template <class F>
  [[nodiscard]] bool try_go(F&& f) {
    detail::group_place place(*core_, false);
    if (!place) return false;
    start(std::move(place), std::forward<F>(f));
    return true;
  }

  // Waits until no task is left, then rethrows the first failure if there was one; a collecting
  // group throws group_errors. Every call does so: a group that has failed stays so. Go: Wait.
  void wait() { detail::group_wait(*core_); }

  // The same, ended by a context too: a cancelled one fails at once, and the tasks go on. The first
  // throws std::system_error of ctx.err(); the second sets `why` or clears it.
  void wait(const gmp::context& ctx) {
    std::error_code why;
    wait(ctx, why);
    detail::throw_if_told(why, "gmp::task_group::wait");
  }
  void wait(const gmp::context& ctx, std::error_code& why) {
    detail::group_wait_told(*core_, ctx, why);
  }

  // At most n tasks at a time; negative: any number, as at first. Throws std::invalid_argument
  // (zero), std::logic_error while tasks run. Go: SetLimit.
  void set_limit(std::ptrdiff_t n) { detail::group_set_limit(*core_, n); }

  // Cancels the context; wait() does not call that a failure.
  void cancel() noexcept { detail::group_cancel(*core_); }

  // For the tasks. Cancelled by the first failure, which is its cause(), and by cancel().
  gmp::context context() const noexcept { return detail::group_context(*core_); }

 private:
  template <class F, class... How>
  static void start(detail::group_place place, F&& f, const How&... how) {
    using body_type = std::decay_t<F>;
    static_assert(std::is_invocable_v<body_type> || std::is_invocable_v<body_type, gmp::context>,
                  "gmp::task_group::go: the callable takes nothing or a gmp::context");
    if (!place) return;  // a destructor, while the runtime stops
    gmp::go(how..., [held = std::move(place), body = body_type(std::forward<F>(f))]() mutable {
      detail::group_place mine(std::move(held));
      mine.run(body);
    });
  }

  detail::group_core* core_;
};

}  // namespace gmp
