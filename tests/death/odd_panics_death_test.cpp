// Panics that are hard to report: the report must come all the same.
#include <pthread.h>
#include <unwind.h>

#include <exception>
#include <stdexcept>
#include <string>

#include <gmp/detail/sanitizers.hpp>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class odd_panics_death : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

struct says_nothing : std::exception {
  const char* what() const noexcept override { return nullptr; }
};

// Each in an isolated G; exits with 7 when all is over.
template <class... F>
void isolated_then_exit(F... bodies) {
  gmp::run([&] {
    (gmp::go({.panic = gmp::panic_class::isolated}, bodies), ...);
    until([] { return gmp::stats().live == 1; });
  });
  std::exit(7);
}

TEST_F(odd_panics_death, texts_that_are_null) {
  EXPECT_EXIT(
      isolated_then_exit([] { throw says_nothing(); },
                         [] { throw static_cast<const char*>(nullptr); }, [] { throw nullptr; }),
      testing::ExitedWithCode(7), "panic in G [0-9]+: .*says_nothing\n");
}

TEST_F(odd_panics_death, every_line_of_a_text_says_whose_it_is) {
  EXPECT_EXIT(
      isolated_then_exit([] { throw std::runtime_error("first\nsecond\nthird"); }),
      testing::ExitedWithCode(7),
      "std::runtime_error: first\ngmpsched:     second\ngmpsched:     third\ngmpsched:   made");
}

_Unwind_Exception of_another_language;

TEST_F(odd_panics_death, an_exception_of_another_language) {
  const auto raise = [] {
    of_another_language.exception_class = 0x474d5053434f5448;
    of_another_language.exception_cleanup = nullptr;
    _Unwind_RaiseException(&of_another_language);
  };
  EXPECT_EXIT(isolated_then_exit(raise), testing::ExitedWithCode(7),
              "panic in G [0-9]+: a foreign exception\n");
}

#if !GMPSCHED_TSAN && !GMPSCHED_ASAN  // which look for their own stack then

TEST_F(odd_panics_death, the_end_of_the_thread) {
  EXPECT_DEATH(isolated_then_exit([] { pthread_exit(nullptr); }),
               "panic in G [0-9]+: forced unwinding: pthread_exit or pthread_cancel on a G");
}

#endif

TEST_F(odd_panics_death, a_handler_that_throws_does_not_hide_the_report) {
  gmp::options wanted;
  wanted.on_panic = [](const gmp::panic_report&) { throw std::runtime_error("of the handler"); };
  EXPECT_DEATH(gmp::run(
                   [] {
                     gmp::go({.panic = gmp::panic_class::isolated},
                             [] { throw std::runtime_error("the first one"); });
                     gmp::chan<void>().recv();
                   },
                   wanted),
               "panic in G [0-9]+: std::runtime_error: the first one\n");
}

}  // namespace
