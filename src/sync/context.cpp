// Contexts: making, cancelling and asking.
#include "gmp/context.hpp"

#include <system_error>

#include "sched/registry.hpp"
#include "sched/scheduler.hpp"
#include "sched/spawn.hpp"
#include "sync/context_node.hpp"

namespace gmp::detail {

// --- the tree

void context_retain(context_node* node) noexcept {
  node->references.fetch_add(1, memory_order_relaxed);
}

void context_release(context_node* node) noexcept {
  // A loop: chains may be long. acq_rel: whoever frees has seen everything the others did.
  while (node != nullptr && node->references.fetch_sub(1, memory_order_acq_rel) == 1) {
    context_node* parent = node->parent;
    delete node;
    node = parent;
  }
}

cancel_node::cancel_node(context_node* over, nanos until) noexcept
    : context_node(over, true, this, until),
      context_child(kind::node),
      above(canceller_of(over)),
      timer{{}, this} {}

cancel_node::~cancel_node() {
  timer_stop_and_wait(timer.node);  // [TH3]
  if (chan_core* core = done.load(memory_order_relaxed); core != nullptr) chan_release(core);
  delete stops.load(memory_order_relaxed);
}

void cancel_node::add(context_child& child) noexcept {
  child.prev = last;
  child.linked = true;
  (last != nullptr ? last->next : first) = &child;
  last = &child;
}

void cancel_node::remove(context_child& child) noexcept {
  (child.prev != nullptr ? child.prev->next : first) = child.next;
  (child.next != nullptr ? child.next->prev : last) = child.prev;
  child.next = child.prev = nullptr;
  child.linked = false;
}

bool cancel_node::link(context_child& child) noexcept {
  lock.lock();
  const bool live = state.load(memory_order_relaxed) == phase::live;
  if (live) add(child);
  lock.unlock();
  return live;
}

bool cancel_node::unlink(context_child& child) noexcept {
  lock.lock();
  const bool mine = child.linked;
  if (mine) remove(child);
  lock.unlock();
  return mine;
}

// --- after_func

namespace {

void drop_call(context_call* call) noexcept {
  // acq_rel: whoever frees has seen everything the others did.
  if (call->references.fetch_sub(1, memory_order_acq_rel) == 1) delete call;
}

// The G of an after_func; `storage` holds the pointer.
void run_call(void* storage) {
  auto* call = *static_cast<context_call**>(storage);
  struct dropper {
    context_call* call;
    ~dropper() { drop_call(call); }
  } at_exit{call};
  call->function->call();
}

// The caller owns a reference, which goes to the new G.
void start_call(context_call* call) noexcept {
  const visit guest(call->where);
  if (!guest) {
    drop_call(call);  // its runtime has stopped
    return;
  }
  const detached_g born = spawn_detached(*guest, sizeof(void*));
  switch (born.result) {
    case detached_g::ok:
      *static_cast<context_call**>(born.child.storage) = call;
      spawn_detached_start(born.child, &run_call);
      return;
    case detached_g::stopped:
      drop_call(call);
      return;
    case detached_g::no_memory:
      run_call(&call);  // an exception ends the process here, as it would there
  }
}

// --- cancelling

// The node's own part. False: somebody else was first.
bool settle(cancel_node& node, int reason, const std::exception_ptr& why) noexcept {
  waiter* woken = nullptr;
  node.lock.lock();
  if (node.state.load(memory_order_relaxed) != cancel_node::phase::live) {
    node.lock.unlock();
    return false;
  }
  node.reason = reason;
  node.cause = why;
  // release: pairs with the acquire in reason_of() [CTX4].
  node.state.store(cancel_node::phase::closing, memory_order_release);
  if (chan_core* core = node.done.load(memory_order_relaxed); core != nullptr)
    static_cast<void>(core->close(woken));
  node.state.store(cancel_node::phase::cancelled, memory_order_release);  // the same
  node.lock.unlock();
  ready_all(woken);
  timer_stop(node.timer.node);  // nobody arms it any more
  return true;
}

// Takes out the first child; calls and waits are seen to at once, a node is returned with a
// reference. Null: no child is left.
cancel_node* next_node(cancel_node& node) noexcept {
  for (;;) {
    node.lock.lock();
    context_child* child = node.first;
    if (child == nullptr) {
      node.lock.unlock();
      return nullptr;
    }
    node.remove(*child);
    if (child->what == context_child::kind::wait) {
      auto& hook = static_cast<context_hook&>(*child);
      hook.fire(hook);  // who waits is here until he has had this lock
      node.lock.unlock();
      continue;
    }
    if (child->what == context_child::kind::node) {
      auto& below = static_cast<cancel_node&>(*child);
      context_retain(&below);  // [CTX3]
      node.lock.unlock();
      return &below;
    }
    node.lock.unlock();
    start_call(static_cast<context_call*>(child));
  }
}

// The user's callbacks run here.
__attribute__((noinline)) void request_stop(cancel_node& node) noexcept {
  // acquire: pairs with the release in context::token().
  if (std::stop_source* stops = node.stops.load(memory_order_acquire); stops != nullptr)
    stops->request_stop();
}

}  // namespace

// Down into each child and back by `above`, without recursion: trees may be deep.
void cancel_tree(cancel_node& root, int reason, const std::exception_ptr& why) noexcept {
  if (!settle(root, reason, why)) return;
  if (root.above != nullptr) root.above->unlink(root);
  cancel_node* at = &root;
  for (;;) {
    if (cancel_node* child = next_node(*at); child != nullptr) {
      if (settle(*child, at->reason, at->cause)) {
        at = child;
      } else {
        context_release(child);  // somebody else sees to what is below it
      }
      continue;
    }
    request_stop(*at);
    if (at == &root) return;
    cancel_node* done = at;
    at = at->above;
    context_release(done);
  }
}

void context_cancel(context_node* node, const std::exception_ptr& why) noexcept {
  cancel_tree(*node->canceller, ECANCELED, why);
}

void cancel_handle_retain(context_node* node) noexcept {
  node->canceller->handles.fetch_add(1, memory_order_relaxed);
}

void cancel_handle_release(context_node* node) noexcept {
  // acq_rel: the last one sees what was done with the others.
  if (node->canceller->handles.fetch_sub(1, memory_order_acq_rel) != 1) return;
  cancel_tree(*node->canceller, ECANCELED, nullptr);
  context_release(node);
}

// --- deadlines

namespace {

// The G of a deadline that has passed; `storage` holds the node, with a reference.
void run_late(void* storage) {
  auto* node = *static_cast<cancel_node**>(storage);
  cancel_tree(*node, ETIMEDOUT, node->late_cause);
  context_release(node);
}

// On a scheduler's stack, where no callback of the user's may run: a G is to do it. The node is not
// freed while this runs.
nanos deadline_passed(timer_node& timer, nanos, nanos now) {
  constexpr nanos soon = 1'000'000;
  cancel_node* node = reinterpret_cast<cancel_node::deadline_timer&>(timer).owner;
  const detached_g born = spawn_detached(*this_m()->sched, sizeof(void*));
  if (born.result == detached_g::no_memory) return now + soon;
  if (born.result == detached_g::stopped) return never;
  std::uint32_t seen = node->references.load(memory_order_relaxed);
  do {
    if (seen == 0) {
      spawn_detached_abandon(born.child);
      return never;
    }
  } while (!node->references.compare_exchange_weak(seen, seen + 1, memory_order_relaxed));
  *static_cast<cancel_node**>(born.child.storage) = node;
  spawn_detached_start(born.child, &run_late);
  return never;
}

// Throws when nobody can keep the time.
void arm_deadline(cancel_node& node) {
  if (node.deadline <= now_on_g()) {
    cancel_tree(node, ETIMEDOUT, node.late_cause);
    return;
  }
  node.timer.node.fire = &deadline_passed;
  node.lock.lock();
  try {
    if (node.state.load(memory_order_relaxed) == cancel_node::phase::live)
      timer_arm(node.timer.node, node.deadline);
  } catch (...) {
    node.lock.unlock();
    throw;
  }
  node.lock.unlock();
}

}  // namespace

cancel_node* make_cancellable(context_node* parent, nanos deadline, std::exception_ptr why) {
  const nanos inherited = parent != nullptr ? parent->deadline : never;
  const bool earlier = deadline < inherited;
  auto* node = new cancel_node(parent, earlier ? deadline : inherited);
  node->references.store(2, memory_order_relaxed);
  node->late_cause = std::move(why);
  if (node->above != nullptr && !node->above->link(*node))
    cancel_tree(*node, node->above->reason, node->above->cause);
  if (!earlier) return node;
  try {
    arm_deadline(*node);
  } catch (...) {
    cancel_handle_release(node);
    context_release(node);
    throw;
  }
  return node;
}

void add_call(context_node* where, context_call* call) noexcept {
  cancel_node* told_by = canceller_of(where);
  if (told_by == nullptr) {
    drop_call(call);
  } else if (!told_by->link(*call)) {
    start_call(call);
  }
}

namespace {

// Zero: not cancelled.
int reason_of(const context_node* node) noexcept {
  cancel_node* told_by = canceller_of(node);
  if (told_by == nullptr) return 0;
  // acquire: pairs with the releases in settle(): the reason and the cause are seen.
  switch (told_by->state.load(memory_order_acquire)) {
    case cancel_node::phase::live:
      return 0;
    case cancel_node::phase::closing:  // until the channel is closed [CTX4]
      told_by->lock.lock();
      told_by->lock.unlock();
      break;
    case cancel_node::phase::cancelled:
      break;
  }
  return told_by->reason;
}

struct cause_request {
  int reason;
  std::exception_ptr answer;
};

// One object for all, so that causes can be compared.
GMPSCHED_HOME_FUNCTION(default_cause)(void* arg) {
  static const std::exception_ptr cancelled =
      std::make_exception_ptr(std::system_error(error_of(ECANCELED), "gmp::context"));
  static const std::exception_ptr late =
      std::make_exception_ptr(std::system_error(error_of(ETIMEDOUT), "gmp::context"));
  auto& request = *static_cast<cause_request*>(arg);
  request.answer = request.reason == ETIMEDOUT ? late : cancelled;
}

}  // namespace

std::error_code error_of(int reason) noexcept { return {reason, std::generic_category()}; }

std::error_code context_error(const context_node* node) noexcept {
  const int reason = reason_of(node);
  return reason == 0 ? std::error_code() : error_of(reason);
}

std::exception_ptr context_cause(const context_node* node) {
  const int reason = reason_of(node);
  if (reason == 0) return nullptr;
  const std::exception_ptr& cause = node->canceller->cause;
  if (cause != nullptr) return cause;
  cause_request request{reason, nullptr};
  call_on_home(&default_cause, &request);
  return request.answer;
}

const context_value* context_find(const context_node* node, const void* key) noexcept {
  for (; node != nullptr; node = node->parent) {
    if (node->cancellable) continue;
    const context_value* held = static_cast<const value_node*>(node)->value.get();
    if (held != nullptr && held->key == key) return held;
  }
  return nullptr;
}

// --- the public classes

context_call_ref::context_call_ref(const context_call_ref& other) noexcept
    : where_(other.where_), call_(other.call_) {
  if (call_ != nullptr) call_->references.fetch_add(1, memory_order_relaxed);
}

context_call_ref::~context_call_ref() {
  if (call_ != nullptr) drop_call(call_);
}

bool context_call_ref::stop() const noexcept {
  cancel_node* told_by = canceller_of(where_.get());
  if (told_by == nullptr) {  // never cancelled
    if (call_->stopped.exchange(true, memory_order_relaxed)) return false;
    call_->function.reset();
    return true;
  }
  if (!told_by->unlink(*call_)) return false;
  call_->function.reset();
  drop_call(call_);  // the list's
  return true;
}

}  // namespace gmp::detail
