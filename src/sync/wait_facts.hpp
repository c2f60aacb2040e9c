// What a parked G waits for, and what it would take to wake it: for reports and for the search for
// leaks (debug/leaks.cpp). Read while the world is stopped, on a thread's own stack.
//
// WF1  Addresses are kept as hidden(): the search reads all memory for them, and must not find its
//      own notes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "g/g.hpp"

namespace gmp::detail {

using hidden_address = std::uintptr_t;
inline hidden_address hidden(const void* at) noexcept {
  return ~reinterpret_cast<std::uintptr_t>(at);
}
inline std::uintptr_t shown(hidden_address at) noexcept { return ~at; }

// Whoever has a pointer to one of `bytes` bytes from `low` on may wake the G.
struct wait_handle {
  hidden_address low;
  std::uint32_t bytes;
  bool counted;   // a channel: what owns it counts its references
  bool on_stack;  // of some G, or part of a larger object: any pointer near it may do
};

struct wait_facts {
  std::string object;                       // "mutex 0x7f..."; empty: nothing that has an address
  bool outside = false;                     // time, a descriptor, a context ... may end the wait
  hidden_address holder = hidden(nullptr);  // of a mutex: an address on its holder's stack
  std::vector<wait_handle> handles;         // empty, and neither of the above: nothing wakes it
  std::vector<hidden_address> own_words;    // where the wait itself keeps such pointers
  std::vector<hidden_address> waiters;      // what objects point to because it waits
};

// Of a G whose state is `waiting`. May throw std::bad_alloc.
wait_facts facts_of_wait(const g& gp);

// The parts: false if that is not how this G waits.
bool tell_chan_wait(const g& gp, wait_facts& facts);
bool tell_select(const g& gp, wait_facts& facts);
bool tell_queue_wait(const g& gp, wait_facts& facts);

// A channel among what the G waits for; null: nil. `word`: where the wait keeps the pointer.
class chan_core;
void tell_channel(const chan_core* core, const void* word, wait_facts& facts);

}  // namespace gmp::detail
