// Making Gs from outside, and where nothing may be thrown and no P may be pinned: for timers, and
// for those who cancel.
#include "sched/spawn.hpp"
#include "stack/stack.hpp"

namespace gmp::detail {

// --- parts

g* g_on_slot(void* top, std::size_t bytes, std::size_t max_stack) noexcept {
  g_begin(&top, 1, bytes);
  g* made = g_at(top);
  made->stack_limit = first_segment_init(top, bytes, max_stack);
  return made;
}

// Order against stop(): we count and look at `unwinding`, it sets `unwinding` and looks at the
// count, all seq_cst.
bool announce_outside(scheduler& sched) noexcept {
  sched.spawned_outside.fetch_add(1, memory_order_seq_cst);
  if (!sched.unwinding.load(memory_order_seq_cst)) return true;
  sched.finished_outside.fetch_add(1, memory_order_release);
  return false;
}

void start_outside(void* arg) {
  g& child = *static_cast<g*>(arg);
  scheduler& sched = *child.sched;
  child.id = sched.ids.fetch_add(1, memory_order_relaxed) + 1;
  child.state.store(g_state::newborn, memory_order_release);  // as in spawn_start()
  sched.visitors.fetch_add(
      1, memory_order_relaxed);  // as in inject_home(): the child may end before inject() does
  sched.inject(&child);
  sched.visitors.fetch_sub(1, memory_order_release);
}

void give_slot_home(void* arg) {
  g& dead = *static_cast<g*>(arg);
  void* top = g_top(dead);
  first_segments_give(dead.stack_bytes, &top, 1);
}

// --- without a P

namespace {

struct detached_request {
  const scheduler_config& config;
  g* made;
};

GMPSCHED_HOME_FUNCTION(make_detached)(void* arg) {
  auto& request = *static_cast<detached_request*>(arg);
  void* top;
  const scheduler_config& config = request.config;
  if (first_segments_take(config.stack_size, &top, 1) == 1)
    request.made = g_on_slot(top, config.stack_size, config.max_stack);
}

}  // namespace

detached_g spawn_detached(scheduler& sched, std::size_t size) noexcept {
  if (!announce_outside(sched)) return {detached_g::stopped, {}};
  detached_request request{sched.config, nullptr};
  call_on_home(&make_detached, &request);
  if (request.made != nullptr) return {detached_g::ok, dress(*request.made, sched, size, 16)};
  sched.finished_outside.fetch_add(1, memory_order_release);
  return {detached_g::no_memory, {}};
}

void spawn_detached_start(unborn child, void (*run)(void*)) noexcept {
  child.made->entry = run;
  child.made->creator_id = 0;
  call_on_home(&start_outside, child.made);
}

void spawn_detached_abandon(unborn child) noexcept {
  scheduler& sched = *child.made->sched;
  child.made->state.store(g_state::dead, memory_order_relaxed);
  call_on_home(&give_slot_home, child.made);
  sched.finished_outside.fetch_add(1, memory_order_release);  // last: the scheduler may end with it
}

}  // namespace gmp::detail
