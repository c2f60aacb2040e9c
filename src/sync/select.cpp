// Select: several channel operations, one of which goes ahead.
//
// SEL1  What is ready at first sight is taken under its own channel's lock alone. Before a select
// takes the default or
//       its timeout, or waits, all channels are locked in address order, so that the look at them
//       is one moment and two selects never deadlock.
// SEL2  The G stands in every queue with one ticket; whoever wins it has moved the element.
// [CLAIM1] SEL3  The locks are released in the park's commit, in ascending order; whoever ends the
// wait otherwise than through a channel
//       (the timer) takes the last of them first, so that it meets a G whose registers are saved.
// SEL4  Before select returns it has taken every channel's lock again: nobody holds a pointer to
// its waiters, and the commit
//       is through with the array of locks. All but the one whose partner woke it: he was through
//       with the waiter by then, and had waited for the commit's release of that lock; if that is
//       not the last release, the last lock is among those taken.
#include "gmp/select.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <stdexcept>
#include <vector>

#include "base/random.hpp"
#include "sched/park.hpp"
#include "sync/chan_core.hpp"
#include "sync/wait_facts.hpp"

namespace gmp::detail {
namespace {

constexpr std::uint32_t by_timer = 0xfffffffe;
constexpr std::uint32_t by_stop = 0xfffffffd;

struct plan;

struct select_wait {
  timer_node timer;  // first: the callback gets its address
  claim_ticket ticket;
  biased_lock* last = nullptr;
  g* owner = nullptr;
  const plan* all = nullptr;
  const waiter* waiters = nullptr;
};

nanos select_timer_fired(timer_node& timer, nanos, nanos) {
  auto& wait = reinterpret_cast<select_wait&>(timer);
  wait.last->lock();  // [SEL3]
  const bool mine = wait.ticket.try_claim(by_timer);
  g* owner = wait.owner;
  wait.last->unlock();
  if (mine) ready(*owner);
  return never;
}

bool cancel_select(void* arg) noexcept {
  return static_cast<select_wait*>(arg)->ticket.try_claim(by_stop);
}

// What a run needs to know about its cases.
struct plan {
  select_op** poll;  // channel cases, in the order in which they are tried
  select_op** lock;  // the same, by address of the channel
  std::size_t channels = 0;
  select_op* otherwise = nullptr;
  select_op* timeout = nullptr;  // the earliest
};

}  // namespace

bool tell_select(const g& gp, wait_facts& facts) {
  if (gp.cancel_wait != &cancel_select) return false;
  const auto& wait = *static_cast<const select_wait*>(gp.cancel_arg);
  facts.outside = wait.timer.fire != nullptr;
  for (std::size_t i = 0; i < wait.all->channels; ++i) {
    const select_op& op = *wait.all->lock[i];
    facts.waiters.push_back(hidden(&wait.waiters[op.index]));
    tell_channel(op.core, &op.core, facts);
  }
  return true;
}

namespace {

GMPSCHED_HOME_FUNCTION(thread_random)(void* arg) {
  thread_local cheap_random random(reinterpret_cast<std::uintptr_t>(&random));
  *static_cast<std::uint32_t*>(arg) = random.next();
}

std::uint32_t random_draw() noexcept {
  if (m* self = this_m(); self != nullptr) return self->random.next();
  std::uint32_t drawn;
  call_on_home(&thread_random, &drawn);
  return drawn;
}

// Small numbers out of one draw: each is the whole part of a fraction, what is left of the fraction
// serves the next. A draw is good for the orders of eight.
class fractions {
 public:
  std::uint32_t below(std::size_t bound) noexcept {
    if (uses_++ % 8 == 0) left_ = random_draw();
    const std::uint64_t product = std::uint64_t{left_} * bound;
    left_ = static_cast<std::uint32_t>(product);
    return static_cast<std::uint32_t>(product >> 32);
  }

 private:
  std::uint32_t left_ = 0;
  std::uint32_t uses_ = 0;
};

void make_plan(plan& all, select_op* ops, std::size_t n) noexcept {
  fractions random;
  select_op** const poll = all.poll;
  select_op** const lock = all.lock;
  std::size_t channels = 0;
  for (std::size_t i = 0; i < n; ++i) {
    select_op* op = &ops[i];
    op->index = static_cast<std::uint16_t>(i);
    if (op->core != nullptr) {
      const std::size_t j = channels == 0 ? 0 : random.below(channels + 1);
      poll[channels] = poll[j];  // inside-out Fisher-Yates
      poll[j] = op;
      lock[channels++] = op;
    } else if (op->kind == select_kind::otherwise) {
      all.otherwise = op;
    } else if (op->kind == select_kind::timeout) {
      if (all.timeout == nullptr || op->deadline < all.timeout->deadline) all.timeout = op;
    }  // else nil, which never fires
  }
  all.channels = channels;
}

// Cases on one channel wait in its queue in a random order.
void shuffle_equals(plan& all) noexcept {
  fractions random;
  for (std::size_t i = 1; i < all.channels; ++i) {
    std::size_t run = i;
    while (run > 0 && all.lock[run - 1]->core == all.lock[i]->core) --run;
    if (run != i) std::swap(all.lock[i], all.lock[run + random.below(i - run + 1)]);
  }
}

// From the order in which they were written, which is the same every time: the branches are
// predicted.
void order_locks(plan& all) noexcept {
  auto before = [](const select_op* a, const select_op* b) { return a->core < b->core; };
  bool equals = false;
  if (all.channels <= 8) {  // insertion sort: no calls
    for (std::size_t i = 1; i < all.channels; ++i) {
      select_op* op = all.lock[i];
      std::size_t k = i;
      for (; k > 0 && before(op, all.lock[k - 1]); --k) all.lock[k] = all.lock[k - 1];
      all.lock[k] = op;
      if (k > 0 && all.lock[k - 1]->core == op->core) equals = true;
    }
  } else {
    std::sort(all.lock, all.lock + all.channels, before);
    equals = true;  // perhaps
  }
  if (equals) shuffle_equals(all);
}

// Calls `each` for every distinct channel, in address order. [SEL1]
template <class Each>
void for_each_channel(const plan& all, Each each) {
  chan_core* before = nullptr;
  for (std::size_t i = 0; i < all.channels; ++i) {
    chan_core* core = all.lock[i]->core;
    if (core != before) each(*core);
    before = core;
  }
}

struct lock_all {
  const plan& all;
  m* const self = this_m();  // nothing parks while the locks are held
  bool held = true;
  explicit lock_all(const plan& p) : all(p) {
    for_each_channel(all, [this](chan_core& core) { core.lock_.lock_plainly(self); });
  }
  ~lock_all() {
    if (held) unlock();
  }
  void unlock() {
    held = false;
    for_each_channel(all, [](chan_core& core) { core.lock_.unlock_plainly(); });
  }
};

bool would_block(const select_op& op) noexcept {
  return op.kind == select_kind::send ? op.core->send_would_block() : op.core->recv_would_block();
}
// Without the channel's lock a hint.
bool worth_a_try(const select_op& op) noexcept {
  return op.kind == select_kind::send ? !op.core->send_would_block() : op.core->may_recv();
}

step try_one(const select_op& op) {
  return op.kind == select_kind::send ? op.core->try_send(op.element)
                                      : op.core->try_recv(op.element);
}

// Pass 1: the first case that can go on. None: null, and the locks are still held.
select_op* try_all(const plan& all, lock_all& locks) {
  for (std::size_t i = 0; i < all.channels; ++i) {
    select_op& op = *all.poll[i];
    if (!worth_a_try(op)) continue;
    const step done = try_one(op);
    if (done.result == chan_result::would_block) continue;
    op.result = done.result;
    locks.unlock();
    if (done.wake != nullptr) ready(*done.wake);
    return &op;
  }
  return nullptr;
}

// Pass 0: the first case that can go on, each channel locked alone. A case that is ready when it is
// tried is a right choice whatever the others are; that nothing is ready, only pass 1 can tell.
select_op* try_each(const plan& all) {
  for (std::size_t i = 0; i < all.channels; ++i) {
    select_op& op = *all.poll[i];
    if (!worth_a_try(op)) continue;
    m* const self = this_m();
    op.core->lock_.lock(self);
    step done;
    try {
      done = try_one(op);
    } catch (...) {
      op.core->lock_.unlock(self);
      throw;
    }
    op.core->lock_.unlock(self);
    if (done.result == chan_result::would_block) continue;
    op.result = done.result;
    if (done.wake != nullptr) ready(*done.wake);
    return &op;
  }
  return nullptr;
}

wait_queue& queue_of(const select_op& op) noexcept {
  if (op.core == nullptr) __builtin_unreachable();  // nil channels are in no plan
  return op.kind == select_kind::send ? op.core->sendq_ : op.core->recvq_;
}

// Pass 2: into every queue.
void enqueue(const plan& all, waiter* waiters, select_wait& wait) noexcept {
  for (std::size_t i = 0; i < all.channels; ++i) {
    const select_op& op = *all.lock[i];
    waiter& w = *::new (static_cast<void*>(&waiters[op.index])) waiter;
    w.owner = wait.owner;
    w.element = op.element;
    w.ticket = &wait.ticket;
    w.index = op.index;
    queue_of(op).push_back(w);
  }
}

// Pass 3: out of every queue, each channel's lock in turn. [SEL4]
void dequeue(const plan& all, waiter* waiters, std::uint32_t winner) noexcept {
  m* const self = this_m();
  for (std::size_t i = 0; i < all.channels;) {
    chan_core& core = *all.lock[i]->core;
    // If a case before it was this channel's, the lock has been taken already.
    const bool alone = i + 1 == all.channels || all.lock[i + 1]->core != &core;
    if (alone && all.lock[i]->index == winner) {
      ++i;
      continue;
    }
    core.lock_.lock_plainly(self);
    for (; i < all.channels && all.lock[i]->core == &core; ++i) {
      waiter& w = waiters[all.lock[i]->index];
      if (w.queued) queue_of(*all.lock[i]).remove(w);
    }
    core.lock_.unlock_plainly();
  }
}

// The park's commit. Reads ahead of each release: after the last one the plan may be gone. [SEL3,
// SEL4]
GMPSCHED_COMMIT_FUNCTION(unlock_in_order)(m*, void* arg) {
  const plan& all = *static_cast<const plan*>(arg);
  chan_core* held = all.lock[0]->core;  // a plan that parks has channels
  for (std::size_t i = 1, n = all.channels; i < n; ++i) {
    chan_core* core = all.lock[i]->core;
    if (core == held) continue;
    held->lock_.unlock_plainly();
    held = core;
  }
  held->lock_.unlock_plainly();
}

// All locks are held on entry, none on return. Says who won the ticket.
std::uint32_t wait_for_one(plan& all, waiter* waiters, g& me) {
  select_wait wait;
  wait.owner = &me;
  wait.all = &all;
  wait.waiters = waiters;
  wait.last = &all.lock[all.channels - 1]->core->lock_;
  const nanos deadline = all.timeout == nullptr ? never : all.timeout->deadline;
  const bool timer = deadline != never && !me.is_thread();
  if (timer) {
    wait.timer.fire = &select_timer_fired;
    try {
      timer_arm(wait.timer, deadline);
    } catch (...) {
      unlock_in_order(nullptr, &all);
      throw;
    }
  }
  enqueue(all, waiters, wait);
  if (!park_with(me, &unlock_in_order, &all, wait_reason::select, &cancel_select, &wait,
                 deadline)) {
    // A plain thread's time is up.
    if (!wait.ticket.try_claim(by_timer)) park_thread_again(me);
  }
  // acquire: pairs with the CAS in try_claim().
  const std::uint32_t winner = wait.ticket.winner.load(memory_order_acquire);
  dequeue(all, waiters, winner);
  if (timer) timer_stop_and_wait(wait.timer);
  return winner;
}

// A select without a channel that could fire.
std::size_t wait_without_channels(const plan& all, std::size_t n) {
  if (all.timeout == nullptr) {
    park_forever(n == 0 ? wait_reason::select_empty : wait_reason::select);
    return n;
  }
  sleep_until_nanos(all.timeout->deadline);
  return all.timeout->index;
}

}  // namespace

std::size_t select_run(select_op* ops, waiter* waiters, select_op** order, std::size_t n) {
  plan all{order, order + n};
  make_plan(all, ops, n);
  if (all.channels == 0)
    return all.otherwise != nullptr ? all.otherwise->index : wait_without_channels(all, n);
  if (const select_op* fit = try_each(all); fit != nullptr) return fit->index;
  // A look at one channel is one moment.
  if (all.channels == 1 && all.otherwise != nullptr && would_block(*all.poll[0]))
    return all.otherwise->index;
  order_locks(all);
  for (;;) {
    lock_all locks(all);
    if (const select_op* fit = try_all(all, locks); fit != nullptr) return fit->index;
    if (all.otherwise != nullptr) return all.otherwise->index;
    if (all.timeout != nullptr && all.timeout->deadline <= now_on_g()) return all.timeout->index;
    g& me = current_g();
    if (must_unwind(me)) {
      locks.unlock();
      unwind(me);
      return n;
    }
    locks.held = false;
    const std::uint32_t winner = wait_for_one(all, waiters, me);
    if (winner == by_timer) return all.timeout->index;
    if (winner == by_stop) {
      unwind(me);
      return n;
    }
    switch (waiters[winner].status) {
      case wake_status::ok:
        ops[winner].result = chan_result::ok;
        return winner;
      case wake_status::closed:
        ops[winner].result = chan_result::closed;
        return winner;
      case wake_status::failed:
        rethrow_carried(waiters[winner]);
      default:
        break;  // the partner's move failed: look again
    }
  }
}

}  // namespace gmp::detail

namespace gmp {

std::size_t select(std::span<select_case> cases) {
  const std::size_t n = cases.size();
  if (n > 65'535) throw std::length_error("gmp::select: too many cases");
  std::vector<detail::select_op> ops(n);
  std::vector<detail::waiter> waiters(n);
  std::vector<detail::select_op*> order(2 * n + 1);
  for (std::size_t i = 0; i < n; ++i) cases[i].held_->prepare(ops[i]);
  const std::size_t chosen = detail::select_run(ops.data(), waiters.data(), order.data(), n);
  if (chosen < n) cases[chosen].held_->finish(ops[chosen]);
  return chosen;
}

}  // namespace gmp
