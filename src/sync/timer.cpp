// Timers and tickers: a channel of capacity 1 with a timer node in the same block of memory.
//
// TM1  armed, deadline and period are guarded by the channel's lock, and so is every operation on
// the node but the
//      firing itself. Lock order: channel, then heap.
// TM2  A firing counts only if it finds the timer armed and its deadline reached; so one that was
// under way when stop() or
//      reset() came sends nothing. Those also take out a value that nobody has read: after them
//      nothing stale is received.
// TM3  The channel's memory is freed after the node was stopped and no callback uses it any more.
#include "gmp/timer.hpp"

#include <new>
#include <stdexcept>

#include "base/clock.hpp"
#include "sched/park.hpp"
#include "sched/registry.hpp"
#include "sync/chan_core.hpp"

namespace gmp::detail {
namespace {

using value_type = std::chrono::steady_clock::time_point;
constexpr const element_type& value_element = element_type_of<value_type>;
static_assert(std::is_trivially_copyable_v<value_type>, "taking and sending one throws nothing");

struct time_source {
  timer_node node;  // first: the callback gets its address
  chan_core* core;
  nanos deadline = never;
  nanos period = 0;  // 0: once
  bool armed = false;
};

constexpr std::size_t source_offset = [] {
  const std::size_t end = chan_core::buffer_offset(value_element) + sizeof(value_type);
  return (end + alignof(time_source) - 1) / alignof(time_source) * alignof(time_source);
}();
static_assert(alignof(time_source) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

time_source& source_of(chan_core& core) noexcept {
  return *reinterpret_cast<time_source*>(reinterpret_cast<std::byte*>(&core) + source_offset);
}

// The first multiple of the period after `now`: no bursts for those who come late.
nanos next_tick(nanos deadline, nanos period, nanos now) noexcept {
  const nanos late = now - deadline;
  const nanos missed = late / period * period;
  return deadline + missed >= never - period ? never : deadline + missed + period;
}

// On a scheduler's stack.
nanos time_fired(timer_node& node, nanos, nanos now) {
  auto& source = reinterpret_cast<time_source&>(node);
  chan_core& core = *source.core;
  core.lock_.lock();
  if (!source.armed || source.deadline > now) {  // [TM2]
    const nanos again = source.armed ? source.deadline : never;
    core.lock_.unlock();
    return again;
  }
  value_type value{std::chrono::nanoseconds(source.deadline)};
  const step done =
      core.try_send(&value);  // would block: the last tick was not read yet, this one is dropped
  source.armed = source.period != 0;
  source.deadline = source.armed ? next_tick(source.deadline, source.period, now) : never;
  const nanos again = source.deadline;
  core.lock_.unlock();
  if (done.wake != nullptr) ready(*done.wake);
  return again;
}

void time_chan_ends(chan_core& core) { timer_stop_and_wait(source_of(core).node); }  // [TM3]

// Under the lock. True: a firing was prevented.
bool disarm(chan_core& core, time_source& source) noexcept {
  bool pending = source.armed;
  source.armed = false;
  if (core.size() != 0) {
    value_type unread;
    (void)core.try_recv(&unread);  // nobody waits to send
    pending = true;
  }
  return pending;
}

// Under the lock, disarmed.
void start(time_source& source, nanos deadline, nanos period) {
  source.deadline = deadline;
  source.period = period;
  if (deadline == never) {
    timer_stop(source.node);
  } else if (!timer_rearm(source.node, deadline)) {
    timer_arm(source.node, deadline);
  }
  source.armed = true;
}

}  // namespace

__attribute__((noinline)) chan_core* timer_chan_make(nanoseconds_count delay,
                                                     nanoseconds_count period) {
  if (this_m() == nullptr) static_cast<void>(visit());  // throws: nobody keeps the time
  void* memory = ::operator new(source_offset + sizeof(time_source));
  chan_core& core = *::new (memory) chan_core(value_element, 1);
  auto& source = *::new (static_cast<std::byte*>(memory) + source_offset) time_source{{}, &core};
  source.node.fire = &time_fired;
  core.is_timer_ = true;
  core.on_free_ = &time_chan_ends;
  try {
    timer_chan_reset(core, delay, period);
  } catch (...) {
    chan_release(&core);
    throw;
  }
  return &core;
}

bool timer_chan_stop(chan_core& core) noexcept {
  time_source& source = source_of(core);
  core.lock_.lock();
  const bool pending = disarm(core, source);
  timer_stop(source.node);
  core.lock_.unlock();
  return pending;
}

bool timer_chan_reset(chan_core& core, nanoseconds_count delay, nanoseconds_count period) {
  time_source& source = source_of(core);
  const nanos deadline = deadline_in(delay);
  core.lock_.lock();
  const bool pending = disarm(core, source);
  try {
    start(source, deadline, period);
  } catch (...) {
    core.lock_.unlock();
    throw;
  }
  core.lock_.unlock();
  return pending;
}

nanoseconds_count checked_period(nanoseconds_count period, const char* call) {
  if (period <= 0) throw std::invalid_argument(call);
  return period;
}

}  // namespace gmp::detail
