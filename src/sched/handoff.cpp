// A G's side of the hand-off: blocking calls it announces, and how it comes by a P again.
#include "sched/handoff.hpp"
#include "base/check.hpp"
#include "gmp/detail/blocking.hpp"
#include "sched/fork.hpp"
#include "sched/scheduler.hpp"
#include "sched/switch.hpp"
#include "stack/stack.hpp"

namespace gmp::detail {
namespace {

struct p_request {
  m* self;
  bool granted;
};

GMPSCHED_HOME_FUNCTION(regain_home)(void* arg) {
  auto& request = *static_cast<p_request*>(arg);
  request.granted = request.self->sched->regain(*request.self);
}

GMPSCHED_HOME_FUNCTION(hand_off_home)(void* arg) {
  auto& request = *static_cast<p_request*>(arg);
  request.granted = request.self->sched->hand_off(*request.self);
}

GMPSCHED_HOME_FUNCTION(inject_me_home)(void* arg) {
  g& me = *static_cast<g*>(arg);
  me.sched->inject(&me);
}

GMPSCHED_COMMIT_FUNCTION(commit_queue)(m*, void* arg) { call_on_home(&inject_me_home, arg); }

}  // namespace

bool regain_slow(m& self) noexcept {
  p_request request{&self, false};
  call_on_home(&regain_home, &request);
  return request.granted;
}

void queue_for_p(m& self, g& me) noexcept {
  check_not_forked("gmp::blocking");
  me.state.store(g_state::runnable, memory_order_relaxed);
  self.commit = &commit_queue;
  self.commit_arg = &me;
  switch_from_g(self, me, nullptr);
  unpin(*this_m());
}

bool blocking_begin() noexcept {
  m* self = this_m();
  if (self == nullptr || self->current == nullptr) return false;
  p_request request{self, false};
  if (pin(*self)) call_on_home(&hand_off_home, &request);
  unpin(*self);
  return request.granted;
}

void blocking_end() noexcept {
  m* self = this_m();
  if (pin_or_regain(*self)) {
    unpin(*self);
  } else {
    queue_for_p(*self, *self->current);
  }
}

}  // namespace gmp::detail
