// Waits by what debug::list() says of the Gs.
#pragma once

#include <gmp/debug.hpp>

#include <algorithm>
#include <cstdint>

#include "support/harness.hpp"

namespace gmp_test {

// At least n Gs of the process wait for something.
inline void until_gs_wait(std::uint64_t n) {
  until([n] {
    const auto all = gmp::debug::list();
    return static_cast<std::uint64_t>(std::count_if(all.begin(), all.end(), [](const auto& one) {
             return one.state == "waiting";
           })) >= n;
  });
}

}  // namespace gmp_test
