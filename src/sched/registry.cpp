#include "sched/registry.hpp"

#include <system_error>

#include "base/attributes.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

// On the M's own stack or a plain thread's.
scheduler* registry_find() noexcept;

namespace {

GMPSCHED_HOME_FUNCTION(find_home)(void* out) { *static_cast<scheduler**>(out) = registry_find(); }

}  // namespace

scheduler& registry_scheduler() {
  scheduler* found;
  call_on_home(&find_home, &found);
  if (found == nullptr) {
    throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                            "gmp: no runtime: call this from a G, or while exactly one runtime exists");
  }
  return *found;
}

void throw_stopped() {
  throw std::system_error(std::make_error_code(std::errc::operation_canceled), "gmp: the runtime has stopped");
}

}  // namespace gmp::detail
