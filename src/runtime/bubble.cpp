// Bubbles: from outside, and what their Gs call. How time jumps: sched/bubble_g0.cpp.
#include <exception>
#include <memory>
#include <string>

#include "base/futex.hpp"
#include "debug/report.hpp"
#include "gmp/detail/spawn.hpp"
#include "gmp/errors.hpp"
#include "gmp/testing.hpp"
#include "runtime/procs.hpp"
#include "sched/park.hpp"
#include "sched/registry.hpp"
#include "sched/scheduler.hpp"

namespace gmp::testing {

using namespace gmp::detail;

namespace {

constexpr nanos first_time = 946'684'800'000'000'000;  // as in Go: the year 2000
constexpr nanos never_late = 3'600'000'000'000;
constexpr nanos stop_patience = 10'000'000'000;

scheduler_config config_of(bubble_options how) {
  scheduler_config config;
  config.procs = 1;
  config.virtual_start = first_time;
  config.seed = how.seed;
  config.handoff_after = never_late;  // who computes does so alone
  return config;
}

// A scheduler that its users find, from start to stop.
struct bubble_core {
  std::unique_ptr<scheduler> sched;

  explicit bubble_core(bubble_options how) : sched(std::make_unique<scheduler>(config_of(how))) {
    registry_add(*sched);
  }
  ~bubble_core() {
    registry_remove(*sched);
    // False: some G still runs, and what it uses must stay.
    if (!sched->stop(stop_patience)) static_cast<void>(sched.release());
  }
  bubble_core(const bubble_core&) = delete;
  bubble_core& operator=(const bubble_core&) = delete;
};

// Nothing runs any more. Empty: nobody is left.
std::string tell_of_the_rest(scheduler& sched) {
  if (sched.live_gs() == 0) return {};
  survey_result all;
  survey(sched, all);
  std::string text = "gmp::testing::bubble: these Gs are blocked and ";
  text += sched.bubble_main_ended.load(memory_order_relaxed)
              ? "were left over when the main function ended\n"
              : "no timer can wake them\n";
  for (const g_record& one : all.gs) {
    text += "  ";
    write_g(text, all, one);
  }
  return text;
}

}  // namespace

void detail::run_bubble(bubble_options how, const std::function<void()>& body) {
  if (this_m() != nullptr) throw std::logic_error("gmp::testing::bubble called by a G");
  std::exception_ptr failure;
  std::string rest;
  {
    bubble_core bubble(how);
    scheduler& sched = *bubble.sched;
    spawner<scheduler*>::go(&sched, [&] {
      try {
        body();
      } catch (const unwind_exception&) {
        throw;
      } catch (...) {
        failure = std::current_exception();
      }
      sched.bubble_main_ended.store(true, memory_order_relaxed);
    });
    // acquire: pairs with the release in settle_bubble(); all that the Gs did is seen.
    while (sched.bubble_rests.load(memory_order_acquire) == 0)
      futex_wait(sched.bubble_rests, 0, -1);
    rest = tell_of_the_rest(sched);
  }
  if (failure != nullptr) std::rethrow_exception(failure);
  if (!rest.empty()) throw bubble_error(rest);
}

std::chrono::steady_clock::time_point now() {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(now_on_g()));
}

namespace {
bool cancel_observer(void* arg) {
  // acq_rel: pairs with the exchange in settle_bubble(): one of the two readies the G.
  return static_cast<scheduler*>(arg)->bubble_observer.exchange(nullptr, memory_order_acq_rel) !=
         nullptr;
}
}  // namespace

void wait() {
  g& me = current_g();
  if (me.is_thread() || me.sched->config.virtual_start == 0)
    throw std::logic_error("gmp::testing::wait called outside of a bubble");
  if (must_unwind(me)) {
    unwind(me);
    return;
  }
  scheduler& sched = *me.sched;
  g* nobody = nullptr;
  // The G is looked at only when every M idles, so its registers are saved by then.
  if (!sched.bubble_observer.compare_exchange_strong(nobody, &me, memory_order_acq_rel))
    throw std::logic_error("gmp::testing::wait called by two Gs at once");
  spin_lock alone;
  alone.lock();
  park(me, alone, wait_reason::bubble, &cancel_observer, &sched);
  if (me.unwinding) unwind(me);
}

}  // namespace gmp::testing
