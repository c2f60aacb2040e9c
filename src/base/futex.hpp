// The kernel's wait on a word, private to this process.
#pragma once

#include <cstdint>

#include "base/atomic.hpp"

namespace gmp::detail {

// Sleeps while word == expected, until woken, or until `deadline` (nanoseconds of CLOCK_MONOTONIC;
// negative: none). May return early for no reason. False: the deadline passed.
bool futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected,
                std::int64_t deadline) noexcept;

void futex_wake(atomic<std::uint32_t>& word, int count) noexcept;

}  // namespace gmp::detail
