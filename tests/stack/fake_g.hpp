// A G without a scheduler: one first segment, entered and left with Boost.Context.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <functional>
#include <utility>

#include "stack/stack.hpp"

namespace fake {

namespace ctx = boost::context::detail;

// The M: the thread that runs tests.
gmp::detail::thread_stacks& thread();

class g {
 public:
  explicit g(std::function<void()> body, std::size_t max_bytes = std::size_t{1} << 30,
             std::size_t bytes = gmp::detail::min_stack_size);
  ~g();
  g(const g&) = delete;
  g& operator=(const g&) = delete;

  // Runs the body until it parks or ends; true while it has not ended.
  bool resume() __attribute__((no_split_stack, noinline));
  bool ended() const { return ended_; }
  bool canary_ok() const { return gmp::detail::first_segment_canary_ok(top_, bytes_); }
  void* base() const { return gmp::detail::first_segment_base(top_, bytes_); }
  std::size_t used() const { return gmp::detail::stack_used_bytes(top_, bytes_); }

  // On a G: back to the resumer.
  static void park() __attribute__((no_split_stack, noinline));
  static g*& running();
  // Ends the G that runs, wherever its stack pointer is.
  [[noreturn]] void leave() __attribute__((no_split_stack, noinline));

 private:
  static void entry(ctx::transfer_t from) __attribute__((no_split_stack));
  void run_body() noexcept;

  std::function<void()> body_;
  std::size_t bytes_;
  void* top_ = nullptr;
  void* limit_ = nullptr;
  gmp::detail::thread_stacks* stacks_ = nullptr;  // of the thread that runs it
  ctx::fcontext_t self_ = nullptr;
  ctx::fcontext_t resumer_ = nullptr;
  bool ended_ = false;
};

// Runs f on a fresh G to its end.
inline void run(std::function<void()> f, std::size_t max_bytes = std::size_t{1} << 30) {
  g one(std::move(f), max_bytes);
  while (one.resume()) {
  }
}

}  // namespace fake
