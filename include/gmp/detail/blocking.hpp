// The two ends of a call that blocks its thread.
#pragma once

namespace gmp::detail {

// Gives the calling G's P away. False: nothing was given away (not a G, no P, or no thread to give
// it to) and blocking_end() is not to be called.
bool blocking_begin() noexcept;
// Waits for a P. The G may go on on another thread.
void blocking_end() noexcept;

class blocking_stretch {
 public:
  blocking_stretch() noexcept : given_(blocking_begin()) {}
  ~blocking_stretch() {
    if (given_) blocking_end();
  }
  blocking_stretch(const blocking_stretch&) = delete;
  blocking_stretch& operator=(const blocking_stretch&) = delete;

 private:
  bool given_;
};

}  // namespace gmp::detail
