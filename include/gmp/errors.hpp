// What bad use of the library throws.
#pragma once

#include <stdexcept>

namespace gmp {

// A send on a closed channel, or a second close. Go: panic "send on closed channel", "close of
// closed channel".
class closed_channel : public std::logic_error {
 public:
  using std::logic_error::logic_error;
  closed_channel() : std::logic_error("gmp: channel is closed") {}
  ~closed_channel() override;
};

// Close of a nil channel. Go: panic "close of nil channel".
class nil_channel : public std::logic_error {
 public:
  nil_channel() : std::logic_error("gmp: channel is nil") {}
  ~nil_channel() override;
};

namespace detail {

// Thrown through Gs that are still parked when their runtime stops, so that their destructors run.
// Deliberately not derived from std::exception: `catch (...)` must rethrow it, and a handler that
// swallows it meets it again at the next wait.
struct unwind_exception {};

}  // namespace detail
}  // namespace gmp
