// Once: a phase and the queue of those who wait for the caller that is running.
//
// ON1  phase_ is `running` => exactly one caller is between begin() and finish(). A caller waits =>
// `running`, or it was
//      taken out of the queue to try itself.
#include "gmp/once.hpp"

#include "sync/wait.hpp"

namespace gmp {

using namespace detail;

bool once::begin() {
  for (;;) {
    lock_.lock();
    switch (phase_.load(memory_order_relaxed)) {
      case phase::done:
        lock_.unlock();
        return false;
      case phase::fresh:
        phase_.store(phase::running, memory_order_relaxed);
        lock_.unlock();
        return true;
      case phase::running:
        break;
    }
    if (wait_in({queue_, lock_, wait_reason::once}) == wake_status::pending) {
      unwind(current_g());
      return false;
    }
  }
}

void once::finish(bool succeeded) noexcept {
  lock_.lock();
  // release: pairs with the acquire of the callers that find it done.
  phase_.store(succeeded ? phase::done : phase::fresh, memory_order_release);
  waiter* chain = nullptr;
  g* next = nullptr;
  if (succeeded) {
    chain = release_all(queue_);
  } else {
    next = release_first(queue_);  // wakes the one after it when it fails too
  }
  lock_.unlock();
  ready_all(chain);
  if (next != nullptr) ready(*next);
}

}  // namespace gmp
