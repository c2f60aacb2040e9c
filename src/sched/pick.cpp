// The rare halves of pick.hpp: from a G's stack to the M's own.
#include "sched/pick.hpp"

#include "stack/stack.hpp"

namespace gmp::detail {
namespace {

struct overflow {
  p* local;
  g* gp;
  scheduler* sched;
};

GMPSCHED_HOME_FUNCTION(ring_home)(void* arg) {
  auto& o = *static_cast<overflow*>(arg);
  o.sched->overflow_ring(*o.local, o.gp);
}

GMPSCHED_HOME_FUNCTION(newborn_home)(void* arg) {
  auto& o = *static_cast<overflow*>(arg);
  o.sched->overflow_newborn(*o.local, o.gp);
}

GMPSCHED_HOME_FUNCTION(wake_home)(void* arg) { static_cast<scheduler*>(arg)->wake_one(); }

}  // namespace

void put_ring_overflow(p& local, g* gp, scheduler& sched) noexcept {
  overflow o{&local, gp, &sched};
  call_on_home(&ring_home, &o);
}

void put_newborn_overflow(p& local, g* gp, scheduler& sched) noexcept {
  overflow o{&local, gp, &sched};
  call_on_home(&newborn_home, &o);
}

void wake_slow(scheduler& sched) noexcept { call_on_home(&wake_home, &sched); }

}  // namespace gmp::detail
