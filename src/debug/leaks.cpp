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

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "debug/memory.hpp"
#include "sched/registry.hpp"
#include "sync/chan_core.hpp"
#include "sync/wait_facts.hpp"

namespace gmp::detail {
namespace {

constexpr nanos patience = 2'000'000'000;
constexpr std::int32_t root = -1;     // memory that anybody may use
constexpr std::int32_t nothing = -2;  // dead: below a stack pointer, in a free slot

struct piece {  // of a stack
  hidden_address low, high;
  std::int32_t owner;  // index of a suspect, or `nothing`
};

struct suspect {
  g* gp;
  std::uint64_t id;
  std::uint64_t resumed_as;
  hidden_address holder;
  std::int32_t held_by = root;  // index of the suspect that holds the mutex
  std::vector<std::uint32_t> targets;
  bool waits_for_holder = false;
  bool stack_wanted = false;  // something that others wait for lies on its stack
  bool lost = true;
};

struct target {
  hidden_address low;
  std::uint32_t bytes;
  bool counted;
  std::int32_t stack_of;  // or root: then `low` says where
  bool reachable = false;
};

struct hit {  // a pointer to a target
  std::uint32_t target;
  std::int32_t from;
  bool in_closure;
};

struct search_state {
  leak_search* asked;
  std::vector<scheduler*> held;
  std::vector<const g*> running;
  bool strict = false;        // [LK3]
  std::vector<piece> pieces;  // in the order of addresses
  std::vector<suspect> suspects;
  std::vector<wait_handle> handles;  // parallel to owners
  std::vector<std::uint32_t> owners;
  std::vector<target> targets;  // those with a place of their own first, by address
  std::size_t placed = 0;       // how many of those
  std::vector<hidden_address> own_words, waiters;
  std::vector<hit> hits;
  std::exception_ptr failure;
};

bool lower(hidden_address a, hidden_address b) { return shown(a) < shown(b); }

// --- stacks

struct piece_request {
  search_state* state;
  std::int32_t owner;
  std::uintptr_t live_from;  // in the piece that holds it
  bool only_dead;            // the rest is anybody's
};

void note_piece(char* low, char* high, void* arg) {
  auto& request = *static_cast<piece_request*>(arg);
  auto from = reinterpret_cast<std::uintptr_t>(low);
  const auto to = reinterpret_cast<std::uintptr_t>(high);
  std::vector<piece>& pieces = request.state->pieces;
  if (request.live_from >= from && request.live_from < to) {
    pieces.push_back({~from, ~request.live_from, nothing});
    from = request.live_from;
  }
  if (!request.only_dead) pieces.push_back({~from, ~to, request.owner});
}

void note_stack(search_state& state, g& gp, void* limit, const void* live_from, std::int32_t owner,
                bool only_dead) {
  piece_request request{&state, owner, reinterpret_cast<std::uintptr_t>(live_from), only_dead};
  stack_for_each_piece(g_top(gp), gp.stack_bytes, limit, &note_piece, &request);
}

bool one_of_ours(const search_state& state, const g& gp) {
  return std::find(state.held.begin(), state.held.end(), gp.sched) != state.held.end();
}

void suspect_it(search_state& state, g& gp) {
  wait_facts facts = facts_of_wait(gp);
  if (facts.outside) {
    note_stack(state, gp, gp.stack_limit, gp.ctx, root, true);
    return;
  }
  const auto index = static_cast<std::uint32_t>(state.suspects.size());
  suspect one{&gp, gp.id, gp.resumed_as, facts.holder, root, {}, false, false, true};
  one.waits_for_holder = shown(facts.holder) != 0;
  for (const wait_handle& handle : facts.handles) {
    state.handles.push_back(handle);
    state.owners.push_back(index);
  }
  state.own_words.insert(state.own_words.end(), facts.own_words.begin(), facts.own_words.end());
  state.waiters.insert(state.waiters.end(), facts.waiters.begin(), facts.waiters.end());
  state.suspects.push_back(std::move(one));
  note_stack(state, gp, gp.stack_limit, gp.ctx, static_cast<std::int32_t>(index), false);
}

void look_at_g(search_state& state, void* top, std::size_t bytes) {
  g& gp = *g_at(top);
  // acquire: pairs with the release in spawn_start().
  const g_state at = gp.state.load(memory_order_acquire);
  if (at == g_state::dead) {
    char* low = static_cast<char*>(top) - bytes;
    piece_request request{&state, nothing, 0, false};
    note_piece(low, static_cast<char*>(top), &request);
    return;
  }
  if (!one_of_ours(state, gp)) return;
  const bool runs =
      std::find(state.running.begin(), state.running.end(), &gp) != state.running.end();
  const m* self = this_m();
  if (runs && self != nullptr && self->current == &gp) {
    note_stack(state, gp, state.asked->limit, state.asked->entry, root, true);
  } else if (!runs && at == g_state::waiting) {
    suspect_it(state, gp);
  }
}

void look_at_slot(void* top, std::size_t bytes, void* arg) {
  auto& state = *static_cast<search_state*>(arg);
  if (state.failure != nullptr) return;
  try {
    look_at_g(state, top, bytes);
  } catch (...) {
    state.failure = std::current_exception();
  }
}

// What only the runtime uses: the Ms' own stacks, and ours from here on down.
void leave_out_our_own(search_state& state) {
  for (scheduler* sched : state.held) {
    sched->lock.lock();
    m* const first = sched->all_ms;
    sched->lock.unlock();
    for (m* one = first; one != nullptr; one = one->all_next) {
      sched->lock.lock();
      const piece own{hidden(one->g0_low), hidden(one->g0_high), nothing};
      sched->lock.unlock();
      if (shown(own.low) != 0) state.pieces.push_back(own);
    }
  }
  if (this_m() != nullptr) return;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
  void* low = nullptr;
  std::size_t size = 0;
  pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  if (low < state.asked->entry)
    state.pieces.push_back({hidden(low), hidden(state.asked->entry), nothing});
}

const piece* piece_at(const search_state& state, std::uintptr_t at) {
  const auto next = std::upper_bound(
      state.pieces.begin(), state.pieces.end(), at,
      [](std::uintptr_t where, const piece& one) { return where < shown(one.low); });
  if (next == state.pieces.begin()) return nullptr;
  const piece& before = *std::prev(next);
  return at < shown(before.high) ? &before : nullptr;
}

std::int32_t suspect_at(const search_state& state, hidden_address at) {
  const piece* one = piece_at(state, shown(at));
  return one != nullptr && one->owner >= 0 ? one->owner : root;
}

// --- targets

std::uint32_t target_of_stack(search_state& state, std::int32_t owner) {
  for (std::size_t i = state.placed; i < state.targets.size(); ++i)
    if (state.targets[i].stack_of == owner) return static_cast<std::uint32_t>(i);
  state.suspects[static_cast<std::size_t>(owner)].stack_wanted = true;
  state.targets.push_back({hidden(nullptr), 0, false, owner});
  return static_cast<std::uint32_t>(state.targets.size() - 1);
}

void make_targets(search_state& state) {
  std::sort(state.pieces.begin(), state.pieces.end(),
            [](const piece& a, const piece& b) { return lower(a.low, b.low); });
  std::sort(state.own_words.begin(), state.own_words.end());
  std::sort(state.waiters.begin(), state.waiters.end());
  for (const wait_handle& one : state.handles)
    if (!one.on_stack) state.targets.push_back({one.low, one.bytes, one.counted, root});
  std::sort(state.targets.begin(), state.targets.end(),
            [](const target& a, const target& b) { return lower(a.low, b.low); });
  const auto same = [](const target& a, const target& b) { return a.low == b.low; };
  state.targets.erase(std::unique(state.targets.begin(), state.targets.end(), same),
                      state.targets.end());
  state.placed = state.targets.size();
  for (std::size_t i = 0; i < state.handles.size(); ++i) {
    const wait_handle& handle = state.handles[i];
    suspect& waits = state.suspects[state.owners[i]];
    if (!handle.on_stack) {
      const auto at = std::lower_bound(
          state.targets.begin(), state.targets.begin() + static_cast<std::ptrdiff_t>(state.placed),
          handle.low, [](const target& a, hidden_address low) { return lower(a.low, low); });
      waits.targets.push_back(static_cast<std::uint32_t>(at - state.targets.begin()));
    } else if (const std::int32_t owner = suspect_at(state, handle.low); owner != root) {
      waits.targets.push_back(target_of_stack(state, owner));
    } else {
      waits.lost = false;  // within something larger, that may be known to anybody
    }
  }
  for (suspect& one : state.suspects) {
    if (!one.waits_for_holder) continue;
    one.held_by = suspect_at(state, one.holder);
    if (one.held_by == root) one.lost = false;
  }
}

// The target that a value points to; -1: none.
std::int64_t target_at(const search_state& state, std::uintptr_t value) {
  const auto end = state.targets.begin() + static_cast<std::ptrdiff_t>(state.placed);
  const auto next =
      std::upper_bound(state.targets.begin(), end, value,
                       [](std::uintptr_t v, const target& one) { return v < shown(one.low); });
  if (next != state.targets.begin()) {
    const target& before = *std::prev(next);
    if (value - shown(before.low) < before.bytes) return std::prev(next) - state.targets.begin();
  }
  if (state.placed == state.targets.size()) return -1;
  const piece* on = piece_at(state, value);
  if (on == nullptr || on->owner < 0) return -1;
  const suspect& owner = state.suspects[static_cast<std::size_t>(on->owner)];
  const auto block = reinterpret_cast<std::uintptr_t>(owner.gp);
  const bool control_block = value >= block && value < block + sizeof(g);
  if (!owner.stack_wanted || control_block ||
      std::binary_search(state.waiters.begin(), state.waiters.end(), ~value))
    return -1;
  for (std::size_t i = state.placed; i < state.targets.size(); ++i)
    if (state.targets[i].stack_of == on->owner) return static_cast<std::int64_t>(i);
  return -1;
}

void found_word(std::uintptr_t at, std::uintptr_t value, void* arg) {
  auto& state = *static_cast<search_state*>(arg);
  if (state.failure != nullptr) return;
  const std::int64_t which = target_at(state, value);
  if (which < 0) return;
  if (std::binary_search(state.own_words.begin(), state.own_words.end(), ~at)) return;
  const piece* on = piece_at(state, at);
  if (on != nullptr && on->owner == nothing) return;
  hit one{static_cast<std::uint32_t>(which), on == nullptr ? root : on->owner, false};
  if (one.from != root) {
    const g* gp = state.suspects[static_cast<std::size_t>(one.from)].gp;
    one.in_closure = at >= reinterpret_cast<std::uintptr_t>(gp->entry_arg) &&
                     at < reinterpret_cast<std::uintptr_t>(gp);
  }
  try {
    state.hits.push_back(one);
  } catch (...) {
    state.failure = std::current_exception();
  }
}

void search_all(search_state& state) {
  std::uintptr_t least = ~std::uintptr_t{0};
  std::uintptr_t most = 0;
  for (std::size_t i = 0; i < state.placed; ++i) {
    least = std::min(least, shown(state.targets[i].low));
    most = std::max(most, shown(state.targets[i].low) + state.targets[i].bytes);
  }
  for (const piece& one : state.pieces) {
    if (one.owner < 0 || !state.suspects[static_cast<std::size_t>(one.owner)].stack_wanted)
      continue;
    least = std::min(least, shown(one.low));
    most = std::max(most, shown(one.high));
  }
  if (least > most) return;  // nothing to look for
  if (!search_memory({least, most, &found_word, &state}))
    throw std::system_error(errno, std::generic_category(),
                            "gmp::debug::find_leaks: cannot read /proc/self/mem");
  if (state.failure != nullptr) std::rethrow_exception(state.failure);
}

// --- [LK1]

bool is_lost(const search_state& state, std::int32_t index) {
  return index != root && state.suspects[static_cast<std::size_t>(index)].lost;
}

// True: something has changed.
bool strike_off(search_state& state) {
  bool changed = false;
  for (const hit& one : state.hits) {
    target& to = state.targets[one.target];
    if (to.reachable || is_lost(state, one.from)) continue;
    to.reachable = changed = true;
  }
  for (target& one : state.targets) {
    if (one.reachable || one.stack_of == root || is_lost(state, one.stack_of)) continue;
    one.reachable = changed = true;
  }
  for (suspect& one : state.suspects) {
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
  for (const hit& one : state.hits)
    if (is_lost(state, one.from) && (!state.strict || one.in_closure)) ++seen[one.target];
  bool changed = false;
  for (std::size_t i = 0; i < state.targets.size(); ++i) {
    target& one = state.targets[i];
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
  slabs_for_each_slot(&look_at_slot, &state);
  if (state.failure != nullptr) std::rethrow_exception(state.failure);
  leave_out_our_own(state);
  make_targets(state);
  search_all(state);
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
        threads_of_process() != known + tools_threads || state_.running.size() > callers;
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
  for (const suspect& one : state.suspects)
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
  [&]() noexcept { search_leaks(search); }();
  if (search.text.empty()) return;
  std::fprintf(stderr, "gmpsched: leaks: nothing can wake these Gs\n%s", search.text.c_str());
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
