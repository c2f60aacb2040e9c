// What channels of every element type share: the library's half, untyped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

#include <gmp/detail/time.hpp>
#include <gmp/detail/waiter.hpp>

namespace gmp {
class context;
}

namespace gmp::detail {

// How the core handles elements.
struct element_type {
  std::uint32_t size;  // 0: no value at all
  std::uint32_t align;
  bool trivial;                        // bytes may be copied, nothing to destroy
  void (*move)(void* to, void* from);  // constructs *to; may throw, nothing is constructed then
  void (*destroy)(void* element) noexcept;
};

template <class T>
inline constexpr element_type element_type_of{
    sizeof(T),
    alignof(T),
    std::is_trivially_copyable_v<T>,
    [](void* to, void* from) { ::new (to) T(std::move(*static_cast<T*>(from))); },
    [](void* element) noexcept { static_cast<T*>(element)->~T(); },
};
template <>
inline constexpr element_type element_type_of<void>{0, 1, true, nullptr, nullptr};

enum class chan_result : std::uint8_t {
  ok,
  would_block,
  closed,
  timed_out,
  cancelled,  // the runtime stops, and the caller is a destructor that must not throw
};

class chan_core;

// Reference counted. Capacity too large for memory's address space: std::length_error; no memory:
// std::bad_alloc.
chan_core* chan_make(const element_type& type, std::size_t capacity);
void chan_retain(chan_core* core) noexcept;
void chan_release(chan_core* core) noexcept;

// core null = nil channel. `deadline` forever: none. Exceptions of element moves pass through.
chan_result chan_send(chan_core* core, void* from, nanoseconds_count deadline);
chan_result chan_try_send(chan_core* core, void* from);
chan_result chan_recv(chan_core* core, void* to, nanoseconds_count deadline);
chan_result chan_try_recv(chan_core* core, void* to);
// Ended by a context, too: cancelled, and `why` says how; nothing was sent or received then. A
// context that is cancelled already is looked at first.
chan_result chan_send_told(chan_core* core, void* from, const context& ctx, std::error_code& why);
chan_result chan_recv_told(chan_core* core, void* to, const context& ctx, std::error_code& why);
void chan_close(chan_core* core);
std::size_t chan_len(const chan_core* core) noexcept;
std::size_t chan_cap(const chan_core* core) noexcept;
[[noreturn]] void throw_closed_channel();

// A reference to a core, counted.
class chan_ref {
 public:
  constexpr chan_ref() noexcept = default;
  explicit chan_ref(chan_core* adopted) noexcept : core_(adopted) {}
  chan_ref(const chan_ref& other) noexcept : core_(other.core_) {
    if (core_ != nullptr) chan_retain(core_);
  }
  chan_ref(chan_ref&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  chan_ref& operator=(chan_ref other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~chan_ref() {
    if (core_ != nullptr) chan_release(core_);
  }
  chan_core* get() const noexcept { return core_; }
  friend bool operator==(const chan_ref&, const chan_ref&) noexcept = default;

 private:
  chan_core* core_ = nullptr;
};

// --- select

enum class select_kind : std::uint8_t { receive, send, timeout, otherwise };

struct select_op {
  chan_core* core = nullptr;
  void* element = nullptr;  // receive: where to; send: where from
  nanoseconds_count deadline = forever;
  select_kind kind = select_kind::receive;
  chan_result result = chan_result::would_block;
  std::uint16_t index = 0;  // filled in by select_run()
};

// Room for waiters that are made only when a select has to wait.
template <std::size_t n>
class waiter_room {
 public:
  waiter* first() noexcept { return reinterpret_cast<waiter*>(bytes_); }

 private:
  alignas(waiter) std::byte bytes_[(n + 1) * sizeof(waiter)];
};

// Runs one select. `waiters` (room for n) and `order` (2 * n pointers) are the caller's to provide,
// so that a select of a known number of cases allocates nothing. Returns the index of the case that
// fired; its op's result says how.
std::size_t select_run(select_op* ops, waiter* waiters, select_op** order, std::size_t n);

}  // namespace gmp::detail
