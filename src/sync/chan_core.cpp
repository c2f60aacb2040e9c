#include "sync/chan_core.hpp"

#include <exception>
#include <new>
#include <stdexcept>

#include "gmp/errors.hpp"
#include "sched/park.hpp"
#include "sync/chan_steps.hpp"

namespace gmp::detail {

// --- the rare steps, under the lock

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

}  // namespace gmp::detail
