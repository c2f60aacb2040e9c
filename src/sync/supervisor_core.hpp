// The inside of a supervisor: one G that manages, and one for each child that runs.
//
// SV1  Only the manager changes a child, but for `ended` and `error`, which its G sets under lock_
// as its last act. SV2  The manager waits only after it has seen, under lock_, that nobody has
// ended and nobody was added since it looked. SV3  active_ => a manager runs, or is being started.
// It ends, under lock_, when there is no child. SV4  All Gs are tasks of group_, which is destroyed
// first: it waits for them even while the runtime stops.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/atomic.hpp"
#include "gmp/mutex.hpp"
#include "gmp/supervisor.hpp"
#include "gmp/task_group.hpp"
#include "sync/context_node.hpp"
#include "sync/wait.hpp"

namespace gmp::detail {

struct supervised {
  enum class phase : std::uint8_t {
    down,      // to be started at `due`
    running,   // its G has the last word
    stopping,  // the same, and it was cancelled to be started again with the others
    gone,
  };
  std::string name;
  restart policy;
  std::function<void(const context&)> body;
  context ctx;
  cancel_function cancel;
  phase state = phase::down;
  nanos due = 0;
  nanos begun = 0;
  unsigned in_a_row = 0;
  // For children():
  atomic<std::uint64_t> restarts{0};
  atomic<bool> running{false};
  // [SV1]
  bool ended = false;
  std::exception_ptr error;
};

class supervisor_core {
 public:
  supervisor_core(supervisor_options how, const context& parent);
  ~supervisor_core() { cancel_(); }
  supervisor_core(const supervisor_core&) = delete;
  supervisor_core& operator=(const supervisor_core&) = delete;

  void start(std::unique_ptr<supervised> made);
  void wait();
  void stop();
  std::vector<child_info> look();
  const context& where() const noexcept { return context_; }

 private:
  using child = supervised;
  using phase = supervised::phase;

  void run_manager();
  void manage();
  void abandon(std::exception_ptr why) noexcept;
  void settle_ended();
  void settle(child& c, const std::exception_ptr& error, nanos now);
  void restart_later(child& c, const std::exception_ptr& error, nanos now);
  void tell(const child& c, const std::exception_ptr& error, nanos delay) const;
  void give_up(const child& c, const std::exception_ptr& error);
  void close();
  void start_due(nanos now);
  void start_child(child& c, nanos now);
  void ended(child& c, std::exception_ptr error) noexcept;
  void forget_gone();
  bool finish();
  void wait_for_news();
  bool any(phase wanted) const noexcept;
  nanos next_due() const noexcept;
  nanos delay_of(child& c, nanos now) const noexcept;

  const supervisor_options options_;
  const nanos within_, backoff_, max_backoff_;
  context context_;
  cancel_cause_function cancel_;
  // Changed by the manager under this lock, read by others under it, by the manager without:
  mutex list_lock_;
  std::vector<std::unique_ptr<child>> children_;
  // Under lock_:
  spin_lock lock_;
  std::vector<std::unique_ptr<child>> added_;
  bool news_ = false;    // somebody has ended or was added
  bool active_ = false;  // [SV3]
  std::exception_ptr failure_;
  wait_queue manager_;
  wait_queue waiting_;
  // The manager's alone:
  bool closing_ = false;
  nanos round_due_ = 0;            // one_for_all: when the round under way starts
  std::deque<nanos> recent_;       // restarts within the time
  task_group group_{collect_all};  // last: destroyed first [SV4]
};

}  // namespace gmp::detail
