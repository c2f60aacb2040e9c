// Around a call that raises SIGPIPE and has no flag against it. For files that run on a thread's
// own stack.
#pragma once

#include <signal.h>

#include <cerrno>
#include <ctime>

namespace gmp::detail {

// The signal is kept from this thread, and taken away if it came.
class sigpipe_guard {
 public:
  sigpipe_guard() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    if (!was_pending_) pthread_sigmask(SIG_BLOCK, &pipe_, &old_);
  }
  ~sigpipe_guard() {
    if (was_pending_) return;
    const timespec at_once{0, 0};
    while (came && sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }
  sigpipe_guard(const sigpipe_guard&) = delete;
  sigpipe_guard& operator=(const sigpipe_guard&) = delete;

  bool came = false;

 private:
  sigset_t pipe_;
  sigset_t old_;
  bool was_pending_;
};

}  // namespace gmp::detail
