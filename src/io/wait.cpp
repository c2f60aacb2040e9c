#include "io/wait.hpp"

#include "gmp/detail/time.hpp"
#include "io/home.hpp"
#include "sched/scheduler.hpp"
#include "stack/stack.hpp"

namespace gmp::detail {
namespace {

// On the stack of the G that parks.
struct wait_op {
  io_waiter w;
  descriptor* d;
  nanos deadline;  // as the G saw it
  direction dir;
};

// After the switch. Once the waiter is pushed its G may run and end: nothing of `op` is touched
// then. The descriptor stays one for ever. [D1, D5]
__attribute__((noinline)) void publish(wait_op& op) noexcept {
  descriptor& d = *op.d;
  const direction dir = op.dir;
  const nanos deadline = op.deadline;
  if (!d.push(dir, op.w)) {
    ready(*op.w.owner);
    return;
  }
  // Its timer may have fired before it stood in the list. [DL3]
  const bool fired = deadline != never && d.timers[descriptor::index(dir)].armed_for.load(
                                              memory_order_seq_cst) > deadline;
  if (fired || d.closing() || d.deadline(dir) != deadline) io_wake(d.take(dir));
}

GMPSCHED_COMMIT_FUNCTION(commit_wait)(m*, void* arg) { publish(*static_cast<wait_op*>(arg)); }

// The runtime stops. What others wait for here is none of it: they look again.
bool cancel_wait(void* arg) {
  auto& op = *static_cast<wait_op*>(arg);
  bool mine = false;
  for (io_waiter* w = op.d->take(op.dir); w != nullptr;) {
    io_waiter* next = w->next;
    if (w == &op.w) {
      mine = true;
    } else {
      w->next = nullptr;
      io_wake(w);
    }
    w = next;
  }
  return mine;
}

nanos deadline_fired(timer_node& node, nanos, nanos now) {
  auto& timer = reinterpret_cast<descriptor::deadline_timer&>(node);
  descriptor& d = *timer.owner;
  // First "nothing is armed", then the deadline: whoever moves it and still reads the old mark has
  // stored it before we read it. Who reads it once he stands in the list knows that he may have
  // come too late for us. [DL2]
  timer.armed_for.store(never, memory_order_seq_cst);
  const nanos deadline = d.deadline(timer.dir);
  if (deadline <= now) {
    io_wake(d.take(timer.dir));
    return never;
  }
  nanos none = never;
  if (deadline != never)
    timer.armed_for.compare_exchange_strong(none, deadline, memory_order_seq_cst);
  return deadline;
}

// Sees to it that a timer fires by then. Timers are armed by who waits, not by who sets a deadline:
// most deadlines are moved before anybody has waited for them. [DL2]
__attribute__((noinline)) void arm_deadline(descriptor& d, direction dir, nanos deadline) {
  descriptor::deadline_timer& timer = d.timers[descriptor::index(dir)];
  // Idle: whoever stored the mark has not armed it yet; arming it twice does no harm.
  if (timer.armed_for.load(memory_order_seq_cst) <= deadline &&
      timer.node.state.load(memory_order_acquire) != timer_node::phase::idle)
    return;
  d.timer_lock.lock();
  if (timer.node.fire == nullptr) timer.node.fire = &deadline_fired;  // it may be firing just now
  timer.armed_for.store(deadline, memory_order_seq_cst);
  try {
    if (!timer_rearm(timer.node, deadline)) timer_arm(timer.node, deadline);
  } catch (...) {
    timer.armed_for.store(never, memory_order_seq_cst);
    d.timer_lock.unlock();
    io_wake(d.take(dir));  // who relied on it looks again, and fails on his own
    throw;
  }
  d.timer_lock.unlock();
}

struct register_request {
  scheduler* sched;
  descriptor* d;
  int error;
};

GMPSCHED_HOME_FUNCTION(register_home)(void* arg) {
  auto& request = *static_cast<register_request*>(arg);
  request.error = request.sched->register_descriptor(*request.d);
}

__attribute__((noinline)) long register_now(scheduler& sched, descriptor& d) {
  register_request request{&sched, &d, 0};
  call_on_home(&register_home, &request);
  if (request.error != 0) {  // who relied on it looks again, and fails on his own
    woken_list woken;
    d.take_for_good(direction::reading, woken);
    d.take_for_good(direction::writing, woken);
    io_wake(woken.first());
  }
  return -request.error;
}

__attribute__((noinline)) long wait_as_thread(descriptor& d, direction dir, nanos deadline) {
  thread_wait_request request{&d, dir, deadline, 0};
  call_on_home(&thread_wait_home, &request);
  return request.result;
}

// The P looks at the poller's list before long. [SB2]
GMPSCHED_COMMIT_FUNCTION(commit_send)(m* self, void* arg) {
  auto& op = *static_cast<batched_send*>(arg);
  scheduler& sched = *self->sched;
  sched.net.load(memory_order_relaxed)->sends.push(op);
  p* local = self->pp;
  if (local != nullptr && ++local->sends >= scheduler::sends_at_once) local->direct_left = 0;
}

// The runtime stops.
bool cancel_send(void* arg) {
  auto& op = *static_cast<batched_send*>(arg);
  return op.w.owner->sched->net.load(memory_order_relaxed)->sends.remove(op);
}

}  // namespace

long io_send_in_batch(batched_send& op) {
  g& me = current_g();
  op.w.owner = &me;
  op.result = -ECANCELED;
  if (__builtin_expect(must_unwind(me), 0)) {
    unwind(me);
    return -ECANCELED;
  }
  park_with(me, &commit_send, &op, wait_reason::io_write, &cancel_send, &op, never);
  if (__builtin_expect(me.unwinding && op.result == -ECANCELED, 0)) unwind(me);
  return op.result;
}

void io_wake(io_waiter* chain) noexcept {
  while (chain != nullptr) {
    io_waiter& w = *chain;
    chain = w.next;  // w is gone once its owner runs
    if (w.wake_fd >= 0) {
      call_on_home(&release_thread_home, &w);
    } else {
      ready(*w.owner);
    }
  }
}

bool io_passed(nanos deadline) noexcept { return deadline <= now_on_g(); }

long io_wait(descriptor& d, direction dir, nanos deadline, wait_reason reason) {
  g& me = current_g();
  if (__builtin_expect(me.is_thread(), 0)) return wait_as_thread(d, dir, deadline);
  if (__builtin_expect(must_unwind(me), 0)) {
    unwind(me);
    return -ECANCELED;
  }
  if (__builtin_expect(d.home.load(memory_order_acquire) == nullptr, 0)) {
    if (const long error = register_now(*me.sched, d); error != 0) return error;
  }
  if (deadline != never) arm_deadline(d, dir, deadline);
  wait_op op{{nullptr, &me, -1, {0}}, &d, deadline, dir};
  park_with(me, &commit_wait, &op, reason, &cancel_wait, &op, never);
  if (__builtin_expect(me.unwinding, 0)) {
    unwind(me);
    return -ECANCELED;
  }
  return 0;
}

void io_stay::close_last(descriptor& d) noexcept { call_on_home(&close_home, &d); }

bool io_close(descriptor& d) noexcept {
  if (!d.begin_close()) return false;
  io_wake(d.take(direction::reading));
  io_wake(d.take(direction::writing));
  if (d.leave()) io_stay::close_last(d);
  return true;
}

void io_set_deadline(descriptor& d, direction dir, nanos when) noexcept {
  if (d.set_deadline(dir, when)) io_wake(d.take(dir));  // they look again [D5]
}

}  // namespace gmp::detail
