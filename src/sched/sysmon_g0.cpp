// The monitor's rounds.
//
// SM1  It looks every 20 us at first and after each P it has taken, after 50 looks without one at
//      intervals that double up to 10 ms (Go's rhythm), or up to handoff_after if that is less.
// SM2  While no P is busy and nothing has run since the last look, it sleeps until some M gets a P.
//      Both sides change and read `asleep_` under the scheduler's lock.
// SM3  A stall is: the same holder, and nobody resumed on this P. A P is taken
//        - after handoff_after, if work waits for this P: a G in its queue or in the global one, or
//        a
//          timer that is due, or descriptors that nobody looks after;
//        - as soon as the holder is seen blocked in the kernel, if there is any work in sight;
//        - after handoff_after, if the holder is blocked: nobody needs the P, but while it counts
//        as
//          busy the monitor cannot sleep.
//        - after handoff_after, while stop() waits for every M to be at rest.
// SM4  Blocked is: no processor time used between two looks, and not in the kernel's state R. The
//      second half keeps the P of a thread that merely waits for a processor.
// SM5  A look that finds work waiting for a P whose holder may just have blocked is followed by up
// to
//      two quick ones, so a blocking call costs the others one interval, not three.
// SM6  About once a second, while it is awake anyway, it asks how many Ps the container allows.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "base/futex.hpp"
#include "netpoll/poller.hpp"
#include "sched/scheduler.hpp"
#include "sched/sysmon.hpp"

namespace gmp::detail {
namespace {

constexpr nanos shortest_pause = 20'000;
constexpr nanos longest_pause = 10'000'000;
constexpr nanos quick_pause = 50'000;
constexpr nanos refit_interval = 1'000'000'000;
constexpr unsigned quick_looks = 2;
constexpr unsigned patient_looks = 50;

// -1: unknown.
nanos processor_time(const m& one) noexcept {
  const clockid_t clock = one.cpu_clock.load(memory_order_relaxed);
  timespec t;
  if (clock == 0 || ::clock_gettime(clock, &t) != 0) return -1;
  return static_cast<nanos>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

// Does the kernel say that the thread is running, or would if it had a processor? False as well
// where it cannot be asked.
bool is_runnable(const m& one) noexcept {
  char text[256];
  std::snprintf(text, sizeof text, "/proc/self/task/%d/stat",
                static_cast<int>(one.tid.load(memory_order_relaxed)));
  const int file = ::open(text, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t n = ::read(file, text, sizeof text - 1);
  ::close(file);
  if (n <= 0) return false;
  text[n] = 0;
  // tid (name) state ...; the name may contain anything.
  const char* end = std::strrchr(text, ')');
  return end != nullptr && end[1] == ' ' && end[2] == 'R';
}

// Gs wait for descriptors, and nobody blocks in the poller: every P's M is to look now and then.
bool is_unpolled(const scheduler& sched) noexcept {
  const poller* at = sched.net.load(memory_order_acquire);
  return at != nullptr && sched.polling_m.load(memory_order_relaxed) == nullptr && at->in_use();
}

}  // namespace

void sysmon::start() noexcept {
  if (started_.test_and_set()) return;
  // No signal handler of the user's runs here.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { body(); });
    thread_runs_.store(true, memory_order_release);  // pairs with the acquire in threads()
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gmpsched: no thread for the monitor (%s): who stalls keeps its P\n",
                 error.what());
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void sysmon::stop() noexcept {
  over_.store(true, memory_order_relaxed);
  word_.store(1, memory_order_release);  // pairs with the acq_rel in nap(), sleep_while_idle()
  futex_wake(word_, 1);
  if (thread_.joinable()) thread_.join();
}

void sysmon::wake() noexcept {
  asleep_ = false;
  word_.store(1, memory_order_release);
  futex_wake(word_, 1);
}

// [SM6]
void sysmon::refit() noexcept {
  const nanos now = clock_now();
  if (sched_.config.fitting_procs == nullptr || now < refit_at_) return;
  refit_at_ = after(now, refit_interval);
  const std::uint32_t n = sched_.config.fitting_procs();
  if (n != sched_.procs.load(memory_order_relaxed)) sched_.fit_procs(n);
}

void sysmon::nap(nanos length) noexcept {
  if (!over_.load(memory_order_relaxed)) futex_wait(word_, 0, after(clock_now(), length));
}

// [SM2] False: some P is busy.
bool sysmon::sleep_while_idle() noexcept {
  sched_.lock.lock();
  bool busy = false;
  for (std::uint32_t i = 0; i < sched_.p_count.load(memory_order_relaxed); ++i)
    busy |=
        sched_.all_ps[i].load(memory_order_relaxed)->holder.load(memory_order_relaxed) != nullptr;
  asleep_ = !busy;
  sched_.lock.unlock();
  if (busy) return false;
  while (word_.load(memory_order_acquire) == 0) futex_wait(word_, 0, -1);
  // acq_rel: who stored 1 to end us has set over_ before.
  word_.exchange(0, memory_order_acq_rel);
  return true;
}

void sysmon::body() noexcept {
  const nanos longest =
      std::min(longest_pause, std::max(shortest_pause, sched_.config.handoff_after));
  nanos pause = shortest_pause;
  unsigned looks = 0;
  std::uint64_t ran = 0;
  refit_at_ = after(clock_now(), refit_interval);
  while (!over_.load(memory_order_relaxed)) {
    refit();
    findings found = look(false);
    for (unsigned i = 0; i < quick_looks && found.suspect && !found.retaken; ++i) {
      nap(std::min(quick_pause, pause));
      const std::uint64_t switches = found.switches;
      found = look(true);
      found.switches = switches;
    }
    if (sched_.starved.exchange(false, memory_order_relaxed) && sched_.work_in_sight()) {
      found.busy = true;
      sched_.wake_one();
      pause = longest;
    }
    if (found.retaken) {
      pause = shortest_pause;
      looks = 0;
    } else if (!found.busy && found.switches == ran) {
      if (sleep_while_idle()) {
        pause = shortest_pause;
        looks = 0;
      }
    } else if (!found.busy) {
      pause = longest;  // a burst is over; the next one may come soon
      looks = patient_looks;
    } else if (++looks > patient_looks) {
      pause = std::min(2 * pause, longest);
    }
    ran = found.switches;
    nap(pause);
  }
}

sysmon::findings sysmon::look(bool again) noexcept {
  findings found;
  const nanos now = clock_now();
  const bool work = sched_.work_in_sight() || is_unpolled(sched_);
  const std::uint32_t n = sched_.p_count.load(memory_order_acquire);
  for (std::uint32_t i = 0; i < n; ++i)
    examine(*sched_.all_ps[i].load(memory_order_acquire), now, again, work, found);
  return found;
}

void sysmon::examine(p& local, nanos now, bool again, bool work, findings& found) noexcept {
  p_watch& watch = local.watch;
  const std::uint64_t switches = local.counters.switches.load(memory_order_relaxed);
  found.switches += switches;
  // acquire: pairs with the release in acquire_p().
  m* holder = local.holder.load(memory_order_acquire);
  if (holder == nullptr) {
    watch.holder = nullptr;
    return;
  }
  found.busy = true;
  if (holder == sched_.alone_m.load(memory_order_relaxed)) sched_.end_solitary_run(local, now);
  if (holder != watch.holder || switches != watch.switches) {
    watch = {holder, switches, now, -1};
    local.history.note(switches, false, now);
    found.suspect |= work && !again;
    return;
  }
  if (holder->pin.load(memory_order_relaxed) != 0) return;  // g0, or the runtime: not for long
  const bool late = now - watch.since >= sched_.config.handoff_after;
  const bool wanted = !local.runq.empty() || !sched_.global.empty() ||
                      local.timers.next_when() <= sched_.time_now() || is_unpolled(sched_) ||
                      sched_.unwinding.load(memory_order_relaxed);  // stop() waits for rest
  if (late && wanted) {
    found.retaken |= sched_.retake(*holder, local);
    return;
  }
  const nanos cpu = processor_time(*holder);
  const bool stands_still = cpu >= 0 && cpu == watch.cpu;
  found.suspect |= work && watch.cpu < 0;
  watch.cpu = cpu;
  if (stands_still && (work || late) && !is_runnable(*holder))
    found.retaken |= sched_.retake(*holder, local);
}

}  // namespace gmp::detail
