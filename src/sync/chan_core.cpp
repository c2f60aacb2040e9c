#include "sync/chan_core.hpp"

#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>

#include "gmp/errors.hpp"
#include "sched/park.hpp"
#include "sync/wait_facts.hpp"

namespace gmp::detail {

// --- the steps, under the lock

// The first waiter of the queue that is still to be had. A waiter with a ticket is claimed; one
// without stays in the queue until its element has been moved, because the move may throw.
waiter* chan_core::claim_front(wait_queue& queue) noexcept {
  while (waiter* w = queue.front()) {
    if (w->ticket == nullptr) return w;
    if (w->ticket->try_claim(w->index)) return w;
    queue.remove(*w);  // decided elsewhere [C4]
  }
  return nullptr;
}

[[gnu::always_inline]] inline void chan_core::put(void* from) {
  const std::size_t n = size_.load(memory_order_relaxed);
  std::size_t at = head_ + n;
  if (at >= capacity_) at -= capacity_;
  move(slot(at), from);
  // release: pairs with the acquire in send_would_block() and empty_now(); the same in take().
  size_.store(n + 1, memory_order_release);
}

[[gnu::always_inline]] inline void chan_core::take(void* to) {
  move(to, slot(head_));
  if (!type_.trivial) type_.destroy(slot(head_));
  if (++head_ == capacity_) head_ = 0;
  size_.store(size_.load(memory_order_relaxed) - 1, memory_order_release);
}

// A move failed. A waiter without a ticket simply waits on. A select that was claimed cannot be
// given back, because other channels may have skipped it already: it looks again.
void chan_core::disappoint(wait_queue& queue, waiter& w) noexcept {
  if (w.ticket == nullptr) return;
  queue.remove(w);
  w.status = wake_status::retry;
  ready(*w.owner);  // under the lock: in a select others are held too, and to lock this one again
                    // would break their order
}

// The value goes straight from one stack to the other.
__attribute__((noinline)) step chan_core::hand_over(wait_queue& queue, waiter& w, void* to,
                                                    void* from) {
  if (type_.trivial) {
    move(to, from);
  } else {
    try {
      move(to, from);
    } catch (...) {
      disappoint(queue, w);
      throw;
    }
  }
  queue.remove(w);
  w.status = wake_status::ok;
  return {chan_result::ok, w.owner};
}

[[gnu::always_inline]] inline step chan_core::send_here(void* from) {
  if (closed_.load(memory_order_relaxed)) return {chan_result::closed};
  if (waiter* w = claim_front(recvq_); w != nullptr) return hand_over(recvq_, *w, w->element, from);
  if (size_.load(memory_order_relaxed) < capacity_) {
    put(from);
    return {chan_result::ok};
  }
  return {chan_result::would_block};
}

static_assert(sizeof(std::exception_ptr) == sizeof(void*) &&
              alignof(std::exception_ptr) == alignof(void*));

void carry_exception(waiter& w) noexcept {
  ::new (static_cast<void*>(&w.element)) std::exception_ptr(std::current_exception());
  w.status = wake_status::failed;
}

__attribute__((noinline, cold)) void rethrow_carried(waiter& w) {
  auto* carried = std::launder(reinterpret_cast<std::exception_ptr*>(&w.element));
  std::exception_ptr error = std::move(*carried);
  carried->~exception_ptr();
  std::rethrow_exception(std::move(error));
}

// A slot has become free: the first sender's element moves up. [C2] If its move throws, the sender
// gets the exception, and the slot is the next one's.
__attribute__((noinline)) g* chan_core::refill() noexcept {
  while (waiter* w = claim_front(sendq_)) {
    try {
      put(w->element);
    } catch (...) {
      sendq_.remove(*w);
      carry_exception(*w);
      ready(*w->owner);  // under the lock, as in disappoint()
      continue;
    }
    sendq_.remove(*w);
    w->status = wake_status::ok;
    return w->owner;
  }
  return nullptr;
}

[[gnu::always_inline]] inline step chan_core::recv_here(void* to) {
  if (size_.load(memory_order_relaxed) != 0) {
    take(to);
    return {chan_result::ok, sendq_.empty() ? nullptr : refill()};
  }
  if (waiter* w = claim_front(sendq_); w != nullptr) return hand_over(sendq_, *w, to, w->element);
  return {closed_.load(memory_order_relaxed) ? chan_result::closed : chan_result::would_block};
}

step chan_core::try_send(void* from) { return send_here(from); }
step chan_core::try_recv(void* to) { return recv_here(to); }

bool chan_core::close(waiter*& woken) noexcept {
  lock_.lock();
  if (closed_.load(memory_order_relaxed)) {
    lock_.unlock();
    return false;
  }
  // release: pairs with the acquire in send_would_block() and recv_would_block().
  closed_.store(true, memory_order_release);
  waiter** end = &woken;
  for (wait_queue* queue : {&recvq_, &sendq_}) {
    while (waiter* w = queue->pop_front()) {
      if (w->ticket != nullptr && !w->ticket->try_claim(w->index)) continue;
      w->status = wake_status::closed;
      *end = w;
      end = &w->next;
    }
  }
  *end = nullptr;
  lock_.unlock();
  return true;
}

chan_core::~chan_core() {
  if (!type_.trivial) {
    for (std::size_t n = size_.load(memory_order_relaxed); n > 0; --n) {
      type_.destroy(slot(head_));
      if (++head_ == capacity_) head_ = 0;
    }
  }
}

// --- life

chan_core* chan_make(const element_type& type, std::size_t capacity) {
  const std::size_t header = chan_core::buffer_offset(type);
  constexpr std::size_t most = std::size_t{1} << 47;  // what an address can name
  if (capacity > most || (type.size != 0 && capacity > (most - header) / type.size))
    throw std::length_error("gmp::make_chan: capacity out of range");
  const std::size_t bytes = header + capacity * type.size;
  void* memory = type.align > __STDCPP_DEFAULT_NEW_ALIGNMENT__
                     ? ::operator new (bytes, std::align_val_t{type.align})
                     : ::operator new(bytes);
  return ::new (memory) chan_core(type, capacity);
}

void chan_retain(chan_core* core) noexcept { core->references_.fetch_add(1, memory_order_relaxed); }

namespace {

__attribute__((noinline, cold)) void chan_free(chan_core* core) noexcept {
  if (core->on_free_ != nullptr) core->on_free_(*core);
  const std::size_t align = core->alignment();
  core->~chan_core();
  if (align > __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
    ::operator delete (core, std::align_val_t{align});
  } else {
    ::operator delete(core);
  }
}

}  // namespace

void chan_release(chan_core* core) noexcept {
  // acquire, acq_rel: whoever frees has seen everything the others did. Who holds the only
  // reference needs no locked instruction: nobody can make another.
  if (core->references_.load(memory_order_acquire) == 1 ||
      core->references_.fetch_sub(1, memory_order_acq_rel) == 1)
    chan_free(core);
}

// --- the calls

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
wake_status wait_on(chan_core& core, wait_queue& queue, void* element, wait_reason reason) {
  g& me = current_g();
  if (__builtin_expect(must_unwind(me), 0)) {
    core.lock_.unlock();
    unwind(me);
    return wake_status::pending;
  }
  chan_wait wait;
  wait.core = &core;
  wait.queue = &queue;
  wait.w.owner = &me;
  wait.w.element = element;
  queue.push_back(wait.w);
  park(me, core.lock_, reason, &cancel_chan, &wait);
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

// One operation that waits if it must.
template <step_function Try>
[[gnu::always_inline]] inline chan_result blocking_call(chan_core& core, void* element,
                                                        wait_queue& queue, wait_reason reason) {
  for (;;) {
    std::unique_lock hold(core.lock_);
    const step done = (core.*Try)(element);
    if (done.result != chan_result::would_block) {
      hold.unlock();
      if (done.wake != nullptr) ready(*done.wake);
      return done.result;
    }
    hold.release();
    const wake_status status = wait_on(core, queue, element, reason);
    if (status != wake_status::retry) return told(status);
  }
}

template <step_function Try>
[[gnu::always_inline]] inline chan_result immediate_call(chan_core& core, void* element) {
  std::unique_lock hold(core.lock_);
  const step done = (core.*Try)(element);
  hold.unlock();
  if (done.wake != nullptr) ready(*done.wake);
  return done.result;
}

__attribute__((noinline, cold)) chan_result nil_call() {
  park_forever(wait_reason::chan_nil);
  return chan_result::cancelled;
}

}  // namespace

chan_result chan_send(chan_core* core, void* from, nanoseconds_count deadline) {
  if (__builtin_expect(deadline != forever, 0))
    return timed(core, from, deadline, select_kind::send);
  if (__builtin_expect(core == nullptr, 0)) return nil_call();
  return blocking_call<&chan_core::send_here>(*core, from, core->sendq_, wait_reason::chan_send);
}

chan_result chan_recv(chan_core* core, void* to, nanoseconds_count deadline) {
  if (__builtin_expect(deadline != forever, 0))
    return timed(core, to, deadline, select_kind::receive);
  if (__builtin_expect(core == nullptr, 0)) return nil_call();
  return blocking_call<&chan_core::recv_here>(*core, to, core->recvq_, wait_reason::chan_receive);
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
