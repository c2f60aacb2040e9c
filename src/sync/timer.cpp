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
//
// Starting and stopping are one trip to the M's own stack each, whatever they do there.
#include "gmp/timer.hpp"

#include <new>
#include <stdexcept>

#include "base/attributes.hpp"
#include "base/clock.hpp"
#include "sched/park.hpp"
#include "sched/registry.hpp"
#include "stack/stack.hpp"
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

void time_chan_ends(chan_core& core) {  // [TM3]
  timer_node& node = source_of(core).node;
  // acquire: pairs with the last touch of a callback or a stop.
  if (node.state.load(memory_order_acquire) != timer_node::phase::idle) timer_stop_and_wait(node);
}

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

struct start_request {
  chan_core* core;
  nanos delay;
  nanos period;
  scheduler* guest;  // as timer_arm_at_home() wants it
  bool pending;
  bool failed;
};

GMPSCHED_NO_SPLIT void start(time_source& source, start_request& request) noexcept;

// Under the lock, disarmed.
void start(time_source& source, start_request& request) noexcept {
  const nanos deadline = after(now_at_home(), request.delay);
  source.deadline = deadline;
  source.period = request.period;
  source.armed = true;  // before the node is: it may fire at once
  if (deadline == never) {
    timer_heap::stop(source.node);
  } else if (!timer_rearm_at_home(source.node, deadline)) {
    request.failed = !timer_arm_at_home(source.node, deadline, request.guest);
    if (request.failed) source.armed = false;
  }
}

GMPSCHED_HOME_FUNCTION(make_home)(void* arg) {
  auto& request = *static_cast<start_request*>(arg);
  void* memory = ::operator new(source_offset + sizeof(time_source), std::nothrow);
  request.failed = memory == nullptr;
  if (request.failed) return;
  chan_core& core = *::new (memory) chan_core(value_element, 1);
  auto& source = *::new (static_cast<std::byte*>(memory) + source_offset) time_source{{}, &core};
  source.node.fire = &time_fired;
  core.is_timer_ = true;
  core.on_free_ = &time_chan_ends;
  request.core = &core;
  start(source, request);  // nobody else knows it yet
}

GMPSCHED_HOME_FUNCTION(reset_home)(void* arg) {
  auto& request = *static_cast<start_request*>(arg);
  time_source& source = source_of(*request.core);
  request.core->lock_.lock();
  request.pending = disarm(*request.core, source);
  start(source, request);
  request.core->lock_.unlock();
}

void run_start(start_request& request, void (*home)(void*)) {
  if (this_m() != nullptr) {
    call_on_home(home, &request);
  } else {
    const visit guest;  // throws: nobody keeps the time
    request.guest = &*guest;
    call_on_home(home, &request);
  }
  if (request.failed) throw std::bad_alloc();
}

}  // namespace

__attribute__((noinline)) chan_core* timer_chan_make(nanoseconds_count delay,
                                                     nanoseconds_count period) {
  start_request request{nullptr, delay, period, nullptr, false, false};
  try {
    run_start(request, &make_home);
  } catch (...) {
    if (request.core != nullptr) chan_release(request.core);
    throw;
  }
  return request.core;
}

bool timer_chan_stop(chan_core& core) noexcept {
  time_source& source = source_of(core);
  core.lock_.lock();
  const bool armed = source.armed;
  const bool pending = disarm(core, source);
  if (armed) timer_stop(source.node);  // not armed: in no heap, or past all that counts [TM2]
  core.lock_.unlock();
  return pending;
}

void timer_chan_drop(chan_core& core) noexcept {
  // acquire: pairs with the releases of the others. The only holder's release stops the node.
  if (core.references_.load(memory_order_acquire) != 1) timer_chan_stop(core);
}

bool timer_chan_reset(chan_core& core, nanoseconds_count delay, nanoseconds_count period) {
  start_request request{&core, delay, period, nullptr, false, false};
  run_start(request, &reset_home);
  return request.pending;
}

nanoseconds_count checked_period(nanoseconds_count period, const char* call) {
  if (period <= 0) throw std::invalid_argument(call);
  return period;
}

}  // namespace gmp::detail
