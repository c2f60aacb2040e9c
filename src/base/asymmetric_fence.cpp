#include "base/asymmetric_fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cstdlib>

namespace gmp::detail {
namespace {

long membarrier(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0); }

bool register_process() noexcept {
  // GMPSCHED_MEMBARRIER=0 selects the fallback, so that tests cover it on every kernel.
  const char* wish = std::getenv("GMPSCHED_MEMBARRIER");
  if (wish != nullptr && wish[0] == '0') return false;
  return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

}  // namespace

// Set by a constant-initialised static so that mutexes used before any runtime exists see one
// stable answer.
bool membarrier_registered = false;

void asymmetric_fence_init() noexcept {
  static const bool registered = register_process();
  membarrier_registered = registered;
}

void heavy_fence() noexcept {
  if (!membarrier_registered || membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0) {
    std::atomic_thread_fence(memory_order_seq_cst);
  }
}

namespace {
// Runs before main: nothing can have passed a light fence by then, apart from other static
// constructors, which are single-threaded.
[[gnu::constructor(101)]] void register_early() { asymmetric_fence_init(); }
}  // namespace

}  // namespace gmp::detail
