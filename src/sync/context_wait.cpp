// Waits that a context may end.
//
// CW1  The hook is linked before the queue's lock is taken and unlinked after it is free [CTX5].
// Told in between, it leaves a
//      mark, which is looked at before the wait begins.
#include "sync/context_node.hpp"

namespace gmp::detail {

context_wait::context_wait(cancel_node* node, wait_queue& queue, spin_lock& lock) noexcept
    : context_hook(&fired), node_(node) {
  wait_.queue = &queue;
  wait_.lock = &lock;
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

}  // namespace gmp::detail
