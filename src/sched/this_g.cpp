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
  auto fresh = me->extra == nullptr ? std::make_unique<detail::g_extra>() : nullptr;
  std::string text(name);  // before the lock: it may throw
  me->extra_lock.lock();
  if (fresh != nullptr) me->extra = fresh.release();
  me->extra->name.swap(text);
  me->extra_lock.unlock();
}

}  // namespace gmp::this_g
