// Channels: typed queues between Gs, as in Go.
#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <gmp/detail/chan_core.hpp>
#include <gmp/detail/context_core.hpp>
#include <gmp/detail/time.hpp>
#include <gmp/errors.hpp>

namespace gmp {

// What a call that does not block found.
enum class chan_status { ok, would_block, closed };

template <class T>
class chan;
template <class T>
class send_chan;
template <class T>
class recv_chan;

// A new channel. 0: unbuffered, a send meets its receive. Throws std::length_error (impossible
// capacity), std::bad_alloc. Go: make(chan T, capacity).
template <class T>
chan<T> make_chan(std::size_t capacity = 0);

namespace detail {

// What chan<T> and its two ends are: a counted reference to a channel, or nil. Self is the class of
// the user.
template <class Self>
class chan_handle {
 public:
  explicit operator bool() const noexcept { return ref_.get() != nullptr; }  // false: nil
  // The same channel?
  friend bool operator==(const Self& a, const Self& b) noexcept {
    return handle(a).ref_ == handle(b).ref_;
  }

 protected:
  chan_handle() noexcept = default;
  template <class Other>
  explicit chan_handle(const chan_handle<Other>& both) noexcept : ref_(both.ref_) {}
  template <class Other>
  explicit chan_handle(chan_handle<Other>&& both) noexcept : ref_(std::move(both.ref_)) {}

 private:
  friend struct chan_access;
  template <class Other>
  friend class chan_handle;
  static const chan_handle& handle(const Self& of) noexcept { return of; }
  chan_ref ref_;
};

struct chan_access {
  template <class Self>
  static chan_core* core(const chan_handle<Self>& channel) noexcept {
    return channel.ref_.get();
  }
  template <class Self>
  static chan_ref release(chan_handle<Self>&& channel) noexcept {
    return std::move(channel.ref_);
  }
  template <class C>
  static C adopt(chan_core* core) noexcept {
    C channel;
    channel.chan_handle<C>::ref_ = chan_ref(core);
    return channel;
  }
};

inline bool sent(chan_result result) {
  if (result == chan_result::closed) throw_closed_channel();
  return result == chan_result::ok;
}

// Room for one element that a receive may or may not fill.
template <class T>
class element_slot {
 public:
  element_slot() noexcept {}
  element_slot(const element_slot&) = delete;
  element_slot& operator=(const element_slot&) = delete;
  ~element_slot() {}
  void* address() noexcept { return &room_.value; }
  // After it was filled: moves the element out and ends it here.
  std::optional<T> take() {
    ender at_exit{room_.value};
    return std::optional<T>(std::move(room_.value));
  }
  void take_into(std::optional<T>& out) {
    ender at_exit{room_.value};
    out.emplace(std::move(room_.value));
  }
  void take_into(T& out) {
    ender at_exit{room_.value};
    if constexpr (std::is_move_assignable_v<T>) {
      out = std::move(room_.value);
    } else {
      std::destroy_at(&out);
      std::construct_at(&out, std::move(room_.value));
    }
  }

 private:
  struct ender {
    T& value;
    ~ender() { value.~T(); }
  };
  union room {
    room() noexcept {}
    ~room() {}
    T value;
  } room_;
};

// The receiving half of a channel of T; Self is chan<T> or recv_chan<T>.
template <class T, class Self>
class receiving {
 public:
  // Waits for an element; nullopt: closed and drained. A nil channel blocks for ever. Any G or
  // thread. Go: v, ok := <-ch.
  std::optional<T> recv() const {
    element_slot<T> slot;
    if (chan_recv(core(), slot.address(), forever) != chan_result::ok) return std::nullopt;
    return slot.take();
  }

  // The same, ended by a context too: one that is cancelled already fails at once. The first throws
  // std::system_error of ctx.err(); the second sets `why` (nullopt and no error: closed) and clears
  // it otherwise. Go: select with <-ctx.Done().
  std::optional<T> recv(const context& ctx) const {
    std::error_code why;
    std::optional<T> value = recv(ctx, why);
    throw_if_told(why, "gmp::chan::recv");
    return value;
  }
  std::optional<T> recv(const context& ctx, std::error_code& why) const {
    element_slot<T> slot;
    if (chan_recv_told(core(), slot.address(), ctx, why) != chan_result::ok) return std::nullopt;
    return slot.take();
  }

  // Never waits. The target changes only when ok is returned. Go: select with default.
  chan_status try_recv(T& out) const { return try_recv_into(out); }
  chan_status try_recv(std::optional<T>& out) const { return try_recv_into(out); }

  // Waits no longer than the duration: would_block when it passed.
  template <class Rep, class Period>
  chan_status recv_for(std::optional<T>& out, std::chrono::duration<Rep, Period> d) const {
    return recv_deadline(out, deadline_after(d));
  }
  template <class Clock, class Duration>
  chan_status recv_until(std::optional<T>& out, std::chrono::time_point<Clock, Duration> t) const {
    return recv_deadline(out, deadline_at(t));
  }

  // Elements waiting in the buffer, and its size; both are 0 for a nil channel. Go: len, cap.
  std::size_t len() const noexcept { return chan_len(core()); }
  std::size_t cap() const noexcept { return chan_cap(core()); }

  // for (T v : ch): receives until the channel is closed and drained. The elements are the loop's
  // to keep: *it is an rvalue, as a std::generator's is.
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() noexcept = default;
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&& other) {
      from_ = std::move(other.from_);
      value_.reset();
      if (other.value_) value_.emplace(std::move(*other.value_));
      return *this;
    }
    explicit iterator(Self from) : from_(std::move(from)), value_(from_.recv()) {}
    T&& operator*() const noexcept { return std::move(*value_); }
    T* operator->() const noexcept { return &*value_; }
    iterator& operator++() {
      value_.reset();
      if (std::optional<T> next = from_.recv()) value_.emplace(std::move(*next));
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
      return !it.value_.has_value();
    }

   private:
    Self from_;
    mutable std::optional<T> value_;
  };
  iterator begin() const { return iterator(static_cast<const Self&>(*this)); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  chan_core* core() const noexcept { return chan_access::core(static_cast<const Self&>(*this)); }

  template <class Out>
  chan_status try_recv_into(Out& out) const {
    element_slot<T> slot;
    switch (chan_try_recv(core(), slot.address())) {
      case chan_result::ok:
        slot.take_into(out);
        return chan_status::ok;
      case chan_result::closed:
        return chan_status::closed;
      default:
        return chan_status::would_block;
    }
  }
  chan_status recv_deadline(std::optional<T>& out, nanoseconds_count deadline) const {
    element_slot<T> slot;
    switch (chan_recv(core(), slot.address(), deadline)) {
      case chan_result::ok:
        slot.take_into(out);
        return chan_status::ok;
      case chan_result::closed:
        return chan_status::closed;
      default:
        return chan_status::would_block;
    }
  }
};

// Signals: nothing is carried.
template <class Self>
class receiving<void, Self> {
 public:
  // Waits for a signal; false: closed.
  bool recv() const { return chan_recv(core(), nullptr, forever) == chan_result::ok; }
  bool recv(const context& ctx) const {
    std::error_code why;
    const bool got = recv(ctx, why);
    throw_if_told(why, "gmp::chan::recv");
    return got;
  }
  bool recv(const context& ctx, std::error_code& why) const {
    return chan_recv_told(core(), nullptr, ctx, why) == chan_result::ok;
  }
  chan_status try_recv() const { return status(chan_try_recv(core(), nullptr)); }
  template <class Rep, class Period>
  chan_status recv_for(std::chrono::duration<Rep, Period> d) const {
    return status(chan_recv(core(), nullptr, deadline_after(d)));
  }
  std::size_t len() const noexcept { return chan_len(core()); }
  std::size_t cap() const noexcept { return chan_cap(core()); }

 private:
  chan_core* core() const noexcept { return chan_access::core(static_cast<const Self&>(*this)); }
  static chan_status status(chan_result result) noexcept {
    return result == chan_result::ok       ? chan_status::ok
           : result == chan_result::closed ? chan_status::closed
                                           : chan_status::would_block;
  }
};

template <class T, class Self>
class sending {
 public:
  // Waits until the element is received (unbuffered) or stored. Throws closed_channel, also when
  // the channel is closed while it waits. A nil channel blocks for ever. Any G or thread. Go: ch <-
  // v.
  void send(T value) const { sent(chan_send(core(), std::addressof(value), forever)); }

  // The same, ended by a context too: one that is cancelled already fails at once. The first throws
  // std::system_error of ctx.err(); the others set `why`, with the value untouched, or clear it.
  void send(T value, const context& ctx) const {
    std::error_code why;
    send(value, ctx, why);
    throw_if_told(why, "gmp::chan::send");
  }
  void send(T& value, const context& ctx, std::error_code& why) const {
    sent(chan_send_told(core(), std::addressof(value), ctx, why));
  }
  void send(T&& value, const context& ctx, std::error_code& why) const { send(value, ctx, why); }

  // Never waits. False: it would block, and the value is untouched. Throws closed_channel. Go:
  // select with default.
  bool try_send(T& value) const { return sent(chan_try_send(core(), std::addressof(value))); }
  bool try_send(T&& value) const { return sent(chan_try_send(core(), std::addressof(value))); }

  // Waits no longer than the duration; false when it passed, and the value is untouched then.
  template <class Rep, class Period>
  bool send_for(T& value, std::chrono::duration<Rep, Period> d) const {
    return sent(chan_send(core(), std::addressof(value), deadline_after(d)));
  }
  template <class Rep, class Period>
  bool send_for(T&& value, std::chrono::duration<Rep, Period> d) const {
    return send_for(value, d);
  }

  // No more sends; receivers get what is buffered, then nullopt. Wakes every waiter. Throws
  // closed_channel when closed already, nil_channel when nil. Go: close(ch).
  void close() const { chan_close(core()); }

  std::size_t len() const noexcept { return chan_len(core()); }
  std::size_t cap() const noexcept { return chan_cap(core()); }

 private:
  chan_core* core() const noexcept { return chan_access::core(static_cast<const Self&>(*this)); }
};

template <class Self>
class sending<void, Self> {
 public:
  void send() const { sent(chan_send(core(), nullptr, forever)); }
  void send(const context& ctx) const {
    std::error_code why;
    send(ctx, why);
    throw_if_told(why, "gmp::chan::send");
  }
  void send(const context& ctx, std::error_code& why) const {
    sent(chan_send_told(core(), nullptr, ctx, why));
  }
  bool try_send() const { return sent(chan_try_send(core(), nullptr)); }
  template <class Rep, class Period>
  bool send_for(std::chrono::duration<Rep, Period> d) const {
    return sent(chan_send(core(), nullptr, deadline_after(d)));
  }
  void close() const { chan_close(core()); }
  std::size_t len() const noexcept { return chan_len(core()); }
  std::size_t cap() const noexcept { return chan_cap(core()); }

 private:
  chan_core* core() const noexcept { return chan_access::core(static_cast<const Self&>(*this)); }
};

}  // namespace detail

// A reference to a channel: copying shares it, the last reference frees it. Default-constructed:
// nil, on which send and receive block for ever and select never fires. T: any movable type, or
// void. Every member may be called from any G or thread at the same time (but one object of this
// class is like a shared_ptr: assigning to it needs care). Equal: the same channel. False: nil.
template <class T>
class chan : public detail::chan_handle<chan<T>>,
             public detail::receiving<T, chan<T>>,
             public detail::sending<T, chan<T>> {
 public:
  chan() noexcept = default;
  using detail::receiving<T, chan<T>>::len;
  using detail::receiving<T, chan<T>>::cap;
};

// The sending end.
template <class T>
class send_chan : public detail::chan_handle<send_chan<T>>,
                  public detail::sending<T, send_chan<T>> {
 public:
  send_chan() noexcept = default;
  send_chan(const chan<T>& both) noexcept : detail::chan_handle<send_chan>(both) {}
  send_chan(chan<T>&& both) noexcept : detail::chan_handle<send_chan>(std::move(both)) {}
};

// The receiving end.
template <class T>
class recv_chan : public detail::chan_handle<recv_chan<T>>,
                  public detail::receiving<T, recv_chan<T>> {
 public:
  recv_chan() noexcept = default;
  recv_chan(const chan<T>& both) noexcept : detail::chan_handle<recv_chan>(both) {}
  recv_chan(chan<T>&& both) noexcept : detail::chan_handle<recv_chan>(std::move(both)) {}
};

template <class T>
chan<T> make_chan(std::size_t capacity) {
  return detail::chan_access::adopt<chan<T>>(
      detail::chan_make(detail::element_type_of<T>, capacity));
}

}  // namespace gmp
