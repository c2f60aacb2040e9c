// The mutex: one locked instruction for a lock and an unlock together.
//
// MTX1  locked_ is 1 from the exchange that found 0 until the unlock: one holder at a time.
// MTX2  queue_ not empty => watch_ is not `nobody`, and the holder's unlock will see that. The
//       unlock: holder_ = null; light fence; read watch_; `nobody` => locked_ = 0, else holder_ is
//       set again and on under inner_. The first waiter: watch_ = contended; heavy fence; read
//       holder_. True: by F1 the unlock that ends this has yet to look. False: somebody is about to
//       free the mutex or has just taken it, and is a few instructions from saying so.
// MTX3  queue_ not empty => somebody is on the way to wake its first: the holder, whose unlock will
//       see watch_; or a waiter that was taken out (waking_) and will look again under inner_.
// MTX4  watch_, waking_, patience_ and queue_ change under inner_ alone. inner_ is not held over a
//       park: its commit frees it.
// MTX5  While watch_ is `starving` the mutex goes from the holder to the first in the queue without
//       ever being free, so nobody can come between.
// MTX6  The next holder may destroy it once its own unlock is over: an unlock does not touch it
//       after locked_ = 0, unless it holds inner_ and leaves watch_ above `nobody`, and then the
//       next unlock takes inner_ after it.
//
// Normal mode lets a newcomer win against the waiter that was woken: it is running already, so the
// mutex is never held by somebody who has yet to be scheduled. A waiter that loses goes back to the
// front, and after a millisecond calls for starvation mode, which bounds the wait of all. As in Go.
//
// Rejected: waiter count and lock bit in one word (unlock needs a second locked instruction); a
// fence for every first waiter (a heavy fence costs microseconds, and in steady contention the
// queue is empty again after every hand-over): watch_ stays `contended` until a number of unlocks
// in a row have found nobody. tests/model/mutex.pml checks MTX1 to MTX3 and MTX6.
#include "gmp/mutex.hpp"

#include <sched.h>

#include <ctime>

#include "base/asymmetric_fence.hpp"
#include "base/check.hpp"
#include "sched/pin.hpp"
#include "sched/scheduler.hpp"
#include "sync/context_node.hpp"
#include "sync/wait.hpp"

namespace gmp {

using namespace detail;

namespace {

bool held(const void* const& holder) noexcept {
  return std::atomic_ref<const void*>(const_cast<const void*&>(holder))
             .load(memory_order_relaxed) != nullptr;
}

void let_go(const void*& holder) noexcept {
  std::atomic_ref<const void*>(holder).store(nullptr, memory_order_relaxed);
}

constexpr nanos starving_after = 1'000'000;
constexpr std::uint8_t full_patience =
    100;  // slow unlocks that cost together about one heavy fence
constexpr int spin_rounds = 4;
constexpr int spin_pauses = 30;

GMPSCHED_HOME_FUNCTION(fence_home)(void*) { heavy_fence(); }

// Somebody is a few instructions from what we wait for, or was preempted there by the kernel.
GMPSCHED_HOME_FUNCTION(stand_by_home)(void* round) {
  const unsigned rounds = (*static_cast<unsigned*>(round))++;
  if (rounds < 64) {
    cpu_pause();
  } else if (rounds < 96) {
    ::sched_yield();
  } else {  // with less priority than we have
    timespec nap{0, 50'000};
    ::nanosleep(&nap, nullptr);
  }
}

// Worth waiting for without parking: somebody else runs who may unlock it, and nobody here waits
// for this P.
bool worth_spinning() noexcept {
  const m* self = this_m();
  if (self == nullptr) return false;
  const scheduler& sched = *self->sched;
  const std::uint32_t procs = sched.procs.load(memory_order_relaxed);
  if (procs <= 1) return false;
  const auto idle = static_cast<std::uint32_t>(sched.idle_word.load(memory_order_relaxed));
  if (idle + 1 >= procs) return false;
  const p* local = peek_p(*self);  // only read: no pin needed
  return local != nullptr && local->runq.empty();
}

}  // namespace

// What a waiter knows of its wait; unlock_slow() writes to it.
struct mutex::place {
  nanos since;           // when the wait began
  bool woken = false;    // taken from the queue to look again
  bool granted = false;  // the mutex was handed over
};

void mutex::lock_contended() { lock_slow(never); }

bool mutex::try_lock_deadline(nanoseconds_count deadline) {
  return deadline > now_on_g() && lock_slow(deadline);
}

void mutex::unlock() noexcept {
  if (__builtin_expect(!held(holder_), 0)) {
    unlock_unlocked();
    return;
  }
  if (__builtin_expect(!unlock_uncontended(), 0)) unlock_slow();
}

// False: it is still locked, and somebody may wait.
[[gnu::always_inline]] inline bool mutex::unlock_uncontended() noexcept {
  let_go(holder_);
  light_fence();  // pairs with the heavy fence in take_or_announce() [MTX2]
  if (__builtin_expect(watch_.load(memory_order_relaxed) == nobody, 1)) {
    locked_.store(0, memory_order_release);  // the last access [MTX6]
    return true;
  }
  note_holder();  // whom we kept waiting may queue up
  return false;
}

bool mutex::spin() noexcept {
  for (int round = 0; round < spin_rounds && worth_spinning(); ++round) {
    for (int i = 0; i < spin_pauses; ++i) {
      if (watch_.load(memory_order_relaxed) == starving) return false;
      if (try_lock()) return true;
      cpu_pause();
    }
  }
  return false;
}

// Under inner_. False: the caller is to queue, and every unlock from now on will find that out.
// [MTX2]
bool mutex::take_or_announce(const place& mine) noexcept {
  patience_ = full_patience;
  const std::uint8_t seen = watch_.load(memory_order_relaxed);
  if (seen == starving && !mine.woken && !queue_.empty())
    return false;  // newcomers queue up [MTX5]
  if (seen == nobody) {
    watch_.store(contended, memory_order_relaxed);
    call_on_home(&fence_home, nullptr);  // pairs with the light fence in unlock_uncontended()
    unsigned round = 0;
    while (!try_lock()) {
      if (held(holder_)) return false;
      call_on_home(&stand_by_home, &round);
    }
    return true;
  }
  return take();
}

bool mutex::lock_slow(nanoseconds_count deadline) {
  if (spin()) return true;
  place mine{now_on_g()};
  for (;;) {
    const nanos now = mine.woken ? now_on_g() : mine.since;
    inner_.lock();
    if (mine.woken) waking_ = false;  // [MTX3]: from here on the holder is to see to the queue
    if (take_or_announce(mine)) {
      inner_.unlock();
      return true;
    }
    if (now >= deadline) {
      inner_.unlock();
      return false;
    }
    if (mine.woken && now - mine.since > starving_after)
      watch_.store(starving, memory_order_relaxed);
    switch (wait_in({queue_, inner_, wait_reason::mutex, deadline, mine.woken, 0, &mine})) {
      case wake_status::ok:
        break;
      case wake_status::timed_out:
        return false;
      default:
        unwind(current_g());
        return false;
    }
    if (mine.granted) {
      granted(mine);
      return true;
    }
    mine.woken = true;
  }
}

// lock_slow() with the context's hook in place of a deadline.
bool mutex::lock_told(const context& ctx) {
  if (spin()) return true;
  place mine{now_on_g()};
  context_wait wait(canceller_of(context_access::node(ctx)), queue_, inner_);
  for (;;) {
    const nanos now = mine.woken ? now_on_g() : mine.since;
    inner_.lock();
    if (mine.woken) waking_ = false;  // [MTX3]
    if (take_or_announce(mine)) {
      inner_.unlock();
      return true;
    }
    if (mine.woken && now - mine.since > starving_after)
      watch_.store(starving, memory_order_relaxed);
    if (!wait.park_or_unwind(wait_reason::mutex, &mine, mine.woken)) return false;
    if (mine.granted) {
      granted(mine);
      return true;
    }
    mine.woken = true;
  }
}

void mutex::lock(const context& ctx, std::error_code& why) {
  why = context_error(context_access::node(ctx));
  if (why.value() != 0 || try_lock() || lock_told(ctx)) return;
  why = told_error(ctx);
}

void mutex::lock(const context& ctx) {
  std::error_code why;
  lock(ctx, why);
  throw_if_told(why, "gmp::mutex::lock");
}

// The mutex was handed to this waiter. Ends starvation mode when the queue is short again.
void mutex::granted(const place& mine) noexcept {
  const nanos now = now_on_g();
  inner_.lock();
  if (queue_.empty() || now - mine.since < starving_after)
    watch_.store(contended, memory_order_relaxed);
  inner_.unlock();
}

// Not inlined: unlock() would have a frame.
__attribute__((noinline)) void mutex::unlock_slow() noexcept {
  while (!unlock_under_inner() && !unlock_uncontended()) {
  }
}

// False: nobody waits any more, and the mutex is still locked. To free it here would let the next
// holder destroy it before inner_ is free. [MTX6]
bool mutex::unlock_under_inner() noexcept {
  g* next = nullptr;
  inner_.lock();
  if (queue_.empty() && !waking_ && patience_ == 0) {
    watch_.store(nobody, memory_order_relaxed);
    inner_.unlock();
    return false;
  }
  if (!queue_.empty() && watch_.load(memory_order_relaxed) == starving) {
    auto& heir = *static_cast<place*>(queue_.front()->element);
    heir.granted = true;  // locked_ stays
    std::atomic_ref<const void*>(holder_).store(&heir, memory_order_relaxed);
    next = release_first(queue_);
  } else {
    if (queue_.empty()) {
      watch_.store(contended, memory_order_relaxed);
      if (patience_ > 0) --patience_;
    } else {
      if (!waking_)
        next = release_first(queue_);  // one at a time: the others would only meet each other
      waking_ = true;
    }
    let_go(holder_);
    locked_.store(0, memory_order_release);  // who queues up after this tries first, under inner_
  }
  inner_.unlock();
  if (next != nullptr) ready(*next);
  return true;
}

void mutex::unlock_unlocked() noexcept {
  // A destructor that was refused the lock while its runtime stops gives back what it never had.
  if (!must_unwind(current_g())) fatal("gmp::mutex::unlock of an unlocked mutex");
}

}  // namespace gmp
