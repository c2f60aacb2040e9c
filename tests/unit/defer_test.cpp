#include <gmp/defer.hpp>

#include "support/harness.hpp"

namespace {

using namespace gmp_test;

static_assert(!std::is_copy_constructible_v<gmp::defer<void (*)()>>);

TEST(defer_unit, runs_at_the_end_last_in_first_out) {
  std::string order;
  {
    gmp::defer first{[&] { order += '1'; }};
    gmp::defer second{[&] { order += '2'; }};
    gmp::defer not_at_all{[&] { order += 'x'; }};
    not_at_all.release();
    order += '0';
  }
  EXPECT_EQ(order, "021");
}

TEST(defer_unit, runs_whatever_way_the_scope_ends) {
  int runs = 0;
  auto leave = [&](bool by_exception) {
    gmp::defer d{[&] { ++runs; }};
    if (by_exception) throw std::runtime_error("away");
    return 1;
  };
  leave(false);
  EXPECT_THROW(leave(true), std::runtime_error);
  EXPECT_EQ(runs, 2);
}

TEST(defer_unit, its_exception_passes_on) {
  auto leave = [] { gmp::defer d{[] { throw std::runtime_error("late"); }}; };
  EXPECT_THROW(leave(), std::runtime_error);
}

TEST(defer_unit, a_move_only_callable) {
  auto kept = std::make_unique<int>(1);
  int seen = 0;
  {
    gmp::defer d{[&seen, kept = std::move(kept)] { seen = *kept; }};
  }
  EXPECT_EQ(seen, 1);
}

// The Gs that are parked when their runtime stops run theirs.
TEST(defer_unit, runs_in_gs_that_are_unwound) {
  std::atomic<int> runs = 0;
  gmp::run([&] {
    for (int i = 0; i < 10; ++i) {
      gmp::go([&] {
        gmp::defer d{[&] { ++runs; }};
        gmp::make_chan<void>().recv();
      });
    }
    yield_often();
  });
  EXPECT_EQ(runs, 10);
}

}  // namespace
