// All Gs blocked, and nothing that could ever wake one.
//
// D1  Looked at by every M before it sleeps without a limit, so by the last one that idles: every M
// idles, no queue holds a G, no timer is armed. D2  Only while a plain thread waits in run() and
// the process has no thread besides that one and the Ms: any other could
//     wake a G that nobody here knows how to wake.
#include <dirent.h>
#include <unistd.h>

#include <cstdio>

#include "base/futex.hpp"
#include "sched/scheduler.hpp"
#include "sched/survey.hpp"

namespace gmp::detail {
namespace {

constexpr int deadlock_exit_code = 2;
#if GMPSCHED_TSAN
atomic<std::uint32_t> services{1};
#else
atomic<std::uint32_t> services{0};
#endif

}  // namespace

std::uint32_t service_threads() noexcept { return services.load(memory_order_acquire); }
// release: pairs with the acquire above; the thread exists.
void service_thread_added() noexcept { services.fetch_add(1, memory_order_release); }

std::uint32_t threads_of_process() noexcept {
  DIR* tasks = ::opendir("/proc/self/task");
  if (tasks == nullptr) return ~std::uint32_t{0};  // unknown: no report
  std::uint32_t n = 0;
  while (const dirent* entry = ::readdir(tasks)) n += entry->d_name[0] != '.';
  ::closedir(tasks);
  return n;
}

namespace {

struct search {
  const scheduler& sched;
  bool found;
};

void look_at(g& one, void* arg) {
  auto& looking = *static_cast<search*>(arg);
  if (!g_is_of(one, looking.sched)) return;
  // acquire: pairs with the release in park().
  if (one.state.load(memory_order_acquire) != g_state::waiting) looking.found = true;
  if (looking.found) return;
  switch (one.reason) {
    case wait_reason::io_read:
    case wait_reason::io_write:
    case wait_reason::io_accept:
    case wait_reason::io_connect:
    case wait_reason::resolve:
    case wait_reason::process:
      looking.found = true;
      break;
    default:
      break;
  }
}

}  // namespace

// With the world stopped and every M idle. An M that has come out of the poller stands in the idle
// list for a moment with Gs in its hand: no descriptor has a waiter, no queue holds them. And names
// are looked up by threads of their own, without a poller.
bool scheduler::events_in_hand() const noexcept {
  search looking{*this, false};
  for_each_g(&look_at, &looking);
  return looking.found;
}

void scheduler::check_deadlock() noexcept {
  if (!config.detect_deadlock || run_callers.load(memory_order_acquire) != 1) return;
  if (unwinding.load(memory_order_relaxed) || live_gs() == 0) return;
  // D3  A G that waits for a descriptor can be woken from outside.
  if (poller* at = net.load(memory_order_acquire); at != nullptr && at->has_waiter()) return;
  lock.lock();
  const bool all_idle = idle_m_count == m_count && !world_stopped;
  const std::uint32_t own = m_count + monitor.threads() + 1 + service_threads();
  if (all_idle) world_stopped = true;  // nobody starts anything while we look
  lock.unlock();
  if (!all_idle) return;
  // Once more, now that nothing moves: the main G may have ended between the first look and here.
  const bool waited_for = run_callers.load(memory_order_acquire) == 1 && live_gs() != 0;
  const bool dead = waited_for && !work_anywhere() && earliest_timer() == never &&
                    threads_of_process() == own && !events_in_hand();
  if (dead) {
    std::fflush(nullptr);
    report_deadlock(*this, live_gs());
    ::_exit(deadlock_exit_code);
  }
  lock.lock();
  world_stopped = false;
  lock.unlock();
  light_fence();  // pairs with the heavy fence in park_m() [I1]
  if (!global.empty() && wants_wake()) wake_one();
}

// A caller of run() is counted only after its main G was started, and that one may have ended in a
// deadlock by then: somebody has to look once more.
void scheduler::look_for_deadlock() noexcept {
  lock.lock();
  if (idle_m_count == m_count && idle_ms != nullptr) {
    note(*idle_ms);
  }
  lock.unlock();
}

}  // namespace gmp::detail
