// What contexts are made of: the library's half, opaque.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <system_error>
#include <utility>

#include <gmp/detail/time.hpp>

namespace gmp {

class context;
class cancel_function;
class cancel_cause_function;
class stop_function;

namespace detail {

struct context_node;  // null: the background

void context_retain(context_node* node) noexcept;
void context_release(context_node* node) noexcept;
std::error_code context_error(const context_node* node) noexcept;
std::exception_ptr context_cause(const context_node* node);

// What the overloads without a std::error_code& do when there is an error.
[[noreturn]] void throw_told(std::error_code why, const char* call);
inline void throw_if_told(std::error_code why, const char* call) {
  if (why.value() != 0) throw_told(why, call);
}

// A reference to a node, counted.
class context_ref {
 public:
  constexpr context_ref() noexcept = default;
  explicit context_ref(context_node* adopted) noexcept : node_(adopted) {}
  context_ref(const context_ref& other) noexcept : node_(other.node_) {
    if (node_ != nullptr) context_retain(node_);
  }
  context_ref(context_ref&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  context_ref& operator=(context_ref other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~context_ref() {
    if (node_ != nullptr) context_release(node_);
  }
  context_node* get() const noexcept { return node_; }
  friend bool operator==(const context_ref&, const context_ref&) noexcept = default;

 private:
  context_node* node_ = nullptr;
};

// --- cancelling

void cancel_handle_retain(context_node* node) noexcept;
void cancel_handle_release(context_node* node) noexcept;  // the last one cancels
void context_cancel(context_node* node, const std::exception_ptr& why) noexcept;

class cancel_handle {
 public:
  cancel_handle(const cancel_handle& other) noexcept : node_(other.node_) {
    if (node_ != nullptr) cancel_handle_retain(node_);
  }
  cancel_handle(cancel_handle&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  cancel_handle& operator=(cancel_handle other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~cancel_handle() {
    if (node_ != nullptr) cancel_handle_release(node_);
  }
  explicit operator bool() const noexcept { return node_ != nullptr; }  // false: of nothing

 protected:
  constexpr cancel_handle() noexcept = default;
  explicit cancel_handle(context_node* adopted) noexcept : node_(adopted) {}
  void cancel(const std::exception_ptr& why) const noexcept {
    if (node_ != nullptr) context_cancel(node_, why);
  }

 private:
  context_node* node_ = nullptr;
};

// --- values

struct context_value {
  const void* key;
  explicit context_value(const void* k) noexcept : key(k) {}
  context_value(const context_value&) = delete;
  context_value& operator=(const context_value&) = delete;
  virtual ~context_value() = default;
};

template <class Key>
inline constexpr char context_key = 0;  // its address names the key

template <class Key>
struct held_value final : context_value {
  typename Key::type value;
  explicit held_value(typename Key::type v)
      : context_value(&context_key<Key>), value(std::move(v)) {}
};

const context_value* context_find(const context_node* node, const void* key) noexcept;

// --- after_func

struct context_callable {
  context_callable() = default;
  context_callable(const context_callable&) = delete;
  context_callable& operator=(const context_callable&) = delete;
  virtual ~context_callable() = default;
  virtual void call() = 0;
};

template <class F>
struct held_call final : context_callable {
  F function;
  explicit held_call(F f) : function(std::move(f)) {}
  void call() override { static_cast<void>(std::invoke(function)); }
};

struct context_call;  // one registration

// A registration and the context it waits for.
class context_call_ref {
 public:
  context_call_ref() noexcept = default;
  context_call_ref(context_ref where, context_call* adopted) noexcept
      : where_(std::move(where)), call_(adopted) {}
  context_call_ref(const context_call_ref& other) noexcept;
  context_call_ref(context_call_ref&& other) noexcept
      : where_(std::move(other.where_)), call_(std::exchange(other.call_, nullptr)) {}
  context_call_ref& operator=(context_call_ref other) noexcept {
    std::swap(where_, other.where_);
    std::swap(call_, other.call_);
    return *this;
  }
  ~context_call_ref();
  context_call* get() const noexcept { return call_; }
  bool stop() const noexcept;

 private:
  context_ref where_;
  context_call* call_ = nullptr;
};

// What needs to see inside the public classes.
struct context_access {
  static context_node* node(const context& ctx) noexcept;
  static context adopt(context_node* node) noexcept;
  static std::pair<context, cancel_function> cancellable(const context& parent);
  static std::pair<context, cancel_cause_function> cancellable_cause(const context& parent);
  static std::pair<context, cancel_function> timed(const context& parent,
                                                   nanoseconds_count deadline,
                                                   std::exception_ptr why);
  static context with_value(const context& parent, std::unique_ptr<context_value> value);
  static context without_cancel(const context& parent);
  static stop_function after_func(const context& ctx, std::unique_ptr<context_callable> what);
};

}  // namespace detail
}  // namespace gmp
