// The threads behind the Ms: made on demand, ended when they are too many, joined at the end.
//
// T1  m_count counts the Ms whose threads run, from new_m() to leave_if_due() or the end. Whoever
//     wants one gets null at max_threads; what he wanted it for is left to the Ms that come free,
//     and the monitor tries again.
// T2  An M that idles when more than `procs + spare_threads` do leaves after some seconds without
//     work. The M itself stays for ever (W1) and is used again with a new thread.
// T3  A thread that leaves is a visitor from the decision to its last use of the scheduler, and
// joins
//     the one that left before it: at most one waits to be joined.
#include <cxxabi.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <new>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/futex.hpp"
#include "base/thread_stack.hpp"
#include "sched/biased_lock.hpp"
#include "sched/scheduler.hpp"

extern "C" {
thread_local constinit gmp::detail::m* gmpsched_tls_m = nullptr;
}

namespace gmp::detail {
namespace {

constexpr std::uint32_t spare_threads = 4;
constexpr nanos leave_after = 4'000'000'000;

}  // namespace

#if !defined(__x86_64__) || GMPSCHED_TSAN
__attribute__((noinline)) m* this_m_slow() noexcept {
  m* self = gmpsched_tls_m;
  asm volatile("" : "+r"(self));
  return self;
}
#endif

// Under the lock.
bool scheduler::m_to_be_had() const noexcept {
  return idle_ms != nullptr ||
         (m_count < config.max_threads && !stopping.load(memory_order_relaxed));
}

// Under the lock. [T1]
m* scheduler::new_m() {
  if (m_count >= config.max_threads || stopping.load(memory_order_relaxed)) return nullptr;
  m* made = spare_ms;
  if (made != nullptr) {
    spare_ms = made->spare_next;
    made->started.store(false, memory_order_relaxed);
    made->leaving = false;
    made->note.store(0, memory_order_relaxed);
  } else {
    made = new (std::nothrow) m;
    if (made == nullptr) return nullptr;
    made->sched = this;
    made->id = m_made++;
    made->random = cheap_random(
        made->id + (config.seed != 0 ? config.seed : static_cast<std::uint64_t>(clock_now())));
    made->all_next = all_ms;
    all_ms = made;
  }
  ++m_count;
  return made;
}

void scheduler::report_shortage(const char* what) noexcept {
  if (shortage_reported.test_and_set()) return;
  std::fprintf(stderr,
               "gmpsched: no further thread (%s; options::max_threads is %u): work waits until one "
               "comes free\n",
               what, config.max_threads);
}

void scheduler::start_m(m& made) noexcept {
  monitor
      .start();  // before the first M: who makes that one is a visitor, and end_ms() waits for him
  try {
    made.thread = std::thread([this, &made] { m_thread(made); });
  } catch (const std::exception& error) {  // no thread, or no memory for one
    unmake_m(made);
    report_shortage(error.what());
    return;
  }
  made.started.store(true, memory_order_release);  // pairs with the acquires in bury(), end_ms()
}

// Its thread could not be made: the P idles until an M comes free or the monitor has tried again.
void scheduler::unmake_m(m& made) noexcept {
  lock.lock();
  release_p(made);
  made.spinning = false;
  idle_word.fetch_sub(std::uint64_t{1} << 32, memory_order_acq_rel);
  const bool alone = --m_count == 0;
  made.started.store(true, memory_order_release);
  made.spare_next = std::exchange(spare_ms, &made);
  starved.store(true, memory_order_relaxed);
  lock.unlock();
  if (alone) fatal("cannot start a thread", "not one");
}

void scheduler::note_g0_stack(m& self, void* high) noexcept {
  const thread_stack own = own_thread_stack();
  if (own.size == 0) return;
#if GMPSCHED_ASAN
  self.g0_stack.low = own.low;
  self.g0_stack.size = own.size;
#endif
  lock.lock();
  self.g0_low = own.low;
  self.g0_high = high;
  lock.unlock();
}

void scheduler::m_thread(m& self) noexcept {
  self.seat = take_bias_seat();
  gmpsched_tls_m = &self;
  thread_stacks_enter(self.stacks);
  // Who made this thread may block more: the monitor does, and whoever woke it may.
  ::pthread_sigmask(SIG_SETMASK, &signal_mask, nullptr);
  self.exceptions = reinterpret_cast<exception_globals*>(abi::__cxa_get_globals());
  self.error_number = &errno;
  self.pin.store(1, memory_order_relaxed);  // g0 runs
  sanitizer_current(self.g0_stack);
  note_g0_stack(self, __builtin_frame_address(0));
  clockid_t clock = 0;
  if (::pthread_getcpuclockid(pthread_self(), &clock) == 0)
    self.cpu_clock.store(clock, memory_order_relaxed);
  self.tid.store(static_cast<std::int32_t>(::gettid()), memory_order_relaxed);
  run_m(self);
  lock.lock();
  if (self.pp != nullptr) release_p(self);
  self.g0_low = self.g0_high = nullptr;
  lock.unlock();
  thread_stacks_leave(self.stacks);
  gmpsched_tls_m = nullptr;
  leave_bias_seat(self.seat);
  if (self.leaving) bury(self);
}

// Under the lock, for an M that has just begun to idle. [T2]
nanos scheduler::time_to_leave() const noexcept {
  const bool one_too_many = idle_m_count > procs.load(memory_order_relaxed) + spare_threads;
  return one_too_many ? after(clock_now(), leave_after) : never;
}

// Under the lock, by an idle M. True: it is out of the list, and its thread is to end.
bool scheduler::leave_if_due(m& self) noexcept {
  if (self.leave_at == never || self.leave_at > clock_now()) return false;
  self.leave_at = never;
  if (timekeeper.load(memory_order_relaxed) == &self) return false;
  if (idle_m_count <= procs.load(memory_order_relaxed) + spare_threads) return false;
  remove_idle_m(self);
  --m_count;
  self.leaving = true;
  visitors.fetch_add(1, memory_order_relaxed);
  return true;
}

// The last act of a thread that leaves. [T3]
void scheduler::bury(m& self) noexcept {
  // acquire: pairs with the release in start_m(): who made the thread has stored its handle.
  while (!self.started.load(memory_order_acquire)) std::this_thread::yield();
  lock.lock();
  std::thread former = std::exchange(last_to_end, std::move(self.thread));
  self.spare_next = std::exchange(spare_ms, &self);  // from here on it may be anybody's
  lock.unlock();
  if (former.joinable()) former.join();
  visitors.fetch_sub(1, memory_order_release);  // pairs with the acquire in await_visitors()
}

void scheduler::wake_all() noexcept {
  lock.lock();
  for (m* self = idle_ms; self != nullptr; self = self->idle_next) note(*self);
  lock.unlock();
}

// Threads that readied a G or started one may still be in inject(). They leave within a few system
// calls.
void scheduler::await_visitors() noexcept {
  while (visitors.load(memory_order_acquire) != 0) std::this_thread::yield();
}

// `stopping` is set. Gs that still run keep their threads if not clean.
void scheduler::end_ms(bool clean) noexcept {
  await_visitors();
  monitor.stop();  // it makes Ms, too
  wake_all();
  for (m* self = all_ms; self != nullptr; self = self->all_next) {
    while (!self->started.load(memory_order_acquire)) std::this_thread::yield();
    if (!self->thread.joinable()) continue;
    if (clean) {
      self->thread.join();
    } else {
      self->thread.detach();
    }
  }
  await_visitors();
  if (last_to_end.joinable()) last_to_end.join();
}

}  // namespace gmp::detail
