// All of this runs on a thread's own stack.
#include "debug/leak_search.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/thread_stack.hpp"
#include "debug/memory.hpp"
#include "sched/scheduler.hpp"
#include "sync/chan_core.hpp"

namespace gmp::detail {
namespace {

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
  std::vector<memory_piece>& pieces = request.state->pieces;
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
  suspect_g one{&gp, gp.id, gp.resumed_as, facts.holder, root, {}, false, false, true};
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
  g_births.lock();  // the dead are of interest here: not by for_each_g() [G4]
  const g_state at = gp.state.load(memory_order_acquire);
  g_births.unlock();
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
  piece_request kept{&state, nothing, 0, false};
  free_pieces_for_each(nullptr, &note_piece, &kept);
  for (scheduler* sched : state.held) {
    sched->lock.lock();
    m* const first = sched->all_ms;
    sched->lock.unlock();
    for (m* one = first; one != nullptr; one = one->all_next) {
      sched->lock.lock();
      const memory_piece own{hidden(one->g0_low), hidden(one->g0_high), nothing};
      const bool at_rest = one->idle || one == this_m();
      sched->lock.unlock();
      if (shown(own.low) == 0) continue;
      state.pieces.push_back(own);
      if (at_rest) free_pieces_for_each(&one->stacks, &note_piece, &kept);
    }
  }
  if (this_m() != nullptr) return;
  const thread_stack own = own_thread_stack();
  if (own.size != 0 && own.low < state.asked->entry)
    state.pieces.push_back({hidden(own.low), hidden(state.asked->entry), nothing});
}

const memory_piece* piece_at(const search_state& state, std::uintptr_t at) {
  const auto next = std::upper_bound(
      state.pieces.begin(), state.pieces.end(), at,
      [](std::uintptr_t where, const memory_piece& one) { return where < shown(one.low); });
  if (next == state.pieces.begin()) return nullptr;
  const memory_piece& before = *std::prev(next);
  return at < shown(before.high) ? &before : nullptr;
}

std::int32_t suspect_at(const search_state& state, hidden_address at) {
  const memory_piece* one = piece_at(state, shown(at));
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
            [](const memory_piece& a, const memory_piece& b) { return lower(a.low, b.low); });
  std::sort(state.own_words.begin(), state.own_words.end());
  std::sort(state.waiters.begin(), state.waiters.end());
  for (const wait_handle& one : state.handles)
    if (!one.on_stack) state.targets.push_back({one.low, one.bytes, one.counted, root});
  std::sort(state.targets.begin(), state.targets.end(),
            [](const wake_target& a, const wake_target& b) { return lower(a.low, b.low); });
  const auto same = [](const wake_target& a, const wake_target& b) { return a.low == b.low; };
  state.targets.erase(std::unique(state.targets.begin(), state.targets.end(), same),
                      state.targets.end());
  state.placed = state.targets.size();
  for (std::size_t i = 0; i < state.handles.size(); ++i) {
    const wait_handle& handle = state.handles[i];
    suspect_g& waits = state.suspects[state.owners[i]];
    if (!handle.on_stack) {
      const auto at = std::lower_bound(
          state.targets.begin(), state.targets.begin() + static_cast<std::ptrdiff_t>(state.placed),
          handle.low, [](const wake_target& a, hidden_address low) { return lower(a.low, low); });
      waits.targets.push_back(static_cast<std::uint32_t>(at - state.targets.begin()));
    } else if (const std::int32_t owner = suspect_at(state, handle.low); owner != root) {
      waits.targets.push_back(target_of_stack(state, owner));
    } else {
      waits.lost = false;  // within something larger, that may be known to anybody
    }
  }
  for (suspect_g& one : state.suspects) {
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
                       [](std::uintptr_t v, const wake_target& one) { return v < shown(one.low); });
  if (next != state.targets.begin()) {
    const wake_target& before = *std::prev(next);
    if (value - shown(before.low) < before.bytes) return std::prev(next) - state.targets.begin();
  }
  if (state.placed == state.targets.size()) return -1;
  const memory_piece* on = piece_at(state, value);
  if (on == nullptr || on->owner < 0) return -1;
  const suspect_g& owner = state.suspects[static_cast<std::size_t>(on->owner)];
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
  const memory_piece* on = piece_at(state, at);
  if (on != nullptr && on->owner == nothing) return;
  pointer_hit one{static_cast<std::uint32_t>(which), on == nullptr ? root : on->owner, false};
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
  for (const memory_piece& one : state.pieces) {
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

}  // namespace

void collect_hits(search_state& state) {
  slabs_for_each_slot(&look_at_slot, &state);
  if (state.failure != nullptr) std::rethrow_exception(state.failure);
  leave_out_our_own(state);
  make_targets(state);
  search_all(state);
}

}  // namespace gmp::detail
