// One runtime's scheduler: its Ps, Ms and the state they share. The order of the scheduler loop is
// in schedule_g0.cpp, going idle and waking up in idle_g0.cpp, the world's stop in world_g0.cpp.
//
// S1  While a P is idle there is a timekeeper, or an M that searches and looks after that: an M
// gives
//     back its P and enters the idle list in one critical section, and leaves it with a P; who
//     gives a P away without idling sees to it that one of the two exists (give_away(), H3). The
//     only exception: no further M is to be had (max_threads, no thread). Then whoever comes free
//     looks.
// S2  idle_word counts idle Ps (low half) and spinning Ms (high half); whoever makes work looks at
// it after a light
//     fence (idle_g0.cpp, I1).
#pragma once

#include <signal.h>

#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "base/asymmetric_fence.hpp"
#include "base/atomic.hpp"
#include "base/clock.hpp"
#include "gmp/detail/spin_lock.hpp"
#include "netpoll/poller.hpp"
#include "queue/global_queue.hpp"
#include "sched/m.hpp"
#include "sched/p.hpp"
#include "sched/spare_gs.hpp"
#include "sched/sysmon.hpp"

namespace gmp {
struct panic_report;
}

namespace gmp::detail {

struct scheduler_config {
  std::uint32_t procs = 1;
  std::size_t stack_size = 2048;
  std::size_t max_stack = std::size_t{1} << 30;
  std::uint32_t max_threads = 10'000;
  nanos handoff_after = 10'000'000;
  bool detect_deadlock = false;
  bool panic_stacks = true;
  poller_choice poller = poller_choice::automatic;
  // How many Ps would fit now; asked by the monitor about once a second. Null: the user has said.
  std::uint32_t (*fitting_procs)() noexcept = nullptr;
  nanos virtual_start = 0;  // not 0: time that jumps begins there (bubble_g0.cpp)
  std::uint64_t seed = 0;   // not 0: an order of its own
};

class scheduler {
 public:
  static constexpr std::uint32_t max_procs = 1024;

  explicit scheduler(const scheduler_config& config);
  ~scheduler();
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  // --- making work known (any thread, any stack; on a G: through call_on_home)
  void inject(g* gp) noexcept;  // to the global queue, and wake somebody
  void inject_all(g_list& batch) noexcept;
  bool wants_wake() const noexcept {  // after a light fence [I1]
    std::uint64_t word = idle_word.load(memory_order_relaxed);
    return static_cast<std::uint32_t>(word) != 0 && word >> 32 == 0;
  }
  void wake_one() noexcept;
  void timer_added(nanos when) noexcept;  // after the heap was changed

  // --- the scheduler loop (on g0)
  void run_m(m& self);  // body of an M's thread
  g* find_runnable(m& self);
  g* steal(m& self, bool& timers_ran);
  void overflow_ring(p& local, g* extra) noexcept;
  void overflow_newborn(p& local, g* extra) noexcept;
  void trim_free(p& local) noexcept;
  void give_slots(g* dead) noexcept;    // a whole list, back to the slabs
  bool refill_free(p& local) noexcept;  // false: out of memory

  // --- idle protocol (on g0)
  bool try_spin(m& self) noexcept;
  void leave_spinning(m& self) noexcept;
  void park_m(m& self);
  bool work_anywhere() const noexcept;
  nanos earliest_timer() const noexcept;

  // --- descriptors (sched/netpoll_g0.cpp)
  int register_descriptor(descriptor& d) noexcept;  // 0, or an errno; makes the poller when needed
  bool poll_before_idling(p& local) noexcept;
  void end_solitary_run(const p& local, nanos now) noexcept;
  bool poll_into(p& local) noexcept;  // without blocking; true: Gs were put into local's queue

  // --- P hand-off (handoff_g0.cpp)
  bool retake(m& victim, p& local) noexcept;  // from an M that stalls
  bool hand_off(m& self) noexcept;            // by that M itself, pinned. False: it keeps its P
  bool regain(m& self) noexcept;              // pinned, without a P: an idle one if there is any
  bool work_in_sight() const noexcept;        // without waiting for a rendezvous to be over

  void look_for_deadlock() noexcept;  // any thread: run_callers has changed

  // --- the world at rest for a moment (pause_g0.cpp). From outside, or on a G's behalf. False: not
  // to be had in time. `running` gets the Gs that run user code meanwhile.
  bool pause(nanos patience, std::vector<const g*>& running);
  void resume() noexcept;

  // --- time: the machine's, or in a bubble its own (bubble_g0.cpp)
  nanos time_now() const noexcept {
    const nanos own = virtual_now.load(memory_order_relaxed);
    return __builtin_expect(own == 0, 1) ? clock_now() : own;
  }

  // --- number of Ps; returns the old one
  std::uint32_t set_procs(std::uint32_t n);
  void fit_procs(std::uint32_t n) noexcept;  // unless the user has said how many
  void end_solitude() noexcept;

  // --- the end: parked Gs are unwound, Ms joined. False: some Gs did not stop in time; they were
  // named on stderr and their threads were left alone, so this object must not be destroyed.
  [[nodiscard]] bool stop(nanos patience);

  std::uint64_t live_gs() const noexcept;

  static constexpr std::uint32_t sends_at_once = 32;  // [NET10]

  // --- shared state
  alignas(64) atomic<std::uint64_t> idle_word{0};
  atomic<bool> unwinding{false};  // blocking calls throw, nothing new starts
  atomic<bool> stopping{false};   // Ms end
  alignas(64) global_queue global;
  spare_gs spares;
  atomic<std::uint32_t> p_count{0};  // Ps that exist: all_ps[0 .. p_count)
  atomic<std::uint32_t> procs{0};    // Ps in use
  atomic<p*> all_ps[max_procs]{};
  atomic<std::uint64_t> ids{0};
  atomic<std::uint64_t> spawned_outside{0};  // by threads without a P
  atomic<std::uint64_t> finished_outside{0};
  atomic<m*> timekeeper{
      nullptr};  // the idle M that sleeps until the earliest timer; changed under lock
  atomic<nanos> timekeeper_until{never};
  atomic<poller*> net{nullptr};   // made when the first G waits for a descriptor
  atomic<bool> batching{false};   // sends are left to the poller [NET10]
  atomic<m*> polling_m{nullptr};  // the one that blocks in it
  atomic<m*> alone_m{nullptr};    // runs one G, and nobody keeps the time [NET9]
  // Of whoever is polling_m. [NET8]
  struct spin_state {
    bool was_short = false;  // the last wait
    std::uint32_t credit = 0;
    std::uint32_t pause = 0;  // waits without a spin
    std::uint32_t next_pause = 8;
  };
  spin_state polling_spin;
  // [NET10] Hints: two Ms may look at the same time, and which of them is noted does not matter.
  atomic<nanos> last_look{0};
  atomic<std::uint32_t> batching_pause{0};  // looks
  bool can_spin = false;                    // another processor may bring the event meanwhile
  atomic<std::uint32_t> making_net{0};      // futex: 1 while somebody makes it

  spin_lock lock;  // guards what follows
  p* idle_ps = nullptr;
  m* idle_ms = nullptr;  // newest first; the timekeeper last
  m* idle_ms_tail = nullptr;
  std::uint32_t idle_m_count = 0;
  std::uint32_t m_count = 0;  // Ms whose threads run
  std::uint32_t m_made = 0;   // Ms that exist
  m* all_ms = nullptr;
  m* spare_ms = nullptr;       // those without a thread
  std::thread last_to_end;     // of an M that left; whoever leaves next joins it
  bool world_stopped = false;  // nobody gets a P
  std::uint32_t company = 0;   // so many single Gs more do not go alone [NET9]
  bool rest_wanted = false;    // stop() waits for all Ms to idle
  bool procs_fixed = false;    // set_procs() was called: the number follows the container no more
  atomic<std::uint32_t> rest{0};  // futex: counts the moments when they did

  // Threads that are inside this object without being one of its Ms. stop() waits for them. Who
  // enters must know that the object lives: a G of it that cannot end meanwhile, or the registry's
  // lock (visit, sched/registry.hpp).
  atomic<std::uint32_t> visitors{0};
  atomic<std::uint32_t> run_callers{0};  // plain threads that wait in run()

  atomic<bool> starved{false};  // a P was left idle for want of an M: the monitor tries again
  atomic<std::uint64_t> handoffs{0};
  sysmon monitor{*this};

  atomic<nanos> virtual_now{0};           // 0: no bubble
  atomic<g*> bubble_observer{nullptr};    // waits until all others are blocked
  atomic<bool> bubble_main_ended{false};  // no time passes any more
  atomic<std::uint32_t> bubble_rests{0};  // futex: counts how often nothing was left to do

  const scheduler_config config;
  sigset_t signal_mask;                               // of who made this object, and of every M
  std::function<void(const panic_report&)> on_panic;  // set before the first G; may be empty
  const nanos started;

 private:
  struct heir {
    m* who;        // null: there is none
    bool sleeper;  // it idles; otherwise its thread is to be made
  };
  std::uint32_t change_procs(std::uint32_t n, bool by_user);
  p* new_p();
  m* new_m();
  void start_m(m& made) noexcept;
  void unmake_m(m& made) noexcept;
  void m_thread(m& self) noexcept;
  void note_g0_stack(m& self, void* high) noexcept;
  bool leave_if_due(m& self) noexcept;
  nanos time_to_leave() const noexcept;
  void bury(m& self) noexcept;
  void report_shortage(const char* what) noexcept;
  bool m_to_be_had() const noexcept;
  heir bequeath(p& local) noexcept;
  void send_off(heir h) noexcept;
  void give_away(p& local, bool to_work) noexcept;
  void disown(p& local) noexcept;
  void push_idle_m(m& self) noexcept;
  void remove_idle_m(m& self) noexcept;
  p* pop_idle_p() noexcept;
  void push_idle_p(p& local) noexcept;
  void acquire_p(m& self, p& local) noexcept;
  void release_p(m& self) noexcept;
  void drain(p& retired) noexcept;
  bool take_p_to_spin(m& self) noexcept;
  void sleep_idle(m& self, bool fenced);
  bool keep_time(m& self) noexcept;
  void note(m& target) noexcept;
  bool wants_poll(p& local) noexcept;
  bool sends_pending() const noexcept {  // [SB2]
    const poller* at = net.load(memory_order_acquire);
    return at != nullptr && at->sends.any();
  }
  void judge_batching(poller& at, std::uint32_t woken) noexcept;
  void send_without_p() noexcept;
  int make_net() noexcept;
  bool sleep_polling(m& self, poller& at, nanos until) noexcept;
  void spin_polling(m& self, poller& at, nanos now, nanos until, woken_list& woken) noexcept;
  bool take_p_alone(m& self) noexcept;
  void end_alone(m& self) noexcept;
  std::uint32_t sort_woken(io_waiter* chain, g_list& own) noexcept;
  void close_net() noexcept;
  void expire_timers(p& local, nanos now);
  bool at_rest() noexcept;
  bool await_rest(nanos deadline) noexcept;
  std::uint32_t unwind_parked() noexcept;
  void wake_all() noexcept;
  void check_deadlock() noexcept;
  bool events_in_hand() const noexcept;
  void settle_bubble() noexcept;
  g* settle_paused_bubble() noexcept;
  g* advance_bubble() noexcept;
  g* pick_any(p& local) noexcept;
  bool seize_all() noexcept;
  bool note_running(std::vector<const g*>& running);
  void await_visitors() noexcept;
  void end_ms(bool clean) noexcept;
  std::atomic_flag shortage_reported;
};

}  // namespace gmp::detail
