// The stack of the throw point, kept for exceptions that no handler of the G catches.
//
// An exception is raised in two passes, and the first, which looks for a handler, leaves the stack
// as it is. When it comes to the G's first function nothing on the way wanted it: that function's
// personality is asked, and notes the stack. What is caught earlier never comes here and costs
// nothing.
#include <unwind.h>

#include <cstdlib>

#include "sched/backtrace.hpp"
#include "sched/panic.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {
namespace {

void note_scene() noexcept {
  m* self = this_m();
  g* me = self != nullptr ? self->current : nullptr;
  if (me == nullptr || me->unwinding || !me->sched->config.panic_stacks) return;
  if (me->thrown == nullptr) me->thrown = static_cast<raw_stack*>(std::malloc(sizeof(raw_stack)));
  if (me->thrown != nullptr) backtrace_here(*me->thrown);
}

}  // namespace
}  // namespace gmp::detail

extern "C" __attribute__((visibility("hidden"))) _Unwind_Reason_Code gmpsched_scene_personality(
    int version, _Unwind_Action actions, _Unwind_Exception_Class, _Unwind_Exception*,
    _Unwind_Context*) {
  if (version == 1 && (actions & _UA_SEARCH_PHASE) != 0) gmp::detail::note_scene();
  return _URC_CONTINUE_UNWIND;
}

namespace gmp::detail {
using personality = decltype(&gmpsched_scene_personality);
}

extern "C" {
// What the unwind information of call_entry() refers to.
extern const gmp::detail::personality gmpsched_scene_personality_ref
    __attribute__((visibility("hidden")));
const gmp::detail::personality gmpsched_scene_personality_ref = &gmpsched_scene_personality;
}
