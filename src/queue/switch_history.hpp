// When a P's counter of switches stood where, so that a G which noted the number of its last
// resumption can be asked later since when it waits: no wait reads a clock.
//
// SH1  A G that was resumed as number n does not run any more once the counter is beyond n, or the
// P
//      idles at n. The first entry that shows it tells the time, late by the pace of the entries.
// SH2  Entries come from the monitor's rounds and from the moments when the P becomes idle. There
// is
//      room for `entries` of them; where there would be more, the one whose loss is the smallest
//      against its age goes, so that the error grows with the age: a quarter of it at most, and
//      less than ten milliseconds at first.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "gmp/detail/spin_lock.hpp"

namespace gmp::detail {

class switch_history {
 public:
  static constexpr std::size_t entries = 160;

  // Any thread. `switches` was read before the clock.
  void note(std::uint64_t switches, bool idle, nanos now) noexcept;

  // Since when the G that was resumed as number `resumed` has not run; `now` if that is not known
  // yet.
  nanos left_at(std::uint64_t resumed, nanos now) const noexcept;

 private:
  struct entry {
    std::uint64_t switches : 63;
    std::uint64_t idle : 1;
    nanos when;
  };

  void thin_out(nanos now) noexcept;

  mutable spin_lock lock_;
  std::size_t n_ = 0;
  entry all_[entries];  // in the order of time
};

}  // namespace gmp::detail
