#include "base/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <climits>
#include <ctime>

namespace gmp::detail {

bool futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected,
                std::int64_t deadline) noexcept {
  timespec until{};
  timespec* timeout = nullptr;
  if (deadline >= 0) {
    until.tv_sec = deadline / 1'000'000'000;
    until.tv_nsec = deadline % 1'000'000'000;
    timeout = &until;
  }
  // WAIT_BITSET takes an absolute time, so an early return needs no arithmetic on what is left.
  long result = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, timeout, nullptr,
                          FUTEX_BITSET_MATCH_ANY);
  return !(result == -1 && errno == ETIMEDOUT);
}

void futex_wake(atomic<std::uint32_t>& word, int count) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

}  // namespace gmp::detail
