// What happens to a G that waits where nothing may be thrown when its runtime stops.
#include "support/harness.hpp"

namespace {

using namespace gmp_test;

// clang turns noexcept into a handler that looks like any catch (...): not told apart.
#if !defined(__clang__)

struct waits_at_the_end {
  gmp::chan<int> ch;
  std::atomic<int>& left;
  ~waits_at_the_end() {
    const bool got = ch.recv().has_value();
    left += got ? 100 : 1;
  }
};

TEST(unwind, a_wait_in_a_destructor_on_a_normal_way_out_ends_as_cancelled) {
  std::atomic<int> left = 0;
  std::atomic<int> unwound = 0;
  gmp::run([&] {
    auto ch = gmp::make_chan<int>();
    for (int i = 0; i < 10; ++i) {
      gmp::go([&, ch] {
        { waits_at_the_end last{ch, left}; }
        struct counts {
          std::atomic<int>& n;
          ~counts() { ++n; }
        } counter{unwound};
        ch.recv();  // the next wait where throwing is possible
        left += 1000;
      });
    }
    for (int i = 0; i < 100; ++i) gmp::this_g::yield();
  });
  EXPECT_EQ(left, 10);
  EXPECT_EQ(unwound, 10);
}

void waits_without_throwing(const gmp::chan<int>& ch, std::atomic<int>& n) noexcept {
  if (!ch.recv()) ++n;
}

TEST(unwind, so_does_a_wait_in_a_noexcept_function_below_handlers) {
  std::atomic<int> n = 0;
  gmp::run([&] {
    auto ch = gmp::make_chan<int>();
    gmp::go([&, ch] {
      try {
        waits_without_throwing(ch, n);
        ch.recv();
      } catch (const std::exception&) {
        n += 100;
      }
    });
    for (int i = 0; i < 10; ++i) gmp::this_g::yield();
  });
  EXPECT_EQ(n, 1);
}

#endif

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
