// The world at rest for a moment, whatever its Gs do.
//
// PA1  Every P is taken from its M while that M runs user code (PIN1), as the monitor does with one
//      that stalls, and put into the idle list; world_stopped keeps it there (W2). So no G is
//      resumed until the end of the pause, and nobody waits for anybody: an M that is pinned is
//      asked again.
// PA2  Ms without a P may be about to park their G. They are at rest when each idles or was seen in
//      user code; of these the Gs are noted, and whatever those do next, their stacks are left
//      alone. Every other G that has begun has its registers saved (G2) and stays as it is.
// PA3  Wake-ups that found the world stopped were lost: the end of the pause wakes one M, which
//      looks at everything and wakes the next (I3).
// PA4  The Ms of a scheduler that is `stopping` end, and an ended one is never at rest. stop()
// awaits
//      its visitors then, of whom we are one: nobody waits.
#include <unistd.h>

#include "base/check.hpp"
#include "sched/pin.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {
namespace {

constexpr unsigned look_again_us = 20;

}  // namespace

// False: some P is held by an M that is pinned. The caller's own M is inside this call.
bool scheduler::seize_all() noexcept {
  bool all = true;
  lock.lock();
  const std::uint32_t n = p_count.load(memory_order_relaxed);
  for (std::uint32_t i = 0; i < n; ++i) {
    p& local = *all_ps[i].load(memory_order_relaxed);
    m* holder = local.holder.load(memory_order_relaxed);
    if (holder == nullptr || holder == this_m()) continue;
    if (!seize(*holder, local)) {
      all = false;
      continue;
    }
    disown(local);
    // Nobody finds it in there while the P has no holder.
    if (g* next = local.runq.take_next(); next != nullptr) global.push(next);
    if (local.id < procs.load(memory_order_relaxed)) {
      push_idle_p(local);
    } else {
      drain(local);
    }
  }
  lock.unlock();
  return all;
}

// False: some M is neither idle nor in user code. [PA2]
bool scheduler::note_running(std::vector<const g*>& running) {
  running.clear();
  lock.lock();
  std::uint32_t at_rest = idle_m_count;
  const std::uint32_t wanted = m_count;
  m* const first = all_ms;
  lock.unlock();
  running.reserve(wanted);
  for (m* one = first; one != nullptr; one = one->all_next) {
    const bool in_user_code = hold_off(*one, [&] {
      if (one->current != nullptr && running.size() < running.capacity())
        running.push_back(one->current);
    });
    if (in_user_code) ++at_rest;
  }
  lock.lock();
  const bool settled = at_rest == m_count && wanted == m_count;
  lock.unlock();
  return settled;
}

bool scheduler::pause(nanos patience, std::vector<const g*>& running) {
  const nanos deadline = after(clock_now(), patience);
  for (;;) {
    lock.lock();
    const bool mine = !world_stopped;
    world_stopped = true;
    lock.unlock();
    if (mine) break;
    if (clock_now() >= deadline || stopping.load(memory_order_relaxed)) return false;  // [PA4]
    ::usleep(look_again_us);
  }
  try {
    while (!seize_all() || !note_running(running)) {
      if (clock_now() >= deadline || stopping.load(memory_order_relaxed)) {
        resume();
        return false;
      }
      ::usleep(look_again_us);
    }
  } catch (...) {
    resume();
    throw;
  }
  return true;
}

void scheduler::resume() noexcept {
  g* const observer = settle_paused_bubble();
  lock.lock();
  world_stopped = false;
  lock.unlock();
  light_fence();  // pairs with the heavy fence in park_m() [I1]
  if (observer != nullptr) inject(observer);
  wake_one();  // [PA3]
}

}  // namespace gmp::detail
