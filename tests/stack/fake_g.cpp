#include "fake_g.hpp"

#include <cstdlib>

namespace fake {

gmp::detail::thread_stacks& thread() {
  static thread_local gmp::detail::thread_stacks stacks;
  static thread_local const bool entered = (gmp::detail::thread_stacks_enter(stacks), true);
  static_cast<void>(entered);
  return stacks;
}

g*& g::running() {
  static thread_local g* current;
  return current;
}

g::g(std::function<void()> body, std::size_t max_bytes, std::size_t bytes)
    : body_(std::move(body)), bytes_(gmp::detail::round_stack_size(bytes)) {
  thread();
  if (gmp::detail::first_segments_take(bytes_, &top_, 1) != 1) std::abort();
  limit_ = gmp::detail::first_segment_init(top_, bytes_, max_bytes);
  char* const sp = static_cast<char*>(top_) - gmp::detail::control_block_bytes;
  char* const base = static_cast<char*>(gmp::detail::first_segment_base(top_, bytes_));
  self_ = ctx::make_fcontext(sp, static_cast<std::size_t>(sp - base), &g::entry);
}

g::~g() {
  gmp::detail::stack_end(top_, bytes_, limit_);
  gmp::detail::first_segments_give(bytes_, &top_, 1);
}

bool g::resume() {
  running() = this;
  stacks_ = &thread();
  gmp::detail::set_stack_limit(limit_);
  const ctx::transfer_t back = ctx::jump_fcontext(self_, this);
  gmp::detail::set_stack_limit(nullptr);
  stacks_->home_sp = nullptr;
  self_ = back.fctx;
  return !ended_;
}

void g::entry(ctx::transfer_t from) {
#if defined(__x86_64__)
  __asm__ volatile(".cfi_undefined rip");
#endif
  g* const self = static_cast<g*>(from.data);
  self->resumer_ = from.fctx;
  self->stacks_->home_sp = from.fctx;  // before any call: every slow path needs it
  self->run_body();
  self->leave();
}

void g::leave() {
  ended_ = true;
  limit_ = gmp::detail::stack_limit();
  ctx::jump_fcontext(resumer_, nullptr);
  __builtin_unreachable();
}

void g::run_body() noexcept { body_(); }

void g::park() {
  g* const self = running();
  self->limit_ = gmp::detail::stack_limit();
  const ctx::transfer_t back = ctx::jump_fcontext(self->resumer_, nullptr);
  self->resumer_ = back.fctx;
  self->stacks_->home_sp = back.fctx;
}

}  // namespace fake
