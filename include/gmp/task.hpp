// A G whose result somebody waits for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <type_traits>
#include <utility>

#include <gmp/detail/completion.hpp>
#include <gmp/detail/spawn.hpp>

namespace gmp {

namespace detail {

template <class R>
struct task_state {
  std::atomic<std::uint32_t> references{2};  // the task and the G
  completion done;
  outcome<R> result;

  void drop() noexcept {
    // acq_rel: the last one sees all the other did before it deletes.
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
};

[[noreturn]] void throw_empty_task();

// Makes tasks of a state whose other reference somebody else holds.
struct task_access;

}  // namespace detail

// The handle of spawn(): move-only. Dropping it detaches the G. Any one thread or G at a time may
// use a task.
template <class R>
class [[nodiscard]] task {
 public:
  task() noexcept = default;
  task(task&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      release();
      state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
  }
  ~task() { release(); }

  // Waits, then returns the result or rethrows the exception; the task is empty afterwards. Once:
  // std::future_error-like std::logic_error on an empty task.
  R get() {
    check();
    if (!state_->done.wait()) std::rethrow_exception(detail::stopped_error());
    auto* state = std::exchange(state_, nullptr);
    struct dropper {
      detail::task_state<R>* state;
      ~dropper() { state->drop(); }
    } at_exit{state};
    return state->result.take();
  }

  // Waits until the G has returned or thrown.
  void wait() const {
    check();
    state_->done.wait();
  }
  // The same, ended by a context too: a cancelled one fails at once. The first throws
  // std::system_error of ctx.err(); the second sets `why` or clears it. The G goes on.
  void wait(const context& ctx) const {
    std::error_code why;
    wait(ctx, why);
    detail::throw_if_told(why, "gmp::task::wait");
  }
  void wait(const context& ctx, std::error_code& why) const {
    check();
    state_->done.wait_told(ctx, why);
  }
  // The same with a limit. True: done.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> d) const {
    check();
    return state_->done.wait_until(detail::deadline_after(d));
  }
  template <class Clock, class Duration>
  bool wait_until(std::chrono::time_point<Clock, Duration> t) const {
    check();
    return state_->done.wait_until(detail::deadline_at(t));
  }

  // False: moved from, or got already.
  bool valid() const noexcept { return state_ != nullptr; }
  explicit operator bool() const noexcept { return valid(); }

 private:
  template <class F, class... A>
  friend auto make_task_access(detail::scheduler*, F&&, A&&...);
  friend struct detail::task_access;
  explicit task(detail::task_state<R>* state) noexcept : state_(state) {}
  void check() const {
    if (state_ == nullptr) detail::throw_empty_task();
  }
  void release() noexcept {
    if (state_ != nullptr) std::exchange(state_, nullptr)->drop();
  }

  detail::task_state<R>* state_ = nullptr;
};

struct detail::task_access {
  template <class R>
  static task<R> adopt(task_state<R>* state) noexcept {
    return task<R>(state);
  }
};

template <class F, class... A>
auto make_task_access(detail::scheduler* sched, F&& f, A&&... args) {
  using result = std::invoke_result_t<std::decay_t<F>, std::decay_t<A>...>;
  using state_type = detail::task_state<result>;
  struct dropper {
    state_type* state;
    explicit dropper(state_type* s) noexcept : state(s) {}
    dropper(dropper&& other) noexcept : state(std::exchange(other.state, nullptr)) {}
    ~dropper() {
      if (state == nullptr) return;
      state->done.signal();  // also when the G was unwound or never started
      state->drop();
    }
  };
  auto* state = new state_type;
  task<result> handle(state);
  detail::spawner<detail::scheduler*>::go(
      sched, [owner = dropper(state), body = std::decay_t<F>(std::forward<F>(f)),
              held = std::tuple<std::decay_t<A>...>(std::forward<A>(args)...)]() mutable {
        dropper mine(std::move(owner));
        auto call = [function = std::move(body), values = std::move(held)]() mutable -> result {
          static_cast<void>(values);  // not used without arguments
          if constexpr (sizeof...(A) == 0)
            return std::invoke(std::move(function));
          else
            return std::apply(
                [&](auto&... each) -> result {
                  return std::invoke(std::move(function), std::move(each)...);
                },
                values);
        };
        mine.state->result.fill(call);
      });
  return handle;
}

namespace detail {
template <class F, class... A>
auto make_task(scheduler* sched, F&& f, A&&... args) {
  return make_task_access(sched, std::forward<F>(f), std::forward<A>(args)...);
}
}  // namespace detail

}  // namespace gmp
