// Waiting for the first of several channel operations, as Go's select statement.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include <gmp/chan.hpp>

namespace gmp {

namespace detail {

struct no_callback {
  template <class... A>
  void operator()(A&&...) const noexcept {}
};

struct select_case_tag {};

// The channel of a case. A handle that is somebody's variable is referred to, as by a call of its
// members; a temporary is kept. So a select over variables counts no references.
class case_channel {
 public:
  explicit case_channel(chan_ref&& temporary) noexcept
      : core_(temporary.get()), kept_(std::move(temporary)) {}
  explicit case_channel(chan_core* borrowed) noexcept : core_(borrowed) {}
  chan_core* core() const noexcept { return core_; }
  void keep() noexcept {
    if (core_ == nullptr || kept_.get() != nullptr) return;
    chan_retain(core_);
    kept_ = chan_ref(core_);
  }

 private:
  chan_core* core_;
  chan_ref kept_;
};

// `End`: recv_chan<T> or send_chan<T>, what the case needs of the channel.
template <class End, class C>
case_channel channel_of(C&& channel) {
  if constexpr (std::is_lvalue_reference_v<C>) {
    return case_channel(chan_access::core(channel));
  } else {
    return case_channel(chan_access::release(End(std::forward<C>(channel))));
  }
}

template <class T, class F>
class recv_case : public select_case_tag {
 public:
  recv_case(case_channel from, F f) : from_(std::move(from)), function_(std::move(f)) {}
  recv_case(recv_case&& other)
      : from_(std::move(other.from_)), function_(std::move(other.function_)) {}

  void keep() noexcept { from_.keep(); }
  void prepare(select_op& op) noexcept {
    op.kind = select_kind::receive;
    op.core = from_.core();
    op.element = slot_.address();
  }
  void finish(const select_op& op) {
    call(op.result == chan_result::ok ? slot_.take() : std::optional<T>());
  }

 private:
  void call(std::optional<T> value) {
    if constexpr (std::is_invocable_v<F&, std::optional<T>>) {
      static_cast<void>(std::invoke(function_, std::move(value)));
    } else {
      static_cast<void>(std::invoke(function_));
    }
  }
  case_channel from_;
  F function_;
  element_slot<T> slot_;
};

template <class F>
class recv_case<void, F> : public select_case_tag {
 public:
  recv_case(case_channel from, F f) : from_(std::move(from)), function_(std::move(f)) {}
  void keep() noexcept { from_.keep(); }
  void prepare(select_op& op) noexcept {
    op.kind = select_kind::receive;
    op.core = from_.core();
  }
  void finish(const select_op& op) {
    if constexpr (std::is_invocable_v<F&, bool>) {
      static_cast<void>(std::invoke(function_, op.result == chan_result::ok));
    } else {
      static_cast<void>(std::invoke(function_));
    }
  }

 private:
  case_channel from_;
  F function_;
};

template <class T, class F>
class send_case : public select_case_tag {
 public:
  template <class V>
  send_case(case_channel to, V&& value, F f)
      : to_(std::move(to)), value_(std::forward<V>(value)), function_(std::move(f)) {}
  void keep() noexcept { to_.keep(); }
  void prepare(select_op& op) noexcept {
    op.kind = select_kind::send;
    op.core = to_.core();
    op.element = std::addressof(value_);
  }
  void finish(const select_op& op) {
    if (op.result == chan_result::closed) throw_closed_channel();
    static_cast<void>(std::invoke(function_));
  }

 private:
  case_channel to_;
  T value_;
  F function_;
};

template <class F>
class send_case<void, F> : public select_case_tag {
 public:
  send_case(case_channel to, F f) : to_(std::move(to)), function_(std::move(f)) {}
  void keep() noexcept { to_.keep(); }
  void prepare(select_op& op) noexcept {
    op.kind = select_kind::send;
    op.core = to_.core();
  }
  void finish(const select_op& op) {
    if (op.result == chan_result::closed) throw_closed_channel();
    static_cast<void>(std::invoke(function_));
  }

 private:
  case_channel to_;
  F function_;
};

template <class F>
class timeout_case : public select_case_tag {
 public:
  timeout_case(nanoseconds_count delay, F f) : delay_(delay), function_(std::move(f)) {}
  void prepare(select_op& op) noexcept {
    op.kind = select_kind::timeout;
    op.deadline = deadline_in(delay_);
  }
  void finish(const select_op&) { static_cast<void>(std::invoke(function_)); }

 private:
  nanoseconds_count delay_;
  F function_;
};

template <class F>
class default_case : public select_case_tag {
 public:
  explicit default_case(F f) : function_(std::move(f)) {}
  void prepare(select_op& op) noexcept { op.kind = select_kind::otherwise; }
  void finish(const select_op&) { static_cast<void>(std::invoke(function_)); }

 private:
  F function_;
};

template <class C>
concept a_select_case = std::is_base_of_v<select_case_tag, std::remove_cvref_t<C>>;

template <class T>
struct channel_element;
template <class T>
struct channel_element<chan<T>> : std::type_identity<T> {};
template <class T>
struct channel_element<send_chan<T>> : std::type_identity<T> {};
template <class T>
struct channel_element<recv_chan<T>> : std::type_identity<T> {};
template <class C>
using element_of = typename channel_element<std::remove_cvref_t<C>>::type;

}  // namespace detail

// Fires when an element can be received or the channel is closed: f(std::optional<T>), for
// chan<void> f(bool). `ch`: chan<T> or recv_chan<T>, looked at now, once; nil never fires. As with
// the views of the standard library, a temporary is kept by the case, a variable is referred to: a
// case that is stored must not outlive the channel's last handle (select_case keeps both). Go: case
// v, ok := <-ch.
template <class C, class F = detail::no_callback>
requires std::is_convertible_v<C, recv_chan<detail::element_of<C>>>
auto on_recv(C&& ch, F f = {}) {
  using element = detail::element_of<C>;
  return detail::recv_case<element, F>(detail::channel_of<recv_chan<element>>(std::forward<C>(ch)),
                                       std::move(f));
}

// The same with the element's type given: on_recv<int>(ch, f).
template <class T, class F = detail::no_callback>
auto on_recv(std::type_identity_t<recv_chan<T>> ch, F f = {}) {
  return detail::recv_case<T, F>(detail::channel_of<recv_chan<T>>(std::move(ch)), std::move(f));
}

// Fires when the value can be sent: f(). Chosen on a closed channel: select throws closed_channel.
// Go: case ch <- value.
template <class C, class V, class F = detail::no_callback>
requires std::is_convertible_v<C, send_chan<detail::element_of<C>>> &&
    (!std::is_void_v<detail::element_of<C>>)auto on_send(C&& ch, V&& value, F f = {}) {
  using element = detail::element_of<C>;
  return detail::send_case<element, F>(detail::channel_of<send_chan<element>>(std::forward<C>(ch)),
                                       std::forward<V>(value), std::move(f));
}
template <class C, class F = detail::no_callback>
requires std::is_convertible_v<C, send_chan<void>>
auto on_send(C&& ch, F f = {}) {
  return detail::send_case<void, F>(detail::channel_of<send_chan<void>>(std::forward<C>(ch)),
                                    std::move(f));
}

// The same with the element's type given: on_send<int>(ch, 1, f).
template <class T, class F = detail::no_callback>
requires(!std::is_void_v<T>) auto on_send(std::type_identity_t<send_chan<T>> ch,
                                          std::type_identity_t<T> value, F f = {}) {
  return detail::send_case<T, F>(detail::channel_of<send_chan<T>>(std::move(ch)), std::move(value),
                                 std::move(f));
}

// Fires when nothing else did for the duration, counted from the select. Go: case <-time.After(d).
template <class Rep, class Period, class F = detail::no_callback>
auto on_timeout(std::chrono::duration<Rep, Period> d, F f = {}) {
  return detail::timeout_case<F>(detail::clamp_duration(d), std::move(f));
}

// Fires at once when nothing else is ready. Go: default.
template <class F = detail::no_callback>
auto otherwise(F f = {}) {
  return detail::default_case<F>(std::move(f));
}

// Any of the above, for a number of cases known only at run time. Movable. It keeps its channel.
class select_case {
 public:
  template <detail::a_select_case C>
  select_case(C c) : held_(std::make_unique<holder<C>>(std::move(c))) {}

 private:
  friend std::size_t select(std::span<select_case> cases);
  struct base {
    virtual ~base() = default;
    virtual void prepare(detail::select_op& op) = 0;
    virtual void finish(const detail::select_op& op) = 0;
  };
  template <class C>
  struct holder final : base {
    explicit holder(C c) : held(std::move(c)) {
      if constexpr (requires { held.keep(); }) held.keep();
    }
    void prepare(detail::select_op& op) override { held.prepare(op); }
    void finish(const detail::select_op& op) override { held.finish(op); }
    C held;
  };
  std::unique_ptr<base> held_;
};

// Waits until one case can go on, carries out exactly that one, calls its callback and returns its
// index. Of several ready ones a random one is taken. The decision is one atomic look at all
// channels. Exceptions of callbacks and of element moves pass through. Without cases: blocks for
// ever. Any G or thread. Go: select.
template <class... Case>
requires(detail::a_select_case<Case>&&...) std::size_t select(Case&&... cases) {
  constexpr std::size_t n = sizeof...(Case);
  detail::select_op ops[n + 1];
  detail::waiter_room<n> waiters;
  detail::select_op* order[2 * n + 1];
  std::size_t i = 0;
  (cases.prepare(ops[i++]), ...);
  const std::size_t chosen = detail::select_run(ops, waiters.first(), order, n);
  i = 0;
  (void)((i++ == chosen ? (cases.finish(ops[chosen]), true) : false) || ...);
  return chosen;
}

// The same for a number of cases known at run time, at most 65,535 (std::length_error).
std::size_t select(std::span<select_case> cases);

}  // namespace gmp
