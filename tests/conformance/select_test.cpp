// Select: one winner, all cases at one instant, losers leave no trace.
#include <cmath>
#include <map>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class select_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(select_conformance, 1u, 2u, 4u);

// Go: test/chan/doubleselect.go
TEST_P(select_conformance, exactly_one_of_four_send_cases_fires) {
  run([] {
    const int n = scaled(30'000);
    gmp::chan<int> into[4];
    for (auto& ch : into) ch = gmp::make_chan<int>();
    auto merged = gmp::make_chan<int>();
    gmp::go([=] {
      for (int i = 0; i < n; ++i)
        gmp::select(gmp::on_send(into[0], i), gmp::on_send(into[1], i), gmp::on_send(into[2], i),
                    gmp::on_send(into[3], i));
      for (const auto& ch : into) ch.close();
    });
    crowd mergers;
    for (const auto& ch : into) {
      mergers.go([=] {
        for (int v : ch) merged.send(v);
      });
    }
    gmp::go([=, mergers = std::move(mergers)]() mutable {
      mergers.wait();
      merged.close();
    });
    std::vector<char> seen(static_cast<std::size_t>(n));
    int count = 0, twice = 0;
    for (int v : merged) {
      ++count;
      twice += seen[static_cast<std::size_t>(v)]++;
    }
    EXPECT_EQ(count, n);
    EXPECT_EQ(twice, 0);
  });
}

// Go: test/chan/select.go: values are computed for every case each time, each ready case fires
// once, nil disables.
TEST_P(select_conformance, values_are_evaluated_for_all_cases_and_nil_disables) {
  run([] {
    int counter = 0, shift = 0;
    auto value = [&] {
      ++counter;
      return 1 << ++shift;
    };
    auto sent = gmp::make_chan<int>(1), other = gmp::make_chan<int>(1);
    gmp::chan<int> a = sent, b = other;
    int fired = 0;
    for (int open = 2; open > 0;) {
      gmp::select(gmp::on_send(a, value(),
                               [&] {
                                 ++fired;
                                 a = {};
                                 --open;
                               }),
                  gmp::on_send(b, value(),
                               [&] {
                                 ++fired;
                                 b = {};
                                 --open;
                               }),
                  gmp::otherwise([&] { FAIL() << "a case with room did not fire"; }));
    }
    EXPECT_EQ(counter, 4);
    EXPECT_EQ(fired, 2);
    EXPECT_EQ(sent.len(), 1u);
    EXPECT_EQ(other.len(), 1u);
  });
}

// Go: test/chan/select4.go: what a receive case would write to is touched only when that case is
// chosen.
TEST_P(select_conformance, only_the_chosen_case_has_effects) {
  run([] {
    auto ready = gmp::make_chan<int>(1);
    auto idle = gmp::make_chan<int>();
    ready.send(42);
    int touched = 0, got = 0;
    auto target = [&]() -> int& {
      ++touched;
      return got;
    };
    gmp::select(gmp::on_recv(idle, [&](std::optional<int> v) { target() = v.value_or(0); }),
                gmp::on_recv(ready, [&](std::optional<int> v) { got = *v; }));
    EXPECT_EQ(touched, 0);
    EXPECT_EQ(got, 42);
  });
}

// Go: test/chan/select6.go: the loser of a select stands last in a queue of several; the ones
// behind it still wake.
TEST_P(select_conformance, a_loser_at_the_tail_does_not_spoil_the_queue) {
  run([] {
    auto one = gmp::make_chan<bool>();
    auto two = gmp::make_chan<bool>();
    auto three = gmp::make_chan<bool>();
    auto four = gmp::make_chan<bool>();
    gmp::go([=] { one.recv(); });
    gmp::go([=] {
      gmp::select(gmp::on_recv(one), gmp::on_recv(two));
      two.send(true);
    });
    until([&] { return receivers_waiting(one) == 2; });
    until_receiver_waits(two);
    gmp::go([=] { three.send(one.recv().has_value()); });
    until([&] { return receivers_waiting(one) == 3; });
    two.send(true);  // the select is over; its other waiter was in the middle of `one`
    two.recv();
    until([&] { return receivers_waiting(one) == 2; });
    gmp::go([=] {
      one.recv();
      four.send(true);
    });
    until([&] { return receivers_waiting(one) == 3; });
    for (int i = 0; i < 3; ++i) one.send(true);
    EXPECT_EQ(three.recv(), true);
    EXPECT_EQ(four.recv(), true);
  });
}

// Go: test/chan/select7.go: a receive whose value nobody wants, against every kind of sender.
TEST_P(select_conformance, discarded_values_are_received_all_the_same) {
  run([] {
    using ints = gmp::chan<int>;
    constexpr void (*receivers[])(const ints&) = {
        [](const ints& ch) { static_cast<void>(ch.recv()); },
        [](const ints& ch) { gmp::select(gmp::on_recv(ch)); },
        [](const ints& ch) { gmp::select(gmp::on_recv(ch), gmp::on_recv(ints())); },
        [](const ints& ch) {
          gmp::select(gmp::on_recv(ch, [] {}), gmp::on_recv(gmp::make_chan<int>()));
        },
    };
    constexpr void (*senders[])(const ints&) = {
        [](const ints& ch) { ch.send(1); },
        [](const ints& ch) { gmp::select(gmp::on_send(ch, 1)); },
        [](const ints& ch) { gmp::select(gmp::on_send(ch, 1), gmp::on_send(ints(), 2)); },
        [](const ints& ch) {
          while (!ch.try_send(1)) gmp::this_g::yield();
        },
    };
    int met = 0;
    for (auto* receive : receivers) {
      for (auto* send : senders) {
        auto ch = gmp::make_chan<int>();
        auto partner = gmp::spawn([=] { receive(ch); });
        send(ch);
        partner.wait();
        ++met;
      }
    }
    EXPECT_EQ(met, 16);
  });
}

// Go: test/chan/select3.go: send and receive of one select on one unbuffered channel do not meet
// each other.
TEST_P(select_conformance, a_select_does_not_meet_itself) {
  run([] {
    auto ch = gmp::make_chan<int>();
    EXPECT_EQ(gmp::select(gmp::on_send(ch, 1), gmp::on_recv(ch), gmp::otherwise()), 2u);
    std::atomic<bool> passed = false;
    auto blocked = gmp::spawn([ch, &passed] {
      const std::size_t index = gmp::select(gmp::on_send(ch, 1), gmp::on_recv(ch));
      passed = true;
      return index;
    });
    until_receiver_waits(ch);
    yield_often();
    EXPECT_FALSE(passed);
    ch.send(2);
    EXPECT_EQ(blocked.get(), 1u);
    // On a buffered channel the send can go on, then the receive.
    auto buffered = gmp::make_chan<int>(1);
    EXPECT_EQ(gmp::select(gmp::on_send(buffered, 1), gmp::on_recv(buffered)), 0u);
    EXPECT_EQ(gmp::select(gmp::on_send(buffered, 1), gmp::on_recv(buffered)), 1u);
  });
}

// Go: test/chan/select3.go: no case, and none that could ever fire.
TEST_P(select_conformance, an_empty_select_and_one_of_nil_channels_block) {
  run([] {
    std::atomic<int> started = 0, passed = 0;
    gmp::go([&] {
      ++started;
      gmp::select();
      ++passed;
    });
    gmp::go([&] {
      ++started;
      gmp::chan<int> nil;
      gmp::select(gmp::on_recv(nil), gmp::on_send(nil, 1));
      ++passed;
    });
    gmp::go([&] {
      ++started;
      gmp::select(std::span<gmp::select_case>());
      ++passed;
    });
    until([&] { return started == 3; });
    yield_often();
    EXPECT_EQ(passed, 0);
  });
}

// Go: TestSelfSelect
TEST_P(select_conformance, two_selects_on_both_ends_of_one_channel_meet_each_other) {
  run([] {
    for (std::size_t capacity : {0u, 10u}) {
      const int rounds = scaled(2'000);
      auto ch = gmp::make_chan<int>(capacity);
      std::atomic<int> own = 0, moved = 0;
      crowd two;
      for (int me = 0; me < 2; ++me) {
        two.go([=, &own, &moved] {
          for (int i = 0; i < rounds; ++i) {
            auto receive = [&](std::optional<int> v) {
              if (capacity == 0 && *v == me) ++own;
              ++moved;
            };
            // The order of the cases must not matter.
            if ((i + me) % 2 == 0) {
              gmp::select(gmp::on_send(ch, me), gmp::on_recv(ch, receive));
            } else {
              gmp::select(gmp::on_recv(ch, receive), gmp::on_send(ch, me));
            }
          }
        });
      }
      // A last one may wait alone: it is helped out.
      auto finished = gmp::make_chan<void>();
      gmp::go([&two, finished] {
        two.wait();
        finished.close();
      });
      while (gmp::select(gmp::on_recv(finished), gmp::on_recv(ch), gmp::on_send(ch, 2)) != 0) {
        gmp::this_g::yield();  // a buffered channel may let it go on for ever
      }
      EXPECT_EQ(own, 0);
      EXPECT_GT(moved, 0);
    }
  });
}

// Go: TestSelectStress: plain operations and selects with the cases in different orders, on four
// channels.
constexpr std::array<std::size_t, 4> stress_capacities{0, 0, 2, 3};
struct stress {
  std::array<gmp::chan<int>, 4> ch;
  int n;
  stress(int rounds) : n(rounds) {
    for (std::size_t i = 0; i < 4; ++i) ch[i] = gmp::make_chan<int>(stress_capacities[i]);
  }
  // Sends or receives n values on each channel through selects that drop a channel once it has had
  // its n.
  template <std::size_t... Order>
  void select_all(bool sending, std::index_sequence<Order...>) const {
    std::array<gmp::chan<int>, 4> left = ch;
    std::array<int, 4> done{};
    auto count = [&](std::size_t i) {
      if (++done[i] == n) left[i] = {};
    };
    for (int i = 0; i < 4 * n; ++i) {
      if (sending) {
        gmp::select(gmp::on_send(left[Order], 0, [&] { count(Order); })...);
      } else {
        gmp::select(gmp::on_recv(left[Order], [&](std::optional<int>) { count(Order); })...);
      }
    }
  }
};

TEST_P(select_conformance, four_channels_ten_partners_no_deadlock) {
  run([] {
    const stress all(scaled(2'000));
    crowd people;
    for (std::size_t i = 0; i < 4; ++i) {
      people.go([&all, i] {
        for (int k = 0; k < all.n; ++k) all.ch[i].send(0);
      });
      people.go([&all, i] {
        for (int k = 0; k < all.n; ++k) all.ch[i].recv();
      });
    }
    people.go([&] { all.select_all(true, std::index_sequence<0, 1, 2, 3>()); });
    people.go([&] { all.select_all(false, std::index_sequence<3, 1, 0, 2>()); });
    people.wait();
    for (const auto& ch : all.ch) EXPECT_EQ(ch.len(), 0u);
  });
}

// Go: TestSelectFairness: ten sigma.
TEST_P(select_conformance, two_ready_cases_of_four_are_chosen_equally_often) {
  run([] {
    const int trials = 10'000;
    auto one = gmp::make_chan<int>(trials + 1), two = gmp::make_chan<int>(trials + 1);
    for (int i = 0; i <= trials; ++i) {
      one.send(1);
      two.send(2);
    }
    auto never = gmp::make_chan<int>(), silent = gmp::make_chan<int>();
    int times[4] = {};
    for (int i = 0; i < trials; ++i)
      ++times[gmp::select(gmp::on_recv(never), gmp::on_recv(one), gmp::on_recv(silent),
                          gmp::on_recv(two))];
    EXPECT_EQ(times[0] + times[2], 0);
    const double sigma = std::sqrt(trials) / 2;
    EXPECT_NEAR(times[1], trials / 2.0, 10 * sigma);
  });
}

// Go: TestPseudoRandomSend: random also when a receiver waits.
TEST_P(select_conformance, two_sends_to_one_channel_are_chosen_at_random) {
  run([] {
    for (std::size_t capacity : {0u, 100u}) {
      const int n = 100;
      auto ch = gmp::make_chan<int>(capacity);
      auto count = gmp::spawn([=] {
        int ones = 0;
        for (int i = 0; i < n; ++i) {
          gmp::this_g::yield();
          ones += ch.recv().value();
        }
        return ones;
      });
      for (int i = 0; i < n; ++i) gmp::select(gmp::on_send(ch, 1), gmp::on_send(ch, 0));
      const int ones = count.get();
      EXPECT_GT(ones, n / 10);
      EXPECT_LT(ones, n - n / 10);
    }
  });
}

// Go: TestSelectDuplicateChannel
TEST_P(select_conformance, one_channel_twice_in_a_select_leaves_the_waiter_behind_it) {
  run([] {
    auto twice = gmp::make_chan<int>(), other = gmp::make_chan<int>();
    auto finished = gmp::make_chan<void>();
    gmp::go([=] {
      gmp::select(gmp::on_recv(twice), gmp::on_recv(twice), gmp::on_recv(other));
      finished.send();
    });
    until([&] { return receivers_waiting(twice) == 2; });
    auto behind = gmp::spawn([=] { return twice.recv(); });
    until([&] { return receivers_waiting(twice) == 3; });
    other.send(1);
    finished.recv();
    twice.send(7);
    EXPECT_EQ(behind.get(), 7);
  });
}

}  // namespace
