// Since when a G waits.
//
// WS1  g::resumed_as is what the counter of its P said when the G was resumed last or came by a P
//      again; or, where it left its stack without a P, resumed_without_p and the time.
#pragma once

#include <cstdint>

#include "sched/scheduler.hpp"

namespace gmp::detail {

inline constexpr std::uint64_t resumed_without_p = std::uint64_t{1} << 63;
inline constexpr unsigned switch_bits = 53;  // centuries of switches; above them the P's number

constexpr std::uint64_t first_switch(std::uint32_t p_id) noexcept {
  return std::uint64_t{p_id} << switch_bits;
}
static_assert(first_switch(scheduler::max_procs) <= resumed_without_p);

// Of a G that waits; within some ten milliseconds, or an eighth of the answer's age. The world is
// stopped.
inline nanos waiting_since(const scheduler& sched, const g& gp, nanos now) noexcept {
  const std::uint64_t mark = gp.resumed_as;
  if ((mark & resumed_without_p) != 0) return static_cast<nanos>(mark & ~resumed_without_p);
  const p& local = *sched.all_ps[mark >> switch_bits].load(memory_order_acquire);
  return local.history.left_at(mark, now);
}

}  // namespace gmp::detail
