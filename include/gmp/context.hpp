// Contexts: when to give up, and values for a whole call tree, as in Go.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <system_error>
#include <type_traits>
#include <utility>

#include <gmp/chan.hpp>
#include <gmp/detail/context_core.hpp>
#include <gmp/detail/time.hpp>
#include <gmp/select.hpp>

namespace gmp {

// A reference to one node of a tree: what it is told, all that were derived from it are told too.
// Cheap to copy; pass it by value or reference, first or last among the arguments. Every member may
// be called from any G or thread at the same time, without a runtime too, not from signal handlers.
// (One object of this class is like a shared_ptr: assigning to it needs care.) Go: context.Context.
class context {
 public:
  // background().
  context() noexcept = default;
  // Never cancelled, no deadline, no values: the root of every tree. Go: context.Background.
  static context background() noexcept { return {}; }

  // A channel that is closed when this context is cancelled; nil if it never can be. Throws
  // std::bad_alloc. Go: Done.
  [[nodiscard]] recv_chan<void> done() const;

  // Empty, std::errc::operation_canceled, or std::errc::timed_out when the deadline passed. Not
  // empty => done() is closed, and the other way round. Go: Err.
  [[nodiscard]] std::error_code err() const noexcept { return detail::context_error(ref_.get()); }
  [[nodiscard]] bool cancelled() const noexcept { return err().value() != 0; }

  // Why it was cancelled: what the first to cancel it gave, or a std::system_error of err(). Null
  // while it is not cancelled. Throws std::bad_alloc. Go: context.Cause.
  [[nodiscard]] std::exception_ptr cause() const { return detail::context_cause(ref_.get()); }

  // When it will be cancelled at the latest. Go: Deadline.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept;

  // The nearest value of that key: a type with `using type = T;`. Go: Value.
  template <class Key>
  [[nodiscard]] std::optional<typename Key::type> value() const {
    const detail::context_value* found =
        detail::context_find(ref_.get(), &detail::context_key<Key>);
    if (found == nullptr) return std::nullopt;
    return static_cast<const detail::held_value<Key>*>(found)->value;
  }

  // A stop is requested of it when this context is cancelled: after everything that was derived
  // from this one is cancelled, and without any lock held, the callbacks run on whoever cancels; at
  // a deadline that is a G of its own. Throws std::bad_alloc.
  [[nodiscard]] std::stop_token token() const;

  // The same node?
  friend bool operator==(const context& a, const context& b) noexcept { return a.ref_ == b.ref_; }

 private:
  friend struct detail::context_access;
  detail::context_ref ref_;
};

// Cancels one context and everything derived from it; when the call returns that is done (or being
// done by somebody else who was first). Idempotent. Copies act on the same context, and the end of
// the last copy cancels it: keep one as long as the work goes on. Any G or thread, also in a
// destructor while an exception is under way or the runtime stops; not from signal handlers. Go:
// context.CancelFunc.
class [[nodiscard]] cancel_function : private detail::cancel_handle {
 public:
  cancel_function() noexcept = default;  // of nothing
  void operator()() const noexcept { cancel(nullptr); }
  using cancel_handle::operator bool;

 private:
  friend struct detail::context_access;
  using cancel_handle::cancel_handle;
};

// The same, told why: what cause() gives then. Go: context.CancelCauseFunc.
class [[nodiscard]] cancel_cause_function : private detail::cancel_handle {
 public:
  cancel_cause_function() noexcept = default;
  void operator()() const noexcept { cancel(nullptr); }
  void operator()(const std::exception_ptr& why) const noexcept { cancel(why); }
  // These throw std::bad_alloc.
  void operator()(std::error_code why) const {
    cancel(std::make_exception_ptr(std::system_error(why)));
  }
  template <std::derived_from<std::exception> E>
  void operator()(E why) const {
    cancel(std::make_exception_ptr(std::move(why)));
  }
  using cancel_handle::operator bool;

 private:
  friend struct detail::context_access;
  using cancel_handle::cancel_handle;
};

// Contexts derived from `parent`. All may throw std::bad_alloc. What was derived from a cancelled
// context is cancelled from the start, for the same reason. Once cancelled, or once the last copy
// of its cancel function is gone, a context leaves nothing in its parent.

// Cancelled by its function. Go: WithCancel, WithCancelCause.
[[nodiscard]] std::pair<context, cancel_function> with_cancel(const context& parent);
[[nodiscard]] std::pair<context, cancel_cause_function> with_cancel_cause(const context& parent);

// Cancelled also when the time has come, with err() timed_out; the parent's deadline counts if it
// is earlier. A time in the past cancels at once. Otherwise a runtime must keep the time: without
// one in the process std::system_error, and when it stops the deadline will not come any more. Go:
// WithTimeout, WithDeadline.
template <class Rep, class Period>
[[nodiscard]] std::pair<context, cancel_function> with_timeout(
    const context& parent, std::chrono::duration<Rep, Period> d) {
  return detail::context_access::timed(parent, detail::deadline_after(d), nullptr);
}
template <class Clock, class Duration>
[[nodiscard]] std::pair<context, cancel_function> with_deadline(
    const context& parent, std::chrono::time_point<Clock, Duration> t) {
  return detail::context_access::timed(parent, detail::deadline_at(t), nullptr);
}
// The same; cause() gives `why` when the time has come. Go: WithTimeoutCause, WithDeadlineCause.
template <class Rep, class Period>
[[nodiscard]] std::pair<context, cancel_function> with_timeout_cause(
    const context& parent, std::chrono::duration<Rep, Period> d, const std::exception_ptr& why) {
  return detail::context_access::timed(parent, detail::deadline_after(d), why);
}
template <class Clock, class Duration>
[[nodiscard]] std::pair<context, cancel_function> with_deadline_cause(
    const context& parent, std::chrono::time_point<Clock, Duration> t,
    const std::exception_ptr& why) {
  return detail::context_access::timed(parent, detail::deadline_at(t), why);
}

// Carries a value. Cancelled with its parent. `value` is copied out by every look, so keep it small
// or a shared_ptr. Go: WithValue.
template <class Key>
[[nodiscard]] context with_value(const context& parent, typename Key::type value) {
  return detail::context_access::with_value(
      parent, std::make_unique<detail::held_value<Key>>(std::move(value)));
}

// The values of the parent alone: never cancelled, no deadline. Go: WithoutCancel.
[[nodiscard]] context without_cancel(const context& parent);

// Prevents an after_func(). Copyable; dropping it changes nothing.
class stop_function {
 public:
  stop_function() noexcept = default;
  // True: this call prevented the callable from being started, and it is destroyed as soon as no
  // copy of this is left. False: it was started, or stopped before. Does not wait for it. Any G or
  // thread.
  bool operator()() const noexcept { return call_.get() != nullptr && call_.stop(); }

 private:
  friend struct detail::context_access;
  detail::context_call_ref call_;
};

// Calls f() on a new G once `ctx` is cancelled, at once if it is already. The G belongs to the
// runtime of the caller of after_func; if that has stopped by then, f is not called. Whoever
// cancels does not wait for it (and runs it himself when there is no memory for a G). An exception
// that leaves f is a panic. Throws std::system_error without a runtime, std::bad_alloc. Go:
// AfterFunc.
template <class F>
stop_function after_func(const context& ctx, F f) {
  static_assert(std::is_invocable_v<F&>, "gmp::after_func: the callable takes no arguments");
  return detail::context_access::after_func(ctx,
                                            std::make_unique<detail::held_call<F>>(std::move(f)));
}

namespace detail {

template <class F>
class done_case : public select_case_tag {
 public:
  done_case(const context& ctx, F f)
      : context_(ctx), channel_(ctx.done()), function_(std::move(f)) {}
  void prepare(select_op& op) noexcept {
    op.kind = select_kind::receive;
    op.core = chan_access::core(channel_);
  }
  void finish(const select_op&) {
    if constexpr (std::is_invocable_v<F&, std::error_code>) {
      static_cast<void>(std::invoke(function_, context_.err()));
    } else {
      static_cast<void>(std::invoke(function_));
    }
  }

 private:
  context context_;
  recv_chan<void> channel_;
  F function_;
};

}  // namespace detail

// A select case: fires when the context is cancelled, f(std::error_code) or f(). Throws
// std::bad_alloc. Go: case <-ctx.Done().
template <class F = detail::no_callback>
auto on_done(const context& ctx, F f = {}) {
  return detail::done_case<F>(ctx, std::move(f));
}

}  // namespace gmp
