// The handlers' common body; included once into a split and once into an unsplit file.
#include <signal.h>
#include <cerrno>

#include "embedding/signals.hpp"
#include "sched/m.hpp"

namespace {

__attribute__((noinline)) unsigned use_stack(unsigned depth) {
  volatile unsigned char room[1024];
  for (unsigned i = 0; i < sizeof room; i += 64) room[i] = static_cast<unsigned char>(depth);
  const unsigned below = depth == 0 ? 0 : use_stack(depth - 1);
  unsigned sum = below;
  for (unsigned i = 0; i < sizeof room; i += 64) sum += room[i];
  return sum;
}

void handle(signals::counts& mine) {
  const int before = errno;
  stack_t at{};
  ::sigaltstack(nullptr, &at);
  const gmp::detail::m* self = gmp::detail::this_m();
  if ((at.ss_flags & SS_ONSTACK) == 0 && self != nullptr && self->current != nullptr)
    ++mine.elsewhere;
  // 8 frames of a kibibyte: 16 * (0 + 1 + ... + 7).
  if (use_stack(7) == 16 * 28) ++mine.calls;
  errno = before;
}

}  // namespace
