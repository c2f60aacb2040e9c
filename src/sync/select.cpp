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
//       is through with the array of locks.
#include "gmp/select.hpp"

#include <algorithm>
#include <mutex>
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
  spin_lock* last = nullptr;
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
  select_op* ops;
  std::uint16_t* poll;  // channel cases, in the order in which they are tried
  std::uint16_t* lock;  // the same, by address of the channel
  std::size_t channels = 0;
  std::size_t otherwise = none;
  std::size_t timeout = none;  // the earliest
  static constexpr std::size_t none = ~std::size_t{0};
};

}  // namespace

bool tell_select(const g& gp, wait_facts& facts) {
  if (gp.cancel_wait != &cancel_select) return false;
  const auto& wait = *static_cast<const select_wait*>(gp.cancel_arg);
  facts.outside = wait.timer.fire != nullptr;
  for (std::size_t i = 0; i < wait.all->channels; ++i) {
    const std::uint16_t at = wait.all->lock[i];
    facts.waiters.push_back(hidden(&wait.waiters[at]));
    tell_channel(wait.all->ops[at].core, &wait.all->ops[at].core, facts);
  }
  return true;
}

namespace {

GMPSCHED_HOME_FUNCTION(thread_random)(void* arg) {
  thread_local cheap_random random(reinterpret_cast<std::uintptr_t>(&random));
  auto& bound = *static_cast<std::uint32_t*>(arg);
  bound = random.below(bound);
}

std::uint32_t random_below(std::uint32_t bound) noexcept {
  if (m* self = this_m(); self != nullptr) return self->random.below(bound);
  call_on_home(&thread_random, &bound);
  return bound;
}

void make_plan(plan& all, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    select_op& op = all.ops[i];
    switch (op.kind) {
      case select_kind::otherwise:
        all.otherwise = i;
        break;
      case select_kind::timeout:
        if (all.timeout == plan::none || op.deadline < all.ops[all.timeout].deadline)
          all.timeout = i;
        break;
      default: {
        if (op.core == nullptr) break;  // nil never fires
        // Inside-out Fisher-Yates.
        const auto j =
            all.channels == 0 ? 0 : random_below(static_cast<std::uint32_t>(all.channels) + 1);
        all.poll[all.channels] = all.poll[j];
        all.poll[j] = static_cast<std::uint16_t>(i);
        ++all.channels;
      }
    }
  }
}

// From the shuffled order: cases on one channel wait in its queue in a random order, too.
void order_locks(plan& all) noexcept {
  for (std::size_t i = 0; i < all.channels; ++i) all.lock[i] = all.poll[i];
  auto by_address = [&all](std::uint16_t a, std::uint16_t b) {
    return all.ops[a].core < all.ops[b].core;
  };
  if (all.channels <= 8) {  // insertion sort: no calls
    for (std::size_t i = 1; i < all.channels; ++i) {
      for (std::size_t k = i; k > 0 && by_address(all.lock[k], all.lock[k - 1]); --k)
        std::swap(all.lock[k], all.lock[k - 1]);
    }
  } else {
    std::sort(all.lock, all.lock + all.channels, by_address);
  }
}

// Calls `each` for every distinct channel, in address order. [SEL1]
template <class Each>
void for_each_channel(const plan& all, Each each) {
  chan_core* before = nullptr;
  for (std::size_t i = 0; i < all.channels; ++i) {
    chan_core* core = all.ops[all.lock[i]].core;
    if (core != before) each(*core);
    before = core;
  }
}

struct lock_all {
  const plan& all;
  bool held = true;
  explicit lock_all(const plan& p) : all(p) {
    for_each_channel(all, [](chan_core& core) { core.lock_.lock(); });
  }
  ~lock_all() {
    if (held) unlock();
  }
  void unlock() {
    held = false;
    for_each_channel(all, [](chan_core& core) { core.lock_.unlock(); });
  }
};

// Pass 1: the first case that can go on. None: plan::none, and the locks are still held.
std::size_t try_all(const plan& all, lock_all& locks) {
  for (std::size_t i = 0; i < all.channels; ++i) {
    select_op& op = all.ops[all.poll[i]];
    const step done = op.kind == select_kind::send ? op.core->try_send(op.element)
                                                   : op.core->try_recv(op.element);
    if (done.result == chan_result::would_block) continue;
    op.result = done.result;
    locks.unlock();
    if (done.wake != nullptr) ready(*done.wake);
    return all.poll[i];
  }
  return plan::none;
}

// Pass 0: the first case that can go on, each channel locked alone. A case that is ready when it is
// tried is a right choice whatever the others are; that nothing is ready, only pass 1 can tell.
std::size_t try_each(const plan& all) {
  for (std::size_t i = 0; i < all.channels; ++i) {
    select_op& op = all.ops[all.poll[i]];
    const bool send = op.kind == select_kind::send;
    if (send ? op.core->send_would_block() : op.core->recv_would_block()) continue;
    std::unique_lock hold(op.core->lock_);
    const step done = send ? op.core->try_send(op.element) : op.core->try_recv(op.element);
    hold.unlock();
    if (done.result == chan_result::would_block) continue;
    op.result = done.result;
    if (done.wake != nullptr) ready(*done.wake);
    return all.poll[i];
  }
  return plan::none;
}

wait_queue& queue_of(const select_op& op) noexcept {
  return op.kind == select_kind::send ? op.core->sendq_ : op.core->recvq_;
}

// Pass 2: into every queue.
void enqueue(const plan& all, waiter* waiters, select_wait& wait) noexcept {
  for (std::size_t i = 0; i < all.channels; ++i) {
    const std::uint16_t at = all.lock[i];
    waiter& w = waiters[at];
    w = waiter{};
    w.owner = wait.owner;
    w.element = all.ops[at].element;
    w.ticket = &wait.ticket;
    w.index = at;
    queue_of(all.ops[at]).push_back(w);
  }
}

// Pass 3: out of every queue, each channel's lock in turn. [SEL4]
void dequeue(const plan& all, waiter* waiters) noexcept {
  for (std::size_t i = 0; i < all.channels;) {
    chan_core& core = *all.ops[all.lock[i]].core;
    core.lock_.lock();
    for (; i < all.channels && all.ops[all.lock[i]].core == &core; ++i) {
      waiter& w = waiters[all.lock[i]];
      if (w.queued) queue_of(all.ops[all.lock[i]]).remove(w);
    }
    core.lock_.unlock();
  }
}

// The park's commit. Reads ahead of each release: after the last one the plan may be gone. [SEL3,
// SEL4]
GMPSCHED_COMMIT_FUNCTION(unlock_in_order)(m*, void* arg) {
  const plan& all = *static_cast<const plan*>(arg);
  chan_core* held = all.ops[all.lock[0]].core;  // a plan that parks has channels
  for (std::size_t i = 1; i < all.channels; ++i) {
    chan_core* core = all.ops[all.lock[i]].core;
    if (core == held) continue;
    held->lock_.unlock();
    held = core;
  }
  held->lock_.unlock();
}

// All locks are held on entry, none on return. Says who won the ticket.
std::uint32_t wait_for_one(plan& all, waiter* waiters, g& me) {
  select_wait wait;
  wait.owner = &me;
  wait.all = &all;
  wait.waiters = waiters;
  wait.last = &all.ops[all.lock[all.channels - 1]].core->lock_;
  const nanos deadline = all.timeout == plan::none ? never : all.ops[all.timeout].deadline;
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
  dequeue(all, waiters);
  if (timer) timer_stop_and_wait(wait.timer);
  return wait.ticket.winner.load(memory_order_acquire);  // pairs with the CAS in try_claim()
}

// A select without a channel that could fire.
std::size_t wait_without_channels(const plan& all, std::size_t n) {
  if (all.timeout == plan::none) {
    park_forever(n == 0 ? wait_reason::select_empty : wait_reason::select);
    return n;
  }
  sleep_until_nanos(all.ops[all.timeout].deadline);
  return all.timeout;
}

}  // namespace

std::size_t select_run(select_op* ops, waiter* waiters, std::uint16_t* order, std::size_t n) {
  plan all{ops, order, order + n};
  make_plan(all, n);
  if (all.channels == 0)
    return all.otherwise != plan::none ? all.otherwise : wait_without_channels(all, n);
  if (const std::size_t ready_case = try_each(all); ready_case != plan::none) return ready_case;
  order_locks(all);
  for (;;) {
    lock_all locks(all);
    const std::size_t ready_case = try_all(all, locks);
    if (ready_case != plan::none) return ready_case;
    if (all.otherwise != plan::none) return all.otherwise;
    if (all.timeout != plan::none && ops[all.timeout].deadline <= now_on_g()) return all.timeout;
    g& me = current_g();
    if (must_unwind(me)) {
      locks.unlock();
      unwind(me);
      return n;
    }
    locks.held = false;
    const std::uint32_t winner = wait_for_one(all, waiters, me);
    if (winner == by_timer) return all.timeout;
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
  std::vector<std::uint16_t> order(2 * n + 1);
  for (std::size_t i = 0; i < n; ++i) cases[i].held_->prepare(ops[i]);
  const std::size_t chosen = detail::select_run(ops.data(), waiters.data(), order.data(), n);
  if (chosen < n) cases[chosen].held_->finish(ops[chosen]);
  return chosen;
}

}  // namespace gmp
