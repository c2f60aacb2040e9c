#include "sched/registry.hpp"

#include <system_error>

#include "base/attributes.hpp"
#include "sched/fork.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

// On the M's own stack or a plain thread's: registers a visitor of the scheduler it returns.
scheduler* registry_enter(const void* wanted) noexcept;

namespace {

struct enter_request {
  const void* wanted;
  scheduler* found;
};

GMPSCHED_HOME_FUNCTION(enter_home)(void* arg) {
  auto& request = *static_cast<enter_request*>(arg);
  request.found = registry_enter(request.wanted);
}

scheduler* enter(const void* wanted) noexcept {
  check_not_forked("a timer, gmp::procs, gmp::set_procs or gmp::stats");
  enter_request request{wanted, nullptr};
  call_on_home(&enter_home, &request);
  return request.found;
}

}  // namespace

visit::visit() : sched_(enter(nullptr)) {
  if (sched_ == nullptr) {
    throw std::system_error(
        std::make_error_code(std::errc::operation_not_permitted),
        "gmp: no runtime: call this from a G, or while exactly one runtime exists");
  }
}

visit::visit(const void* wanted) noexcept : sched_(wanted != nullptr ? enter(wanted) : nullptr) {}

visit::~visit() {
  // release: pairs with the acquire in stop(): what was done here happened before the end.
  if (sched_ != nullptr) sched_->visitors.fetch_sub(1, memory_order_release);
}

void throw_stopped() {
  throw std::system_error(std::make_error_code(std::errc::operation_canceled),
                          "gmp: the runtime has stopped");
}

}  // namespace gmp::detail
