#include "g/g.hpp"

#include "stack/stack.hpp"

namespace gmp::detail {

constinit spin_lock g_births;

namespace {

struct g_visit {
  void (*fn)(g& one, void* arg);
  void* arg;
};

void visit_slot(void* top, std::size_t, void* arg) {
  const auto& visit = *static_cast<const g_visit*>(arg);
  g& one = *g_at(top);
  g_births.lock();
  const bool dead = one.state.load(memory_order_acquire) == g_state::dead;
  g_births.unlock();
  if (!dead) visit.fn(one, visit.arg);
}

}  // namespace

void for_each_g(void (*fn)(g& one, void* arg), void* arg) {
  g_visit visit{fn, arg};
  slabs_for_each_slot(&visit_slot, &visit);
}

const char* wait_reason_name(wait_reason reason) noexcept {
  switch (reason) {
    case wait_reason::none:
      return "none";
    case wait_reason::chan_receive:
      return "chan receive";
    case wait_reason::chan_send:
      return "chan send";
    case wait_reason::chan_nil:
      return "nil chan";
    case wait_reason::select:
      return "select";
    case wait_reason::select_empty:
      return "select (no cases)";
    case wait_reason::mutex:
      return "mutex";
    case wait_reason::shared_mutex:
      return "shared_mutex";
    case wait_reason::condition_variable:
      return "condition_variable";
    case wait_reason::wait_group:
      return "wait_group";
    case wait_reason::once:
      return "once";
    case wait_reason::semaphore:
      return "semaphore";
    case wait_reason::task:
      return "task";
    case wait_reason::sleep:
      return "sleep";
    case wait_reason::io_read:
      return "IO read";
    case wait_reason::io_write:
      return "IO write";
    case wait_reason::io_accept:
      return "IO accept";
    case wait_reason::io_connect:
      return "IO connect";
    case wait_reason::resolve:
      return "name lookup";
    case wait_reason::bubble:
      return "testing::wait";
    case wait_reason::process:
      return "process";
  }
  return "unknown";
}

}  // namespace gmp::detail
