// What selects leave behind (nothing) and what leaving a queue costs (a constant); order of
// evaluation.
#include <malloc.h>

#include <algorithm>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class select_cost_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(select_cost_conformance, 1u, 2u, 4u);

std::size_t bytes_in_use() {
  // Sanitizers' allocators answer zero: then there is nothing to compare, and nothing to fail.
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Go: test/chan/select2.go: a select that waited leaves no memory behind.
TEST_P(select_cost_conformance, a_hundred_thousand_blocked_selects_keep_no_memory) {
  run([] {
    const int n = scaled(30'000);
    auto data = gmp::make_chan<int>(), never = gmp::make_chan<int>();
    auto sender = [=](int times) {
      for (int i = 0; i < times; ++i) data.send(i);
    };
    auto receive = [=](int times) {
      for (int i = 0; i < times; ++i) gmp::select(gmp::on_recv(data), gmp::on_recv(never));
    };
    auto warm = gmp::spawn(sender, 100);
    receive(100);
    warm.wait();
    const std::size_t before = bytes_in_use();
    auto again = gmp::spawn(sender, n);
    receive(n);
    again.wait();
    const std::size_t after = bytes_in_use();
    EXPECT_LT(after, before + 110'000);
    EXPECT_FALSE(receiver_waits(never));
  });
}

// Go: test/fixedbugs/issue9110.go: many Gs that selected and ended pin nothing.
TEST_P(select_cost_conformance, waiters_of_ended_gs_are_gone_from_every_queue) {
  run([] {
    const int rounds = 20, gs = 50;
    auto never = gmp::make_chan<int>();
    for (int round = 0; round < rounds; ++round) {
      auto stop = gmp::make_chan<void>();
      crowd selecting;
      for (int i = 0; i < gs; ++i)
        selecting.go([=] { gmp::select(gmp::on_recv(never), gmp::on_recv(stop)); });
      until([&] { return receivers_waiting(stop) == static_cast<std::size_t>(gs); });
      EXPECT_EQ(receivers_waiting(never), static_cast<std::size_t>(gs));
      stop.close();
      selecting.wait();
      EXPECT_EQ(receivers_waiting(never), 0u);
    }
  });
}

std::chrono::nanoseconds time_to_leave(int n) {
  auto common = gmp::make_chan<int>();
  std::vector<gmp::chan<int>> own(static_cast<std::size_t>(n));
  for (auto& ch : own) ch = gmp::make_chan<int>();
  crowd all;
  for (const auto& ch : own)
    all.go([common, ch] { gmp::select(gmp::on_recv(common), gmp::on_recv(ch)); });
  for (const auto& ch : own) until_receiver_waits(ch);
  const auto start = std::chrono::steady_clock::now();
  // From the far end: a search from the head would pass all the others.
  for (auto ch = own.rbegin(); ch != own.rend(); ++ch) ch->send(1);
  all.wait();
  return std::chrono::steady_clock::now() - start;
}

// Go: test/chanlinear.go: taking a select out of a queue does not depend on how many wait there.
TEST_P(select_cost_conformance, leaving_a_queue_of_n_costs_the_same_for_every_n) {
  run([] {
    const int n = scaled_gs(4'000) / 2;
    bool linear = false;
    std::chrono::nanoseconds small{}, large{};
    for (int attempt = 0; attempt < 8 && !linear; ++attempt) {  // other processes disturb
      small = time_to_leave(n);
      large = time_to_leave(2 * n);
      linear = large < 3 * small;
    }
    EXPECT_TRUE(linear) << n << " took " << small.count() << " ns, twice as many " << large.count();
  });
}

// Go: test/fixedbugs/issue4313.go, issue8336.go, bug242.go: every expression once, before any case
// is tried. (In C++ the order among arguments is the compiler's.)
TEST_P(select_cost_conformance, expressions_are_evaluated_once_and_first) {
  run([] {
    int channels = 0, values = 0, effects = 0;
    auto ch = gmp::make_chan<int>(8);
    ch.send(0);
    auto channel = [&]() -> const gmp::chan<int>& {
      EXPECT_EQ(effects, 0);
      ++channels;
      return ch;
    };
    auto value = [&] {
      EXPECT_EQ(effects, 0);
      EXPECT_EQ(ch.len(), 1u);
      return ++values;
    };
    gmp::select(gmp::on_send(channel(), value(), [&] { ++effects; }),
                gmp::on_recv(channel(), [&](std::optional<int>) { ++effects; }),
                gmp::on_send(channel(), value(), [&] { ++effects; }));
    EXPECT_EQ(channels, 3);
    EXPECT_EQ(values, 2);
    EXPECT_EQ(effects, 1);
  });
}

// Go: test/fixedbugs/issue8336.go: a fault while the expressions are evaluated: no case is tried.
TEST_P(select_cost_conformance, a_fault_in_an_expression_leaves_the_channels_alone) {
  run([] {
    auto ch = gmp::make_chan<int>(1), full = gmp::make_chan<int>(1);
    full.send(3);
    auto faulty = []() -> int { throw std::runtime_error("no value today"); };
    EXPECT_THROW(gmp::select(gmp::on_recv(full), gmp::on_send(ch, faulty())), std::runtime_error);
    EXPECT_EQ(ch.len(), 0u);
    EXPECT_EQ(full.len(), 1u);
  });
}

}  // namespace
