// Something to be done at the end of a scope.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

namespace gmp {

// defer d{[&] {...}}: calls it when the scope ends, by whatever way, last in first out. An
// exception that leaves the callable passes on when the scope ends normally or by return; while
// another exception is under way it ends the process, as in any destructor. Works everywhere,
// without a runtime. Go: defer.
template <class F>
class [[nodiscard]] defer {
  static_assert(std::is_invocable_v<F&>, "gmp::defer: the callable takes no arguments");

 public:
  explicit defer(F f) noexcept(std::is_nothrow_move_constructible_v<F>) : function_(std::move(f)) {}
  defer(const defer&) = delete;
  defer& operator=(const defer&) = delete;
  ~defer() noexcept(std::is_nothrow_invocable_v<F&>) {
    if (armed_) static_cast<void>(std::invoke(function_));
  }

  // It will not be called. No Go counterpart.
  void release() noexcept { armed_ = false; }

 private:
  F function_;
  bool armed_ = true;
};

}  // namespace gmp
