// Tests of code that waits: a runtime of its own whose clock jumps. Include it on request.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>

namespace gmp::testing {

struct bubble_options {
  // Not 0: the next G to run is drawn from all that could, with this seed; so is the case that a
  // select takes. The same seed gives the same order. 0: the scheduler's own order.
  std::uint64_t seed = 0;
};

// Gs were left over: blocked when the main function had ended, or with it and no timer that could
// wake one. what() tells of each.
class bubble_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {
void run_bubble(bubble_options how, const std::function<void()>& body);
}

// Runs f as the main G of a runtime with one P and a clock of its own, which stands still while a G
// runs and jumps to the next timer once all of them are durably blocked: on channels, selects,
// mutexes, condition variables, wait groups, tasks, timers. Sleeping, timers, tickers, contexts and
// time limits keep to it. Not durably blocked is who waits for a descriptor or a name, or blocks
// the thread: the clock waits for it. What others than Gs of the bubble could wake must not be
// waited for inside.
//
// Returns when all its Gs have ended, or throws what f threw; else bubble_error, after the Gs that
// are left were unwound. No time passes once f has returned: who sleeps then is left over. Plain
// threads only (std::logic_error); std::system_error, std::bad_alloc. Go: synctest.Test.
template <class F>
void bubble(F&& f, bubble_options how = {}) {
  detail::run_bubble(how, [&f] { std::invoke(f); });
}

// The bubble's time; outside of one, that of the steady clock, which says nothing inside. The first
// is the same in every bubble.
std::chrono::steady_clock::time_point now();

// Waits until every other G of the bubble is durably blocked or has ended; the clock does not jump
// meanwhile. Throws std::logic_error: not in a bubble, or another G is in this call. Go:
// synctest.Wait.
void wait();

}  // namespace gmp::testing
