// Timers as a G sees them: arming, stopping, sleeping.
#include <new>

#include "sched/park.hpp"
#include "sched/pin.hpp"
#include "sched/registry.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {
namespace {

struct arm_request {
  timer_node* timer;
  nanos when;
  scheduler* guest;
  bool done;
};

GMPSCHED_HOME_FUNCTION(arm_home)(void* arg) {
  auto& request = *static_cast<arm_request*>(arg);
  request.done = timer_arm_at_home(*request.timer, request.when, request.guest);
}

void arm_as(timer_node& timer, nanos when, scheduler* guest) {
  arm_request request{&timer, when, guest, false};
  call_on_home(&arm_home, &request);
  if (!request.done) throw std::bad_alloc();
}

struct timer_request {
  timer_node* timer;
  nanos when;
  bool answer;
};

GMPSCHED_HOME_FUNCTION(stop_home)(void* arg) {
  auto& request = *static_cast<timer_request*>(arg);
  request.answer = timer_heap::stop(*request.timer);
}

GMPSCHED_HOME_FUNCTION(stop_and_wait_home)(void* arg) {
  auto& request = *static_cast<timer_request*>(arg);
  request.answer = timer_heap::stop_and_wait(*request.timer);
}

GMPSCHED_HOME_FUNCTION(rearm_home)(void* arg) {
  auto& request = *static_cast<timer_request*>(arg);
  request.answer = timer_rearm_at_home(*request.timer, request.when);
}

GMPSCHED_HOME_FUNCTION(now_home)(void* arg) { *static_cast<nanos*>(arg) = now_at_home(); }

GMPSCHED_HOME_FUNCTION(thread_sleep)(void* arg) {
  nanos until = *static_cast<nanos*>(arg);
  timespec t{until / 1'000'000'000, until % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) != 0) {
  }
}

// Sleeping: a timer that readies the G. The lock is held from before the timer is armed until the G
// is off its stack.
struct sleeper {
  timer_node timer;
  spin_lock lock;
  g* who;
};

nanos wake_sleeper(timer_node& timer, nanos, nanos) {
  auto& s = reinterpret_cast<sleeper&>(timer);
  s.lock.lock();  // the G's registers are saved once this is free [G2]
  g* who = s.who;
  s.lock.unlock();
  ready(*who);
  return never;
}

bool cancel_sleep(void* arg) { return timer_heap::stop(static_cast<sleeper*>(arg)->timer); }

}  // namespace

nanos now_on_g() noexcept {
  nanos now;
  call_on_home(&now_home, &now);
  return now;
}

void timer_arm(timer_node& timer, nanos when) {
  if (this_m() != nullptr) return arm_as(timer, when, nullptr);
  const visit guest;
  arm_as(timer, when, &*guest);
}

bool timer_stop(timer_node& timer) noexcept {
  timer_request request{&timer, 0, false};
  call_on_home(&stop_home, &request);
  return request.answer;
}

bool timer_stop_and_wait(timer_node& timer) noexcept {
  timer_request request{&timer, 0, false};
  call_on_home(&stop_and_wait_home, &request);
  return request.answer;
}

bool timer_rearm(timer_node& timer, nanos when) noexcept {
  timer_request request{&timer, when, false};
  call_on_home(&rearm_home, &request);
  return request.answer;
}

void sleep_until_nanos(nanos when) {
  g& me = current_g();
  if (me.is_thread()) {
    call_on_home(&thread_sleep, &when);
    return;
  }
  if (must_unwind(me)) {
    unwind(me);
    return;
  }
  if (when <= now_on_g()) return;
  sleeper s{};
  s.timer.fire = &wake_sleeper;
  s.who = &me;
  s.lock.lock();
  try {
    timer_arm(s.timer, when);
  } catch (...) {
    s.lock.unlock();
    throw;
  }
  park(me, s.lock, wait_reason::sleep, &cancel_sleep, &s);
  // The M that fired the timer may still hold the node. [TH3]
  timer_settle(s.timer);
  if (me.unwinding) unwind(me);
}

void timer_settle(timer_node& timer) noexcept {
  for (int i = 0; timer.state.load(memory_order_acquire) != timer_node::phase::idle; ++i) {
    cpu_pause();
    if (i % 256 == 255) timer_stop_and_wait(timer);
  }
}

}  // namespace gmp::detail
