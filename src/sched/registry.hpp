// Which runtimes exist in the process, and the stand-in of a plain thread in waits.
#pragma once

#include <cstdint>
#include <vector>

#include "g/g.hpp"

namespace gmp::detail {

class scheduler;

// The calling plain thread's G: what stands in queues for it. Lives as long as the thread.
g& thread_g() noexcept;

void registry_add(scheduler& sched);
void registry_remove(scheduler& sched) noexcept;

// A stay in a scheduler by a thread that is none of its Ms: it is not destroyed meanwhile.
class visit {
 public:
  // The runtime that a plain thread used last, or the only one. Throws std::system_error if there
  // is neither.
  visit();
  // That one, if it still exists (check with bool).
  explicit visit(const void* wanted) noexcept;
  ~visit();
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;
  explicit operator bool() const noexcept { return sched_ != nullptr; }
  scheduler& operator*() const noexcept { return *sched_; }
  scheduler* operator->() const noexcept { return sched_; }

 private:
  scheduler* sched_;
};

// Calls use() for every runtime that has not begun to stop, as its visitor. On a thread's own
// stack.
void registry_for_each(void (*use)(scheduler& sched, void* arg), void* arg);
// The same with all of them at once; to be given back.
std::vector<scheduler*> registry_hold();
void registry_give_back(const std::vector<scheduler*>& held) noexcept;

void registry_used(scheduler& sched) noexcept;  // by the calling plain thread

[[noreturn]] void throw_stopped();

}  // namespace gmp::detail
