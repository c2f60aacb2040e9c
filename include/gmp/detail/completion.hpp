// A one-shot event, and the result it announces.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>

#include <gmp/detail/context_core.hpp>
#include <gmp/detail/spin_lock.hpp>
#include <gmp/detail/time.hpp>
#include <gmp/detail/waiter.hpp>
#include <gmp/errors.hpp>

namespace gmp::detail {

// signal() once; any number wait, Gs and threads. The object may be destroyed as soon as a wait has
// returned.
class completion {
 public:
  void signal() noexcept;
  bool wait();              // false: cancelled, in a destructor while the runtime stops; not done
  void wait_for_certain();  // not even the end of the caller's runtime ends it
  bool wait_until(nanoseconds_count deadline);  // false: the deadline passed
  // False: the context was cancelled, `why` says how.
  bool wait_told(const context& ctx, std::error_code& why);
  bool done() noexcept;

 private:
  spin_lock lock_;
  bool done_ = false;
  wait_queue waiters_;
};

// What a runtime that stops leaves instead of a result.
std::exception_ptr stopped_error() noexcept;
// Throws it; but who asks on a G of a runtime that stops is unwound himself.
[[noreturn]] void throw_stopped_error();

// The value or the exception of a call.
template <class R>
class outcome {
 public:
  template <class F>
  void fill(F& f) {
    try {
      if constexpr (std::is_void_v<R>) {
        std::move(f)();
        value_.emplace();
      } else if constexpr (std::is_reference_v<R>) {
        R referred = std::move(f)();
        value_.emplace(&referred);
      } else {
        value_.emplace(std::move(f)());
      }
    } catch (const unwind_exception&) {
      throw;
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  R take() {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    if (!value_) throw_stopped_error();  // unwound, or never started
    if constexpr (std::is_void_v<R>) {
      return;
    } else if constexpr (std::is_reference_v<R>) {
      return static_cast<R>(**value_);
    } else {
      return std::move(*value_);
    }
  }

 private:
  struct nothing {};
  using held = std::conditional_t<
      std::is_void_v<R>, nothing,
      std::conditional_t<std::is_reference_v<R>, std::remove_reference_t<R>*, R>>;
  std::optional<held> value_;
  std::exception_ptr error_;
};

}  // namespace gmp::detail
