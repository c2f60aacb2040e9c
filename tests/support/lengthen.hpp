// How long stress tests run: GMPSCHED_STRESS=n makes them n times as long, GMPSCHED_PROCS=n picks
// one number of Ps.
#pragma once

#include "support/harness.hpp"

namespace gmp_test {

inline int stressed(int n) {
  return scaled(n) * static_cast<int>(number_from_environment("GMPSCHED_STRESS", 1));
}

// 1, 2, 4 and 8 Ps, or the one that was asked for.
inline std::vector<unsigned> stress_procs() {
  const unsigned one = number_from_environment("GMPSCHED_PROCS", 0);
  if (one != 0) return {one};
  return {1, 2, 4, 8};
}

class stress_test : public in_runtime {
 protected:
  // Runs the body as main G at each number of Ps.
  template <class F>
  static void run_each(F body) {
    for (unsigned procs : stress_procs()) run_at(procs, body);
  }
};

}  // namespace gmp_test
