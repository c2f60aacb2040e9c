#include "sched/fork.hpp"

#include "base/check.hpp"
#include "g/g.hpp"

namespace gmp::detail {

atomic<bool> forked_child{false};
atomic<int> live_schedulers{0};

namespace {
constexpr const char* rule =
    "called in the child of a fork(), where a process with a runtime may only exec";
}

void refuse_call(void* name) { fatal(rule, static_cast<const char*>(name)); }

void refuse_wait(void* me) { fatal(rule, wait_reason_name(static_cast<const g*>(me)->reason)); }

}  // namespace gmp::detail
