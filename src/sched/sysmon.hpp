// The monitor: a thread that looks after the Ps of one runtime and takes them from Ms that stall.
// It has no P. One per runtime, so that it ends with it; made with the first M.
#pragma once

#include <cstdint>
#include <thread>

#include "base/atomic.hpp"
#include "base/clock.hpp"

namespace gmp::detail {

class scheduler;
struct m;
struct p;

class sysmon {
 public:
  explicit sysmon(scheduler& sched) noexcept : sched_(sched) {}
  sysmon(const sysmon&) = delete;
  sysmon& operator=(const sysmon&) = delete;

  // After an M's thread was made. Any thread.
  void start() noexcept;
  // Ends the thread. By stop() of the scheduler, when no M can be made any more.
  void stop() noexcept;
  // A P has got a holder. Under the scheduler's lock.
  void p_is_busy() noexcept {
    if (asleep_) wake();
  }
  std::uint32_t threads() const noexcept { return thread_runs_.load(memory_order_acquire) ? 1 : 0; }

 private:
  // What one look at all Ps found.
  struct findings {
    bool busy = false;     // some M holds a P
    bool suspect = false;  // one of them may be blocked: look again soon
    bool retaken = false;
    std::uint64_t switches = 0;
  };

  void body() noexcept;
  findings look(bool again) noexcept;
  void examine(p& local, nanos now, bool again, bool work, findings& found) noexcept;
  bool sleep_while_idle() noexcept;
  void refit() noexcept;
  void nap(nanos length) noexcept;
  void wake() noexcept;

  scheduler& sched_;
  nanos refit_at_ = 0;
  std::thread thread_;
  std::atomic_flag started_;
  atomic<bool> thread_runs_{false};
  atomic<bool> over_{false};
  atomic<std::uint32_t> word_{0};  // futex: 1 = end the sleep
  bool asleep_ = false;            // under the scheduler's lock: until some P is busy
};

}  // namespace gmp::detail
