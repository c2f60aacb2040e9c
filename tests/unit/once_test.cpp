#include <gmp/once.hpp>

#include <stdexcept>
#include <thread>

#include <gmp/wait_group.hpp>

#include "support/queues.hpp"

namespace {

using namespace gmp_test;

class once_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(once_at, 1u, 2u, 4u, 8u);

TEST_P(once_at, runs_once_and_all_see_it) {
  run([&] {
    for (int k = 0; k < scaled(100); ++k) {
      gmp::once o;
      int value = 0;  // plain: once publishes
      gmp::wait_group all;
      for (int i = 0; i < 10; ++i) {
        all.go([&] {
          o([&] {
            gmp::this_g::yield();
            ++value;
          });
          EXPECT_EQ(value, 1);
        });
      }
      std::thread outside([&] {
        o([&] { ++value; });
        EXPECT_EQ(value, 1);
      });
      all.wait();
      outside.join();
    }
  });
}

TEST_P(once_at, an_exception_lets_the_next_caller_try) {
  run([&] {
    gmp::once o;
    gmp::chan<void> fail = gmp::make_chan<void>();
    int calls = 0;
    auto first = gmp::spawn([&] {
      o([&] {
        ++calls;
        fail.recv();
        throw std::runtime_error("first");
      });
    });
    until([&] { return fail.try_send(); });
    EXPECT_THROW(first.get(), std::runtime_error);

    std::atomic<int> thrown = 0;
    gmp::wait_group all;
    for (int i = 0; i < 8; ++i) {
      all.go([&] {
        try {
          o([&] {
            gmp::this_g::yield();
            if (++calls < 5) throw 1;
          });
          EXPECT_EQ(calls, 5);
        } catch (int) {
          ++thrown;
        }
      });
    }
    all.wait();
    EXPECT_EQ(calls, 5);
    EXPECT_EQ(thrown, 3);
  });
}

TEST_P(once_at, waiters_are_unwound_at_the_end) {
  gmp::once o;
  run([&] {
    gmp::go([&] { o([] { gmp::chan<int>().recv(); }); });
    until([&] {
      gmp::go([&] { o([] { gmp::chan<int>().recv(); }); });
      gmp::this_g::yield();
      return count_in(o, once_queue{}) > 2;
    });
  });
  bool ran = false;
  o([&] { ran = true; });
  EXPECT_TRUE(ran);
}

}  // namespace
