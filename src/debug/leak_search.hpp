// What the search for leaks knows of memory: whose it is, and which pointers lie there.
#pragma once

#include <cstdint>
#include <exception>
#include <vector>

#include "debug/leaks.hpp"
#include "sync/wait_facts.hpp"

namespace gmp::detail {

inline constexpr std::int32_t root = -1;     // memory that anybody may use
inline constexpr std::int32_t nothing = -2;  // dead: below a stack pointer, in a free slot

struct memory_piece {  // of a stack
  hidden_address low, high;
  std::int32_t owner;  // index of a suspect, or `nothing`
};

struct suspect_g {
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

struct wake_target {
  hidden_address low;
  std::uint32_t bytes;
  bool counted;
  std::int32_t stack_of;  // or root: then `low` says where
  bool reachable = false;
};

struct pointer_hit {  // a pointer to a target
  std::uint32_t target;
  std::int32_t from;
  bool in_closure;
};

struct search_state {
  leak_search* asked;
  std::vector<scheduler*> held;
  std::vector<const g*> running;
  bool strict = false;               // [LK3]
  std::vector<memory_piece> pieces;  // in the order of addresses
  std::vector<suspect_g> suspects;
  std::vector<wait_handle> handles;  // parallel to owners
  std::vector<std::uint32_t> owners;
  std::vector<wake_target> targets;  // those with a place of their own first, by address
  std::size_t placed = 0;            // how many of those
  std::vector<hidden_address> own_words, waiters;
  std::vector<pointer_hit> hits;
  std::exception_ptr failure;
};

inline bool lower(hidden_address a, hidden_address b) { return shown(a) < shown(b); }

// Collects suspects, targets and hits. The worlds are stopped; `asked`, `held`, `running` are set.
void collect_hits(search_state& state);

}  // namespace gmp::detail
