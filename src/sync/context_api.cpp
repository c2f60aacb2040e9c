// The public classes of contexts, over the tree.
#include "sched/registry.hpp"
#include "sched/scheduler.hpp"
#include "sync/context_node.hpp"

namespace gmp {

using namespace detail;

namespace {

// The runtime that go() would mean here.
scheduler* own_runtime() {
  if (m* self = this_m(); self != nullptr) return self->sched;
  const visit guest;
  return &*guest;
}

chan_core* shared(chan_core* core) noexcept {
  chan_retain(core);
  return core;
}

}  // namespace

recv_chan<void> context::done() const {
  cancel_node* node = canceller_of(ref_.get());
  if (node == nullptr) return {};
  // acquire: pairs with the release below: the channel is complete.
  chan_core* core = node->done.load(memory_order_acquire);
  if (core != nullptr) return chan_access::adopt<recv_chan<void>>(shared(core));
  chan_core* fresh = chan_make(element_type_of<void>, 0);
  node->lock.lock();
  core = node->done.load(memory_order_relaxed);
  const bool mine = core == nullptr;
  if (mine) {
    waiter* nobody = nullptr;
    if (node->state.load(memory_order_relaxed) != cancel_node::phase::live)
      static_cast<void>(fresh->close(nobody));
    node->done.store(fresh, memory_order_release);
    core = fresh;
  }
  node->lock.unlock();
  if (!mine) chan_release(fresh);
  return chan_access::adopt<recv_chan<void>>(shared(core));
}

std::optional<std::chrono::steady_clock::time_point> context::deadline() const noexcept {
  if (ref_.get() == nullptr || ref_.get()->deadline == never) return std::nullopt;
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ref_.get()->deadline));
}

std::stop_token context::token() const {
  cancel_node* node = canceller_of(ref_.get());
  if (node == nullptr) return {};
  // acquire: pairs with the release below: the source is complete.
  std::stop_source* stops = node->stops.load(memory_order_acquire);
  if (stops != nullptr) return stops->get_token();
  auto fresh = std::make_unique<std::stop_source>();
  node->lock.lock();
  stops = node->stops.load(memory_order_relaxed);
  if (stops == nullptr) {
    stops = fresh.release();
    node->stops.store(stops, memory_order_release);
  }
  const bool late = node->state.load(memory_order_relaxed) != cancel_node::phase::live;
  node->lock.unlock();
  if (late) stops->request_stop();  // whoever cancelled may have passed by before
  return stops->get_token();
}

namespace detail {

context_node* context_access::node(const context& ctx) noexcept { return ctx.ref_.get(); }

context context_access::adopt(context_node* node) noexcept {
  context made;
  made.ref_ = context_ref(node);
  return made;
}

std::pair<context, cancel_function> context_access::timed(const context& parent,
                                                          nanoseconds_count deadline,
                                                          std::exception_ptr why) {
  context_node* made = make_cancellable(node(parent), deadline, std::move(why));
  return {adopt(made), cancel_function(made)};
}

std::pair<context, cancel_function> context_access::cancellable(const context& parent) {
  return timed(parent, never, nullptr);
}

std::pair<context, cancel_cause_function> context_access::cancellable_cause(const context& parent) {
  context_node* made = make_cancellable(node(parent), never, nullptr);
  return {adopt(made), cancel_cause_function(made)};
}

context context_access::with_value(const context& parent, std::unique_ptr<context_value> value) {
  context_node* above = node(parent);
  return adopt(new value_node(above, canceller_of(above),
                              above != nullptr ? above->deadline : never, std::move(value)));
}

context context_access::without_cancel(const context& parent) {
  return adopt(new value_node(node(parent), nullptr, never, nullptr));
}

stop_function context_access::after_func(const context& ctx,
                                         std::unique_ptr<context_callable> what) {
  auto* call = new context_call(own_runtime(), std::move(what));
  call->references.store(2, memory_order_relaxed);  // the stop function's, and the list's or G's
  stop_function made;
  made.call_ = context_call_ref(ctx.ref_, call);
  add_call(node(ctx), call);
  return made;
}

}  // namespace detail

std::pair<context, cancel_function> with_cancel(const context& parent) {
  return context_access::cancellable(parent);
}

std::pair<context, cancel_cause_function> with_cancel_cause(const context& parent) {
  return context_access::cancellable_cause(parent);
}

context without_cancel(const context& parent) { return context_access::without_cancel(parent); }

}  // namespace gmp
