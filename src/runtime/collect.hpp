// The counters of a scheduler, added up.
#pragma once

#include "gmp/stats.hpp"

namespace gmp::detail {

class scheduler;
runtime_stats collect_stats(scheduler& sched);

}  // namespace gmp::detail
