// The calls: send, receive, with a deadline or without waiting, close.
#include <new>
#include <stdexcept>

#include "gmp/errors.hpp"
#include "sched/park.hpp"
#include "sync/chan_steps.hpp"
#include "sync/wait_facts.hpp"

namespace gmp::detail {

namespace {

struct chan_wait {
  waiter w;
  chan_core* core;
  wait_queue* queue;
};

bool cancel_chan(void* arg) noexcept {
  auto& wait = *static_cast<chan_wait*>(arg);
  wait.core->lock_.lock();
  const bool waited = wait.w.queued;
  if (waited) wait.queue->remove(wait.w);
  wait.core->lock_.unlock();
  return waited;
}

}  // namespace

bool tell_chan_wait(const g& gp, wait_facts& facts) {
  if (gp.cancel_wait != &cancel_chan) return false;
  const auto& wait = *static_cast<const chan_wait*>(gp.cancel_arg);
  facts.waiters.push_back(hidden(&wait.w));
  tell_channel(wait.core, &wait.core, facts);
  return true;
}

namespace {

// The caller holds the lock and found that it must wait. Returns with the lock free.
wake_status wait_on(chan_core& core, wait_queue& queue, void* element, wait_reason reason,
                    m* self) {
  g& me = current_g(self);
  if (__builtin_expect(must_unwind(me), 0)) {
    core.lock_.unlock(self);
    unwind(me);
    return wake_status::pending;
  }
  chan_wait wait;
  wait.core = &core;
  wait.queue = &queue;
  wait.w.owner = &me;
  wait.w.element = element;
  queue.push_back(wait.w);
  park(me, core.lock_.for_commit(), reason, &cancel_chan, &wait);
  if (__builtin_expect(wait.w.status == wake_status::pending, 0)) unwind(me);
  if (__builtin_expect(wait.w.status == wake_status::failed, 0)) rethrow_carried(wait.w);
  return wait.w.status;
}

chan_result told(wake_status status) noexcept {
  switch (status) {
    case wake_status::ok:
      return chan_result::ok;
    case wake_status::closed:
      return chan_result::closed;
    case wake_status::timed_out:
      return chan_result::timed_out;
    default:
      return chan_result::cancelled;
  }
}

__attribute__((noinline)) chan_result timed(chan_core* core, void* element,
                                            nanoseconds_count deadline, select_kind kind) {
  select_op ops[2];
  waiter_room<2> waiters;
  select_op* order[4];
  ops[0].core = core;
  ops[0].element = element;
  ops[0].kind = kind;
  ops[1].kind = select_kind::timeout;
  ops[1].deadline = deadline;
  return select_run(ops, waiters.first(), order, 2) == 0 ? ops[0].result : chan_result::timed_out;
}

}  // namespace

namespace {

using step_function = step (chan_core::*)(void*);

// One try under the lock, which is free again if a move throws.
template <step_function Try>
[[gnu::always_inline]] inline step attempt(chan_core& core, void* element) {
  try {
    return (core.*Try)(element);
  } catch (...) {
    core.lock_.unlock();
    throw;
  }
}

[[gnu::always_inline]] inline chan_result finish(chan_core& core, const step& done,
                                                 m* self) noexcept {
  core.lock_.unlock(self);
  if (done.wake != nullptr) ready(*done.wake);
  return done.result;
}

// One operation that waits if it must. The lock is held. `self`: the M of this thread, until the
// first wait.
template <step_function Try>
[[gnu::always_inline]] inline chan_result blocking_call(chan_core& core, void* element,
                                                        wait_queue& queue, wait_reason reason,
                                                        m* self) {
  for (;;) {
    const step done = attempt<Try>(core, element);
    if (done.result != chan_result::would_block) return finish(core, done, self);
    const wake_status status = wait_on(core, queue, element, reason, self);
    if (status != wake_status::retry) return told(status);
    self = this_m();
    core.lock_.lock(self);
  }
}

template <step_function Try>
[[gnu::always_inline]] inline chan_result immediate_call(chan_core& core, void* element) {
  m* self = this_m();
  core.lock_.lock(self);
  return finish(core, attempt<Try>(core, element), self);
}

__attribute__((noinline, cold)) chan_result nil_call() {
  park_forever(wait_reason::chan_nil);
  return chan_result::cancelled;
}

__attribute__((noinline)) chan_result send_locked(chan_core& core, void* from, m* self) {
  return blocking_call<&chan_core::send_here>(core, from, core.sendq_, wait_reason::chan_send,
                                              self);
}

__attribute__((noinline)) chan_result recv_locked(chan_core& core, void* to, m* self) {
  return blocking_call<&chan_core::recv_here>(core, to, core.recvq_, wait_reason::chan_receive,
                                              self);
}

// All that is not quick, or whose lock is taken.
__attribute__((noinline)) chan_result send_slow(chan_core* core, void* from,
                                                nanoseconds_count deadline) {
  if (deadline != forever) return timed(core, from, deadline, select_kind::send);
  if (core == nullptr) return nil_call();
  m* self = this_m();
  core->lock_.lock(self);
  return send_locked(*core, from, self);
}

__attribute__((noinline)) chan_result recv_slow(chan_core* core, void* to,
                                                nanoseconds_count deadline) {
  if (deadline != forever) return timed(core, to, deadline, select_kind::receive);
  if (core == nullptr) return nil_call();
  m* self = this_m();
  core->lock_.lock(self);
  return recv_locked(*core, to, self);
}

}  // namespace

// What needs neither a partner nor a call is done here, without a frame; everything else is a jump
// away.
chan_result chan_send(chan_core* core, void* from, nanoseconds_count deadline) {
  m* self = this_m();
  if (__builtin_expect(deadline != forever || core == nullptr || !core->lock_.try_lock(self), 0))
    return send_slow(core, from, deadline);
  if (!core->put_quick(from)) return send_locked(*core, from, self);
  core->lock_.unlock(self);
  return chan_result::ok;
}

chan_result chan_recv(chan_core* core, void* to, nanoseconds_count deadline) {
  m* self = this_m();
  if (__builtin_expect(deadline != forever || core == nullptr || !core->lock_.try_lock(self), 0))
    return recv_slow(core, to, deadline);
  if (!core->take_quick(to)) return recv_locked(*core, to, self);
  core->lock_.unlock(self);
  return chan_result::ok;
}

chan_result chan_try_send(chan_core* core, void* from) {
  if (core == nullptr || core->send_would_block()) return chan_result::would_block;
  return immediate_call<&chan_core::send_here>(*core, from);
}

chan_result chan_try_recv(chan_core* core, void* to) {
  if (core == nullptr || core->recv_would_block()) return chan_result::would_block;
  return immediate_call<&chan_core::recv_here>(*core, to);
}

void chan_close(chan_core* core) {
  if (core == nullptr) throw ::gmp::nil_channel();
  waiter* woken = nullptr;
  if (!core->close(woken)) throw ::gmp::closed_channel("gmp: close of a closed channel");
  while (woken != nullptr) {
    waiter* next = woken->next;  // the waiter is gone once its owner runs
    ready(*woken->owner);
    woken = next;
  }
}

std::size_t chan_len(const chan_core* core) noexcept {
  return core == nullptr || core->is_timer_ ? 0 : core->size();
}

std::size_t chan_cap(const chan_core* core) noexcept {
  return core == nullptr || core->is_timer_ ? 0 : core->capacity();
}

void throw_closed_channel() { throw ::gmp::closed_channel("gmp: send on a closed channel"); }

}  // namespace gmp::detail
