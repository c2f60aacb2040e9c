// What passes through a G that waits when its runtime stops.
#include "support/harness.hpp"

namespace {

using namespace gmp_test;

TEST(unwind, handlers_that_rethrow_let_it_pass) {
  std::atomic<int> passed = 0;
  std::atomic<int> after = 0;
  gmp::run([&] {
    auto ch = gmp::make_chan<int>();
    gmp::go([&, ch] {
      try {
        std::string kept = "cleanup between";
        ch.recv();
      } catch (...) {
        ++passed;
        throw;
      }
      ++after;
    });
    for (int i = 0; i < 10; ++i) gmp::this_g::yield();
  });
  EXPECT_EQ(passed, 1);
  EXPECT_EQ(after, 0);
}

}  // namespace
