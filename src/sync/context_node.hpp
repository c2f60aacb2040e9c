// The tree behind contexts.
//
// CTX1  Nodes point up and own their parents; a cancellable node knows its children without owning
// them. parent, above,
//       deadline and a value never change.
// CTX2  A child is linked <=> it may still be told. Links belong to the lock of the node above;
// whoever takes a child out under
//       that lock is the one who tells it. A cancelled node takes no more children.
// CTX3  A node that is not cancelled has a cancel function, so it is alive: a linked child has at
// least one reference. CTX4  phase goes live -> closing -> cancelled, once, under the lock. reason
// and cause are written before `closing`, the channel
//       is closed between: who sees a reason finds the channel closed, after taking the lock if
//       need be, and who sees the channel closed finds a reason.
// CTX5  Lock order: a node's lock comes before those of channels, queues of waiters and timer
// heaps, and before no other node's.
//       Nothing of the user's runs under it: no callback, and no destructor but that of an
//       exception pointer that is null.
#pragma once

#include <cerrno>
#include <exception>
#include <memory>
#include <stop_token>
#include <system_error>

#include "base/atomic.hpp"
#include "gmp/context.hpp"
#include "gmp/detail/spin_lock.hpp"
#include "queue/timer_heap.hpp"
#include "sync/chan_core.hpp"
#include "sync/wait.hpp"

namespace gmp::detail {

struct cancel_node;
class scheduler;

struct context_node {
  atomic<std::uint32_t> references{1};
  const bool cancellable;
  context_node* const parent;  // owned; null: the background
  cancel_node* const
      canceller;         // the nearest that can be cancelled, this one included; may be null
  const nanos deadline;  // never: none

  context_node(context_node* above, bool itself, cancel_node* told_by, nanos until) noexcept
      : cancellable(itself), parent(above), canceller(told_by), deadline(until) {
    if (parent != nullptr) context_retain(parent);
  }
  context_node(const context_node&) = delete;
  context_node& operator=(const context_node&) = delete;
  virtual ~context_node() = default;  // the parent is let go of by context_release()
};

struct value_node final : context_node {
  const std::unique_ptr<context_value> value;  // null: only keeps the parent's values
  value_node(context_node* above, cancel_node* told_by, nanos until,
             std::unique_ptr<context_value> held) noexcept
      : context_node(above, false, told_by, until), value(std::move(held)) {}
};

// Who is told when a node is cancelled. [CTX2]
struct context_child {
  enum class kind : std::uint8_t { node, call, wait };
  context_child* next = nullptr;
  context_child* prev = nullptr;
  const kind what;
  bool linked = false;
  explicit context_child(kind k) noexcept : what(k) {}
};

// An after_func. Referred to by its stop functions, and by the list while linked.
struct context_call final : context_child {
  atomic<std::uint32_t> references{1};
  atomic<bool> stopped{false};  // where no list can tell
  scheduler* const where;
  std::unique_ptr<context_callable> function;
  context_call(scheduler* home, std::unique_ptr<context_callable> f) noexcept
      : context_child(kind::call), where(home), function(std::move(f)) {}
};

// Somebody who stands in a queue of waiters; lives on his stack. Called under the node's lock.
// [CTX5]
struct context_hook : context_child {
  void (*const fire)(context_hook& self) noexcept;
  explicit context_hook(void (*f)(context_hook&) noexcept) noexcept
      : context_child(kind::wait), fire(f) {}
};

struct cancel_node final : context_node, context_child {
  enum class phase : std::uint8_t { live, closing, cancelled };

  struct deadline_timer {
    timer_node node;  // first: the callback gets its address
    cancel_node* owner;
  };

  cancel_node* const above;  // who tells this one; null: nobody
  spin_lock lock;
  atomic<phase> state{phase::live};
  int reason = 0;                            // ECANCELED, ETIMEDOUT
  std::exception_ptr cause;                  // null: that of the reason
  atomic<std::uint32_t> handles{1};          // copies of the cancel function
  atomic<chan_core*> done{nullptr};          // made when asked for; set under the lock
  atomic<std::stop_source*> stops{nullptr};  // the same
  context_child* first = nullptr;
  context_child* last = nullptr;
  deadline_timer timer;
  std::exception_ptr late_cause;  // for the deadline

  cancel_node(context_node* over, nanos until) noexcept;
  ~cancel_node() override;

  // Under the lock of this node.
  void add(context_child& child) noexcept;
  void remove(context_child& child) noexcept;

  // False: this node is cancelled, nothing was linked.
  bool link(context_child& child) noexcept;
  // True: it was linked, and is the caller's now.
  bool unlink(context_child& child) noexcept;
};

inline cancel_node* canceller_of(const context_node* node) noexcept {
  return node == nullptr ? nullptr : node->canceller;
}

// Cancels the node and what is below it. The caller holds a reference.
void cancel_tree(cancel_node& root, int reason, const std::exception_ptr& why) noexcept;

// A wait in a queue that a context may end as well. Made before the queue's lock is taken, gone
// after it is free.
//   context_wait wait(node, queue, lock); lock.lock(); ... status = wait.park_here(reason);
// What wait_queued() returns, or wake_status::cancelled.
class context_wait : private context_hook {
 public:
  context_wait(cancel_node* node, wait_queue& queue, spin_lock& lock) noexcept;
  ~context_wait();
  context_wait(const context_wait&) = delete;
  context_wait& operator=(const context_wait&) = delete;

  // The caller holds the queue's lock, which is free afterwards.
  wake_status park_here(wait_reason reason, void* element = nullptr, bool front = false,
                        nanos deadline = never);
  // The same. True: `ok`. False: the context, or the runtime stops in a destructor that must not
  // throw; otherwise that throws.
  bool park_or_unwind(wait_reason reason, void* element = nullptr, bool front = false);

 private:
  static void fired(context_hook& self) noexcept;

  cancel_node* node_;
  queue_wait wait_;
  bool told_ = false;  // under the queue's lock
};

std::error_code error_of(int reason) noexcept;
// Why a wait with that context failed: its error, or that the runtime stops.
std::error_code told_error(const context& ctx) noexcept;

// A node below `parent`, with two references: the context's and its cancel function's. Throws when
// nobody can keep the time.
cancel_node* make_cancellable(context_node* parent, nanos deadline, std::exception_ptr why);
// Hands a reference over: to the node's list, or to a G at once.
void add_call(context_node* where, context_call* call) noexcept;

}  // namespace gmp::detail
