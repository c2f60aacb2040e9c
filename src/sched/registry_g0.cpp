#include "sched/registry.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <vector>

#include "sched/scheduler.hpp"

namespace gmp::detail {

scheduler* registry_enter(const void* wanted) noexcept;

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

std::vector<scheduler*> registry_hold() {
  table& t = the_table();
  const std::lock_guard hold(t.lock);
  std::vector<scheduler*> known = t.schedulers;
  for (scheduler* one : known) one->visitors.fetch_add(1, memory_order_relaxed);
  return known;
}

void registry_give_back(const std::vector<scheduler*>& held) noexcept {
  // release: pairs with the acquire in stop()
  for (scheduler* one : held) one->visitors.fetch_sub(1, memory_order_release);
}

void registry_for_each(void (*use)(scheduler& sched, void* arg), void* arg) {
  std::exception_ptr failure;
  for (scheduler* one : registry_hold()) {
    try {
      if (failure == nullptr) use(*one, arg);
    } catch (...) {
      failure = std::current_exception();
    }
    one->visitors.fetch_sub(1, memory_order_release);  // pairs with the acquire in stop()
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

void registry_used(scheduler& sched) noexcept { this_thread_part().last_used = &sched; }

scheduler* registry_enter(const void* wanted) noexcept {
  table& t = the_table();
  std::lock_guard hold(t.lock);
  auto known = [&t](const void* one) {
    return std::find(t.schedulers.begin(), t.schedulers.end(), one) != t.schedulers.end();
  };
  scheduler* found = nullptr;
  if (wanted != nullptr) {
    if (known(wanted)) found = static_cast<scheduler*>(const_cast<void*>(wanted));
  } else if (scheduler* last = this_thread_part().last_used; last != nullptr && known(last)) {
    found = last;
  } else if (t.schedulers.size() == 1) {
    found = t.schedulers.front();
  }
  // Under the lock: registry_remove() comes before the end of the scheduler.
  if (found != nullptr) found->visitors.fetch_add(1, memory_order_relaxed);
  return found;
}

}  // namespace gmp::detail
