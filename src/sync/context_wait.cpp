// Waits that a context may end.
//
// CW1  The hook is linked before the queue's lock is taken and unlinked after it is free [CTX5].
// Told in between, it leaves a
//      mark, which is looked at before the wait begins.
#include <cerrno>
#include <system_error>

#include "gmp/this_g.hpp"
#include "sync/context_node.hpp"

namespace gmp::detail {

context_wait::context_wait(cancel_node* node, wait_queue& queue, spin_lock& lock) noexcept
    : context_hook(&fired), node_(node) {
  wait_.queue = &queue;
  wait_.lock = &lock;
  wait_.by_context = node_ != nullptr;
  wait_.w.owner = &current_g();
  if (node_ != nullptr && !node_->link(*this)) told_ = true;
}

context_wait::~context_wait() {
  if (node_ != nullptr) node_->unlink(*this);
}

// Under the node's lock.
void context_wait::fired(context_hook& self) noexcept {
  auto& me = static_cast<context_wait&>(self);
  me.wait_.lock->lock();
  me.told_ = true;
  const bool waited = me.wait_.leave(wake_status::cancelled);
  me.wait_.lock->unlock();
  if (waited) ready(*me.wait_.w.owner);
}

wake_status context_wait::park_here(wait_reason reason, void* element, bool front, nanos deadline) {
  if (told_) {
    wait_.lock->unlock();
    return wake_status::cancelled;
  }
  wait_.w.element = element;
  wait_.w.status = wake_status::pending;
  if (front) {
    wait_.queue->push_front(wait_.w);
  } else {
    wait_.queue->push_back(wait_.w);
  }
  return wait_queued(wait_, reason, deadline);
}

bool context_wait::park_or_unwind(wait_reason reason, void* element, bool front) {
  const wake_status status = park_here(reason, element, front);
  if (status == wake_status::pending) unwind(current_g());
  return status == wake_status::ok;
}

std::error_code told_error(const context& ctx) noexcept {
  const std::error_code why = context_error(context_access::node(ctx));
  return why.value() != 0 ? why : error_of(ECANCELED);
}

void throw_told(std::error_code why, const char* call) { throw std::system_error(why, call); }

// --- channels: a select of two cases

namespace {

chan_result chan_told(chan_core* core, void* element, select_kind kind, const context& ctx,
                      std::error_code& why) {
  why = context_error(context_access::node(ctx));
  if (why.value() != 0) return chan_result::cancelled;
  const bool sends = kind == select_kind::send;
  const chan_result at_once = sends ? chan_try_send(core, element) : chan_try_recv(core, element);
  if (at_once != chan_result::would_block) return at_once;
  const recv_chan<void> done = ctx.done();
  select_op ops[2];
  waiter_room<2> waiters;
  select_op* order[4];
  ops[0].core = core;
  ops[0].element = element;
  ops[0].kind = kind;
  ops[1].core = chan_access::core(done);
  if (select_run(ops, waiters.first(), order, 2) == 0) return ops[0].result;
  why = told_error(ctx);
  return chan_result::cancelled;
}

}  // namespace

chan_result chan_send_told(chan_core* core, void* from, const context& ctx, std::error_code& why) {
  return chan_told(core, from, select_kind::send, ctx, why);
}

chan_result chan_recv_told(chan_core* core, void* to, const context& ctx, std::error_code& why) {
  return chan_told(core, to, select_kind::receive, ctx, why);
}

// --- sleeping: a queue in which nobody else stands

void sleep_told(nanoseconds_count when, const context& ctx, std::error_code& why) {
  why = context_error(context_access::node(ctx));
  if (why.value() != 0 || when <= now_on_g()) return;
  cancel_node* node = canceller_of(context_access::node(ctx));
  if (node == nullptr) {
    sleep_until_nanos(when);
    return;
  }
  wait_queue alone;
  spin_lock lock;
  context_wait wait(node, alone, lock);
  lock.lock();
  const wake_status status = wait.park_here(wait_reason::sleep, nullptr, false, when);
  if (status == wake_status::timed_out) return;
  if (status == wake_status::pending) unwind(current_g());
  why = told_error(ctx);
}

}  // namespace gmp::detail
