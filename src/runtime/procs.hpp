// How many Ps a runtime gets when nobody says.
#pragma once

namespace gmp::detail {

// GMPSCHED_PROCS if set; else the affinity mask, limited by the cgroup's CPU quota (v1 or v2, the
// tightest on the path to the root), rounded up. At least 1. Throws std::invalid_argument when
// GMPSCHED_PROCS is not a number in range.
unsigned default_procs();

// The quota alone, in CPUs; 0: none. Separate for tests: `root` is where the cgroup file systems
// are mounted, `membership` the text of /proc/self/cgroup.
double cgroup_quota(const char* root, const char* membership);

}  // namespace gmp::detail
