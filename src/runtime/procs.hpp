// How many Ps a runtime gets when nobody says.
#pragma once

#include <cstdint>

#include "base/atomic.hpp"

namespace gmp::detail {

// GMPSCHED_PROCS if set; else fitting_procs(). Throws std::invalid_argument when GMPSCHED_PROCS is
// not a number in range.
unsigned default_procs();
bool procs_in_environment();  // throws the same

// The calling thread's affinity mask, limited by the cgroup's CPU quota (v1 or v2, the tightest on
// the path to the root), rounded up. At least 1. Nonsense in a file counts as no limit.
std::uint32_t fitting_procs() noexcept;

// The quota alone, in CPUs; 0: none. Separate for tests: `root` is where the cgroup file systems
// are mounted, `membership` the text of /proc/self/cgroup.
double cgroup_quota(const char* root, const char* membership);

// For tests: goes before /proc and /sys. Null: the machine's own.
extern atomic<const char*> procs_root;

}  // namespace gmp::detail
