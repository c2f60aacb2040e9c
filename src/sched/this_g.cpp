#include "gmp/this_g.hpp"

#include <memory>
#include <string>

#include "sched/park.hpp"

namespace gmp::this_g {
namespace {

detail::g* running() noexcept {
  detail::m* self = detail::this_m();
  return self != nullptr ? self->current : nullptr;
}

}  // namespace

bool exists() noexcept { return running() != nullptr; }

std::uint64_t id() noexcept {
  const detail::g* me = running();
  return me != nullptr ? me->id : 0;
}

void yield() { detail::yield_now(); }

void set_name(std::string_view name) {
  detail::g* me = running();
  if (me == nullptr) return;
  if (me->extra == nullptr) me->extra = new detail::g_extra;
  me->extra->name = name;
}

}  // namespace gmp::this_g
