// stop() while a G is in foreign code and does not come back.
#include <unistd.h>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class stall_death : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

// It is named after stop()'s patience of 10 s, and stop() returns all the same; its thread and its
// runtime stay.
TEST_F(stall_death, a_g_that_stays_in_foreign_code_is_named_and_left_behind) {
  EXPECT_EXIT(
      {
        {
          gmp::runtime scheduler({.procs = 1});
          std::atomic<bool> in = false;
          scheduler.go([&in] {
            in = true;
            for (;;) ::pause();
          });
          while (!in) std::this_thread::yield();
          scheduler.run([] { gmp::this_g::sleep_for(1ms); });  // on the P that was handed over
        }
        std::fprintf(stderr, "stopped\n");
        std::_Exit(7);
      },
      testing::ExitedWithCode(7),
      "1 Gs did not end in time(.|\n)*G [0-9]+ running, made by G 0(.|\n)*stopped");
}

// It comes back after the runtime has gone: what it touches is still there.
TEST_F(stall_death, a_g_that_comes_back_too_late_does_no_harm) {
  EXPECT_EXIT(
      {
        std::atomic<int> in = 0;
        {
          gmp::runtime scheduler({.procs = 1});
          scheduler.go([&in] {
            in = 1;
            ::sleep(12);
            in = 2;
            gmp::this_g::yield();
            gmp::make_chan<int>().recv();
          });
          while (in == 0) std::this_thread::yield();
        }
        while (in != 2) std::this_thread::yield();
        ::usleep(100'000);  // whatever it does now
        std::_Exit(7);
      },
      testing::ExitedWithCode(7), "did not end in time");
}

}  // namespace
