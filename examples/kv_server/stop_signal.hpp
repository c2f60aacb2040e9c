// Calls a function when the process is asked to end.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace kv {

// Takes SIGTERM and SIGINT. To be made before any other thread: all threads inherit that these
// signals are blocked, so that they come to this object's thread and nowhere else.
class stop_signal {
 public:
  stop_signal() {
    sigemptyset(&signals_);
    for (const int each : {SIGTERM, SIGINT, wake}) sigaddset(&signals_, each);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  ~stop_signal() { end(); }
  stop_signal(const stop_signal&) = delete;
  stop_signal& operator=(const stop_signal&) = delete;

  // f() runs on a thread of its own, each time a signal comes, until end().
  template <class F>
  void call(F f) {
    thread_ = std::thread([signals = signals_, f = std::move(f)] {
      for (int got = 0; sigwait(&signals, &got) == 0 && got != wake;) f();
    });
  }
  // f() does not run any more. Blocks the thread for a moment.
  void end() {
    if (!thread_.joinable()) return;
    pthread_kill(thread_.native_handle(), wake);
    thread_.join();
  }

 private:
  static constexpr int wake = SIGUSR1;  // from end()
  sigset_t signals_;
  std::thread thread_;
};

}  // namespace kv
