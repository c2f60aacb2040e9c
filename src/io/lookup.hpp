// A name lookup under way: shared by who waits for it and the thread that does it.
#pragma once

#include <string>
#include <vector>

#include "gmp/detail/spin_lock.hpp"
#include "gmp/endpoint.hpp"
#include "io/home.hpp"
#include "sched/park.hpp"

namespace gmp::detail {

struct lookup {
  std::string host;
  std::string service;
  // --- under the lock until done
  spin_lock lock;
  g* waiter = nullptr;
  bool done = false;
  bool given_up = false;  // by its context
  int gai_error = 0;
  int system_error = 0;
  std::vector<net::endpoint> found;
  // ---
  atomic<int> references{2};  // who waits, who looks up: the last one frees it
  lookup* next = nullptr;     // in the queue
};

struct lookup_request {
  std::string_view host;
  std::string_view service;
  lookup* made = nullptr;  // null: out of memory
};

// Lets go of the waiter's half, whatever happens.
struct lookup_holder {
  lookup* what;
  ~lookup_holder();
};
// Null: `error` says why.
lookup* lookup_begin(std::string_view host, std::string_view service, std::error_code& error);
// False: the runtime stops, or it was given up.
bool lookup_await(lookup& what);
std::vector<net::endpoint> lookup_result(lookup& what, std::error_code& error);

GMPSCHED_IO_HOME(lookup_begin);  // done at once, or handed to a thread
GMPSCHED_IO_HOME(lookup_drop);
GMPSCHED_IO_HOME(resolve_category);  // a const std::error_category*

}  // namespace gmp::detail
