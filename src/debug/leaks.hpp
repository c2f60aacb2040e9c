// Gs that nothing will ever wake.
#pragma once

#include <string>
#include <vector>

#include "debug/report.hpp"

namespace gmp::detail {

struct leak_search {
  const void* entry = nullptr;      // in the frame of whoever asked, whose registers are above it
  void* limit = nullptr;            // his stack limit, if he is a G
  const scheduler* only = nullptr;  // null: all runtimes
  std::vector<g_info> found;
  // Instead of `found`, if there is an `only`: the Gs as text, and the beginning of a JSON line.
  std::string text;
  std::string json;
};

// On a thread's own stack. Throws std::system_error if memory could not be read, std::bad_alloc.
void search_leaks(leak_search& search);

// To stderr what search_leaks() finds in a runtime that is about to stop; its main G has ended. Any
// stack.
void report_leaks(const scheduler& sched);

}  // namespace gmp::detail
