// The search for Gs that nothing will ever wake: a mark phase without a collector.
//
// LK1  A G is lost if only lost Gs could wake it: who holds the mutex it waits for, whose stack the
//      only references to its channel or task lie on. So all waiting Gs are taken for lost at
//      first, and those that somebody else can wake are struck off, until no more are.
// LK2  Where a pointer lies decides. On the stack of a lost G it counts for nothing; anywhere else
//      in memory, the heap included, it may be used. So what only a lost G knows of, but by way of
//      the heap, is not found: a miss, never a false alarm.
// LK3  Registers cannot be seen of threads that are not the runtime's, nor of Gs that run. While
//      there are any, a channel counts as lost only if every reference that it counts lies in the
//      closure of a lost G, and a task never.
// LK4  Some wake-ups are under way while we look: only what is found twice counts.
// All of this runs on a thread's own stack.
#include "debug/leaks.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <mutex>
#include <string>
#include <utility>

#include "debug/leak_search.hpp"
#include "sched/registry.hpp"
#include "sync/chan_core.hpp"

namespace gmp::detail {
namespace {

constexpr nanos patience = 2'000'000'000;

// --- [LK1]

bool is_lost(const search_state& state, std::int32_t index) {
  return index != root && state.suspects[static_cast<std::size_t>(index)].lost;
}

// True: something has changed.
bool strike_off(search_state& state) {
  bool changed = false;
  for (const pointer_hit& one : state.hits) {
    wake_target& to = state.targets[one.target];
    if (to.reachable || is_lost(state, one.from)) continue;
    to.reachable = changed = true;
  }
  for (wake_target& one : state.targets) {
    if (one.reachable || one.stack_of == root || is_lost(state, one.stack_of)) continue;
    one.reachable = changed = true;
  }
  for (suspect_g& one : state.suspects) {
    if (!one.lost) continue;
    bool stays = !one.waits_for_holder || is_lost(state, one.held_by);
    for (const std::uint32_t t : one.targets) stays = stays && !state.targets[t].reachable;
    if (stays) continue;
    one.lost = false;
    changed = true;
  }
  return changed;
}

// References that we have not seen on the stacks of lost Gs are somewhere else. [LK3]
bool count_references(search_state& state) {
  std::vector<std::uint32_t> seen(state.targets.size());
  for (const pointer_hit& one : state.hits)
    if (is_lost(state, one.from) && (!state.strict || one.in_closure)) ++seen[one.target];
  bool changed = false;
  for (std::size_t i = 0; i < state.targets.size(); ++i) {
    wake_target& one = state.targets[i];
    if (one.reachable) continue;
    if (!one.counted) {
      one.reachable = state.strict;
    } else {
      const auto& core = *reinterpret_cast<const chan_core*>(shown(one.low));
      one.reachable = core.references_.load(memory_order_relaxed) > seen[i];
    }
    changed |= one.reachable;
  }
  return changed;
}

// The worlds are stopped.
void mark(search_state& state) {
  collect_hits(state);
  do {
    while (strike_off(state)) {
    }
  } while (count_references(state));
}

// --- the worlds

// Holds every runtime still; in a scope of its own.
class all_worlds {
 public:
  explicit all_worlds(search_state& state) : state_(state) {
    state.held = registry_hold();
    try {
      stop_all();
    } catch (...) {
      resume_all();
      throw;
    }
  }
  ~all_worlds() { resume_all(); }
  all_worlds(const all_worlds&) = delete;
  all_worlds& operator=(const all_worlds&) = delete;
  bool stopped() const { return stopped_ == state_.held.size(); }

 private:
  void stop_all() {
    std::uint32_t known = this_m() == nullptr ? 1 : 0;
    for (scheduler* sched : state_.held) {
      std::vector<const g*> running;
      if (!sched->pause(patience, running)) return;
      ++stopped_;
      state_.running.insert(state_.running.end(), running.begin(), running.end());
      sched->lock.lock();
      known += sched->m_count;
      sched->lock.unlock();
      known += sched->monitor.threads() + sched->run_callers.load(memory_order_acquire);
    }
    const std::size_t callers = this_m() == nullptr ? 0 : 1;
    state_.strict =
        threads_of_process() != known + service_threads() || state_.running.size() > callers;
  }
  void resume_all() noexcept {
    while (stopped_ > 0) state_.held[--stopped_]->resume();
    registry_give_back(state_.held);
  }

  search_state& state_;
  std::size_t stopped_ = 0;
};

using lost_g = std::pair<const g*, std::pair<std::uint64_t, std::uint64_t>>;

std::vector<lost_g> lost_in(const search_state& state) {
  std::vector<lost_g> out;
  for (const suspect_g& one : state.suspects)
    if (one.lost) out.push_back({one.gp, {one.id, one.resumed_as}});
  std::sort(out.begin(), out.end());
  return out;
}

// The second look; tells of those that were lost at the first one as well.
void tell(search_state& state, const std::vector<lost_g>& before) {
  std::vector<lost_g> both;
  const std::vector<lost_g> now = lost_in(state);
  std::set_intersection(before.begin(), before.end(), now.begin(), now.end(),
                        std::back_inserter(both));
  for (scheduler* sched : state.held) {
    if (state.asked->only != nullptr && state.asked->only != sched) continue;
    std::vector<std::uint64_t> ids;
    for (const lost_g& one : both)
      if (one.first->sched == sched) ids.push_back(one.second.first);
    if (ids.empty()) continue;
    std::sort(ids.begin(), ids.end());
    survey_result all;
    survey_stopped(*sched, state.running, true, all);
    std::sort(all.gs.begin(), all.gs.end(),
              [](const g_record& a, const g_record& b) { return a.id < b.id; });
    for (const g_record& one : all.gs) {
      if (!std::binary_search(ids.begin(), ids.end(), one.id)) continue;
      if (state.asked->only == nullptr) {
        state.asked->found.push_back(info_of(all, one));
      } else {
        state.asked->text += "gmpsched:   ";
        write_g(state.asked->text, all, one);
        write_g_json(state.asked->json, all, one);
      }
    }
  }
}

}  // namespace

void search_leaks(leak_search& search) {
  static std::mutex one_at_a_time;  // two would wait for each other's worlds
  const std::lock_guard hold(one_at_a_time);
  std::vector<lost_g> lost;
  for (const bool again : {false, true}) {  // [LK4]
    search_state state;
    state.asked = &search;
    const all_worlds still(state);
    if (!still.stopped()) return;
    mark(state);
    if (again) {
      tell(state, lost);
      return;
    }
    lost = lost_in(state);
    if (lost.empty()) return;
  }
}

namespace {

// noexcept: without memory for it the process ends.
GMPSCHED_HOME_FUNCTION(report_home)(void* arg) {
  auto& search = *static_cast<leak_search*>(arg);
  [&]() noexcept {
    search.json = R"({"event":"leaks","gs":[)";
    search_leaks(search);
  }();
  if (search.text.empty()) return;
  std::fprintf(stderr, "gmpsched: leaks: nothing can wake these Gs\n%sgmpsched: %s]}\n",
               search.text.c_str(), search.json.c_str());
  std::fflush(stderr);
}

}  // namespace

void report_leaks(const scheduler& sched) {
  leak_search search;
  search.entry = &search;
  search.limit = stack_limit();
  search.only = &sched;
  call_on_home(&report_home, &search);
}

}  // namespace gmp::detail
