// A runtime that stops ends its Gs by an exception. throw_would_terminate() says beforehand where
// it would meet a function that lets none through; where it was wrong, the G is given up here, and
// so is one that fails meanwhile where nothing may be thrown: the process must not end because a
// runtime of it stops.
#include "sched/terminate.hpp"

#include <cxxabi.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <typeinfo>

#include "gmp/errors.hpp"
#include "sched/m.hpp"
#include "sched/panic.hpp"
#include "sched/spawn.hpp"

namespace gmp::detail {
namespace {

std::terminate_handler previous;

// Was it the end of a G by its runtime that came to a noexcept function?
bool is_unwinding(const g& me) noexcept {
  if (!me.unwinding) return false;
  // Null also for another language's exception, of which the type must not be asked.
  if (std::current_exception() != nullptr)
    return *abi::__cxa_current_exception_type() == typeid(unwind_exception);
  return std::uncaught_exceptions() != 0;  // gcc's noexcept functions do not catch it first
}

[[noreturn]] void give_up(m& self, g& me) {
  set_current(self, &me);
  if (std::current_exception() != nullptr) abi::__cxa_end_catch();  // frees it
  g_abandon();
}

[[noreturn]] void on_terminate() {
  m* self = this_m();
  g* me = self != nullptr ? self->current : nullptr;
  if (me != nullptr && is_unwinding(*me)) {
    std::fprintf(stderr,
                 "gmpsched: G %" PRIu64
                 " was waiting in a noexcept function when its runtime stopped: it ends there, "
                 "and destructors of its outer functions do not run\n",
                 me->id);
    give_up(*self, *me);
  }
  if (me != nullptr) {
    set_current(*self,
                nullptr);  // a handler that blocks blocks this thread: this is not the G's stack
    if (terminated(*me)) give_up(*self, *me);
  }
  // The library's own would say again what was said.
  if (previous != nullptr && (me == nullptr || previous != &__gnu_cxx::__verbose_terminate_handler))
    previous();
  std::abort();
}

}  // namespace

void terminate_handler_install() noexcept {
  static const bool installed = [] {
    previous = std::set_terminate(&on_terminate);
    return true;
  }();
  (void)installed;
}

}  // namespace gmp::detail
