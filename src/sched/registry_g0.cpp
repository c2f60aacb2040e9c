#include "sched/registry.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

#include "sched/scheduler.hpp"

namespace gmp::detail {

scheduler* registry_find() noexcept;

namespace {

struct table {
  std::mutex lock;
  std::vector<scheduler*> schedulers;
};

// Never destroyed: threads may ask after main has returned.
table& the_table() {
  static table* instance = new table;
  return *instance;
}

struct thread_part {
  g stand_in;
  scheduler* last_used = nullptr;
  thread_part() { stand_in.state.store(g_state::running, memory_order_relaxed); }
  ~thread_part() { g_clear(stand_in); }
};

thread_part& this_thread_part() {
  thread_local thread_part part;
  return part;
}

}  // namespace

g& thread_g() noexcept { return this_thread_part().stand_in; }

void registry_add(scheduler& sched) {
  table& t = the_table();
  std::lock_guard hold(t.lock);
  t.schedulers.push_back(&sched);
}

void registry_remove(scheduler& sched) noexcept {
  table& t = the_table();
  std::lock_guard hold(t.lock);
  t.schedulers.erase(std::remove(t.schedulers.begin(), t.schedulers.end(), &sched),
                     t.schedulers.end());
}

void registry_used(scheduler& sched) noexcept { this_thread_part().last_used = &sched; }

scheduler* registry_find() noexcept {
  table& t = the_table();
  std::lock_guard hold(t.lock);
  scheduler* last = this_thread_part().last_used;
  if (last != nullptr && std::count(t.schedulers.begin(), t.schedulers.end(), last) != 0) return last;
  return t.schedulers.size() == 1 ? t.schedulers.front() : nullptr;
}

}  // namespace gmp::detail
