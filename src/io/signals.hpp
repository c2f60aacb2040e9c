// Who listens to signals, and the halves of that which run on a thread's own stack.
#pragma once

#include <cstdint>

#include "base/attributes.hpp"
#include "gmp/signals.hpp"

namespace gmp::detail {

// Guarded by the hub's lock (signals_g0.cpp), owned by its subscription.
struct signal_listener {
  chan<int> channel;
  std::uint64_t wanted = 0;  // bit s - 1: signal s
  std::uint64_t owed = 0;    // arrived, and there was no room in the channel yet
  signal_listener* next = nullptr;
};

struct listen_request {
  std::span<const int> signals;
  const chan<int>& channel;
  signal_listener* made = nullptr;
};
GMPSCHED_HOME void signals_listen_home(void* request);  // throws
void signals_listen_at_home(void* request);
GMPSCHED_HOME void signals_leave_home(void* listener);  // deletes it
void signals_leave_at_home(void* listener);

}  // namespace gmp::detail
