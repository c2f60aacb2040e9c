// Starting and stopping runtimes; what users ask of one.
#include "gmp/runtime.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "debug/leaks.hpp"
#include "debug/quit.hpp"
#include "runtime/collect.hpp"
#include "runtime/procs.hpp"
#include "sched/fork.hpp"
#include "sched/registry.hpp"
#include "sched/scheduler.hpp"
#include "sched/survey.hpp"
#include "sched/waited.hpp"
#include "sync/wait_facts.hpp"

namespace gmp {
namespace detail {

class runtime_core {
 public:
  explicit runtime_core(options wanted);
  ~runtime_core();

  void stop();

  options wanted;
  std::unique_ptr<scheduler> sched;
  std::mutex stop_lock;
  bool stopped = false;
};

namespace {

constexpr nanos stop_patience = 10'000'000'000;

[[noreturn]] void bad_option(const char* name, const char* rule) {
  throw std::invalid_argument(std::string("gmp::options::") + name + " " + rule);
}

// GMPSCHED_POLLER goes before the option, so that a program need not be changed to try the other.
poller_choice poller_of(poller_kind wanted) {
  const char* forced = std::getenv("GMPSCHED_POLLER");
  const std::string_view name = forced != nullptr ? forced : "";
  if (name == "epoll") return poller_choice::epoll;
  if (name == "io_uring") return poller_choice::io_uring;
  if (name != "" && name != "automatic")
    throw std::invalid_argument("GMPSCHED_POLLER must be epoll, io_uring or automatic, not \"" +
                                std::string(name) + "\"");
  switch (wanted) {
    case poller_kind::epoll:
      return poller_choice::epoll;
    case poller_kind::io_uring:
      return poller_choice::io_uring;
    default:
      return poller_choice::automatic;
  }
}

scheduler_config config_of(const options& wanted) {
  if (wanted.procs > scheduler::max_procs) bad_option("procs", "must be at most 1024");
  if (wanted.stack_size < min_stack_size) bad_option("stack_size", "must be at least 2048 bytes");
  if (wanted.stack_size > (std::size_t{1} << 30)) bad_option("stack_size", "must be at most 1 GiB");
  if (wanted.max_stack < wanted.stack_size)
    bad_option("max_stack", "must not be smaller than stack_size");
  if (wanted.max_threads == 0) bad_option("max_threads", "must be at least 1");
  if (wanted.handoff_after <= std::chrono::nanoseconds::zero())
    bad_option("handoff_after", "must be positive");
  switch (wanted.poller) {
    case poller_kind::automatic:
    case poller_kind::epoll:
    case poller_kind::io_uring:
      break;
    default:
      bad_option("poller", "is not a poller_kind");
  }
  scheduler_config config;
  config.procs = wanted.procs != 0 ? wanted.procs : default_procs();
  if (wanted.procs == 0 && !procs_in_environment()) config.fitting_procs = &fitting_procs;
  config.stack_size = round_stack_size(wanted.stack_size);
  config.max_stack = wanted.max_stack;
  config.max_threads = wanted.max_threads;
  config.detect_deadlock = wanted.detect_deadlock;
  config.poller = poller_of(wanted.poller);
  const char* stacks = std::getenv("GMPSCHED_PANIC_STACKS");
  config.panic_stacks =
      wanted.panic_stacks && (stacks == nullptr || std::string_view(stacks) != "0");
  config.handoff_after = wanted.handoff_after.count();
  return config;
}

std::string object_of_wait(const g& gp) { return facts_of_wait(gp).object; }

// A G ran out of max_stack: its last words, said on the M's own stack or the signal stack.
void name_overflowed(void* first_top, std::size_t used, std::size_t max) noexcept {
  const g& who = *g_at(first_top);
  char text[256];
  std::snprintf(text, sizeof text,
                "G %llu%s%s%s ran out of stack: it uses %zu bytes, options::max_stack allows %zu",
                static_cast<unsigned long long>(who.id), who.extra != nullptr ? " \"" : "",
                who.extra != nullptr ? who.extra->name.c_str() : "",
                who.extra != nullptr ? "\"" : "", used, max);
  fatal(text);
}

// Lower layers' ways up. Once, for the first runtime: others may be in use when a later one is
// made.
bool set_hooks() noexcept {
  stack_overflow_hook = &name_overflowed;
  describe_wait = &object_of_wait;
  return true;
}

}  // namespace

runtime_core::runtime_core(options w) : wanted(std::move(w)) {
  [[maybe_unused]] static const bool hooks_are_set = set_hooks();
  const scheduler_config config = config_of(wanted);
  first_segments_configure(config.max_stack);
  sched = std::make_unique<scheduler>(config);
  sched->on_panic = wanted.on_panic;
  if (wanted.dump_on_quit) dump_on_quit();
  registry_add(*sched);
}

runtime_core::~runtime_core() { stop(); }

void runtime_core::stop() {
  check_not_forked("gmp::runtime::stop");
  std::lock_guard hold(stop_lock);
  if (stopped) return;
  stopped = true;
  if (wanted.report_leaks) report_leaks(*sched);
  registry_remove(*sched);  // no new visitors from here on
  // False: some G still runs on a thread that was left behind, and what it uses must stay.
  if (!sched->stop(stop_patience)) static_cast<void>(sched.release());
}

namespace {

void check_outside(const runtime_core& core, const char* call) {
  const m* self = this_m();
  if (self != nullptr && self->sched == core.sched.get())
    throw std::logic_error(std::string("gmp::runtime::") + call +
                           " called by one of the runtime's own Gs");
}

// A thread inside run(): throws std::logic_error on one of the runtime's own Gs.
class run_call {
 public:
  explicit run_call(const runtime_core& core);
  run_call(const run_call&) = delete;
  run_call& operator=(const run_call&) = delete;
  void main_started() noexcept;
  // By the main G, as its last act: from now on other Gs that are blocked are nobody's deadlock.
  void main_ended() noexcept;

 private:
  scheduler* sched_ = nullptr;  // null: the caller is a G of another runtime
};

run_call::run_call(const runtime_core& core) {
  check_not_forked("gmp::run");
  check_outside(core, "run");
  if (this_m() == nullptr) sched_ = core.sched.get();
}

GMPSCHED_HOME_FUNCTION(look_for_deadlock_home)(void* sched) {
  static_cast<scheduler*>(sched)->look_for_deadlock();
}

// After the main G was started, or a G that was parked before would look like a deadlock. The main
// G may be quicker: the count is -1 for a moment then, which is as good as any other number but 1.
void run_call::main_started() noexcept {
  // release: pairs with the acquire in check_deadlock(): who reads 1 finds the main G in a queue,
  // or ended.
  if (sched_ == nullptr) return;
  sched_->run_callers.fetch_add(1, memory_order_release);
  call_on_home(&look_for_deadlock_home, sched_);
}

void run_call::main_ended() noexcept {
  if (sched_ != nullptr) sched_->run_callers.fetch_sub(1, memory_order_relaxed);
}

}  // namespace
}  // namespace detail

runtime::runtime(options wanted)
    : core_(std::make_unique<detail::runtime_core>(std::move(wanted))) {}

runtime::~runtime() {
  if (core_ == nullptr) return;
  if (detail::in_forked_child()) {  // nothing of it runs here; what it holds goes with the process
    static_cast<void>(core_.release());
    return;
  }
  const detail::m* self = detail::this_m();
  GMPSCHED_CHECK(self == nullptr || self->sched != core_->sched.get(),
                 "gmp::runtime destroyed by one of its own Gs");
  core_->stop();
}

void runtime::stop() {
  detail::check_outside(*core_, "stop");
  core_->stop();
}

namespace {
GMPSCHED_HOME_FUNCTION(note_use)(void* sched) {
  detail::registry_used(*static_cast<detail::scheduler*>(sched));
}
}  // namespace

detail::scheduler* runtime::scheduler() const {
  detail::check_not_forked("gmp::runtime::go, spawn or stats");
  detail::scheduler* sched = core_->sched.get();
  if (sched == nullptr) detail::throw_stopped();
  if (detail::this_m() == nullptr) detail::call_on_home(&note_use, sched);
  return sched;
}

void runtime::run_main(void (*body)(void*), void* with) {
  detail::run_call pending(*core_);
  detail::completion done;
  go([&pending, &done, body, with] {
    struct ending {
      detail::run_call& call;
      detail::completion& done;
      ~ending() {
        call.main_ended();
        done.signal();
      }
    } at_exit{pending, done};
    body(with);
  });
  pending.main_started();
  done.wait_for_certain();  // what the body uses lies on this stack
}

runtime_stats runtime::stats() const { return detail::collect_stats(*scheduler()); }

namespace detail {

runtime_stats collect_stats(scheduler& sched) {
  runtime_stats out;
  const nanos now = clock_now();
  out.procs = sched.procs.load(memory_order_relaxed);
  out.spawned = sched.spawned_outside.load(memory_order_relaxed);
  out.finished = sched.finished_outside.load(memory_order_relaxed);
  out.handoffs = sched.handoffs.load(memory_order_relaxed);
  nanos busy = 0;
  for (std::uint32_t i = 0; i < sched.p_count.load(memory_order_acquire); ++i) {
    const p_counters& c = sched.all_ps[i].load(memory_order_acquire)->counters;
    out.spawned += c.spawned.load(memory_order_relaxed);
    out.finished += c.finished.load(memory_order_relaxed);
    out.switches += c.switches.load(memory_order_relaxed) - first_switch(i);
    out.steals += c.steals.load(memory_order_relaxed);
    out.stolen += c.stolen.load(memory_order_relaxed);
    busy += c.busy.load(memory_order_relaxed);
    const nanos since = c.busy_since.load(memory_order_relaxed);
    if (since != 0 && since < now) busy += now - since;
  }
  out.live = out.spawned >= out.finished ? out.spawned - out.finished : 0;
  sched.lock.lock();
  out.threads = sched.m_count;
  sched.lock.unlock();
  out.busy = std::chrono::nanoseconds(busy);
  out.wall = std::chrono::nanoseconds(now - sched.started);
  return out;
}

namespace {

// Calls `use` with the scheduler of the caller's runtime, which stays while it runs.
template <class Use>
auto with_callers_scheduler(Use use) {
  if (m* self = this_m(); self != nullptr) return use(*self->sched);
  const visit guest;
  return use(*guest);
}

}  // namespace
}  // namespace detail

runtime_stats stats() { return detail::with_callers_scheduler(&detail::collect_stats); }

unsigned procs() {
  return detail::with_callers_scheduler(
      [](detail::scheduler& sched) { return sched.procs.load(detail::memory_order_relaxed); });
}

unsigned set_procs(unsigned n) {
  if (n == 0 || n > detail::scheduler::max_procs)
    throw std::invalid_argument("gmp::set_procs: the number of Ps must be from 1 to 1024");
  return detail::with_callers_scheduler(
      [n](detail::scheduler& sched) { return sched.set_procs(n); });
}

std::string version_report() {
  std::string report = "gmpsched " GMPSCHED_VERSION ", ";
  report += detail::stack_kind_name();
  report += " stacks";
  return report;
}

}  // namespace gmp
