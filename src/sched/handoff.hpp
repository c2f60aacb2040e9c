// What a G does whose P was taken while it ran: nothing until it needs one. Calls that never block
// do not move it to another thread either: they take an idle P or manage without. Calls that may
// block queue for one.
#pragma once

#include "base/attributes.hpp"
#include "sched/pin.hpp"

namespace gmp::detail {

// Pinned, without a P: takes an idle one. False: there is none.
GMPSCHED_HOME bool regain_slow(m& self) noexcept;

// As pin(), but tries to come by a P where the own one was taken.
[[nodiscard, gnu::always_inline]] inline bool pin_or_regain(m& self) noexcept {
  return __builtin_expect(pin(self), 1) || regain_slow(self);
}

// Pinned, without a P, on the G: the G goes to the end of the global queue and its M idles. Returns
// when its turn has come, perhaps on another M, unpinned.
GMPSCHED_SWITCH void queue_for_p(m& self, g& me) noexcept;

}  // namespace gmp::detail
