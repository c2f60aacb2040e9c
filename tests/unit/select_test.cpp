// The interface of select: cases in variables, dynamic lists, timeouts, callbacks of every kind.
#include <memory>
#include <utility>
#include <vector>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class select_unit : public in_runtime {};
class select_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(select_at, 1u, 2u, 4u);

TEST_F(select_unit, cases_held_in_variables_are_used_again_or_moved) {
  auto ch = gmp::make_chan<int>(4);
  int sum = 0;
  auto receive = gmp::on_recv(ch, [&](std::optional<int> v) { sum += v.value_or(0); });
  auto send = gmp::on_send(ch, 5);
  auto nothing = gmp::otherwise();
  EXPECT_EQ(gmp::select(receive, nothing), 1u);
  EXPECT_EQ(gmp::select(send), 0u);
  EXPECT_EQ(gmp::select(send, nothing), 0u);
  EXPECT_EQ(gmp::select(receive, nothing), 0u);
  EXPECT_EQ(gmp::select(std::move(receive), std::move(nothing)), 0u);
  EXPECT_EQ(sum, 10);
  auto moved = std::move(send);
  EXPECT_EQ(gmp::select(moved), 0u);
  EXPECT_EQ(ch.recv(), 5);
}

// A temporary is kept by its case, a variable by a select_case; a case of a variable refers to it.
TEST_F(select_unit, cases_keep_temporary_channels_and_lists_keep_all) {
  struct probe {
    std::shared_ptr<int> held;
  };
  auto life = std::make_shared<int>(7);
  auto filled = [&] {
    auto ch = gmp::make_chan<probe>(1);
    ch.send({life});
    return ch;
  };
  int seen = 0;
  {
    auto take = [&](std::optional<probe> v) { seen = *v->held; };
    auto stored = gmp::on_recv(filled(), take);
    std::vector<gmp::select_case> list;
    {
      auto ch = filled();
      const long handles = life.use_count();
      list.emplace_back(gmp::on_recv(ch, take));
      EXPECT_EQ(life.use_count(), handles);
    }
    EXPECT_EQ(gmp::select(list), 0u);
    EXPECT_EQ(std::exchange(seen, 0), 7);
    EXPECT_EQ(gmp::select(stored), 0u);
    EXPECT_EQ(seen, 7);
    EXPECT_EQ(life.use_count(), 1);
    list.emplace_back(gmp::on_recv(filled(), take));
  }
  EXPECT_EQ(life.use_count(), 1);  // the one in the list went with its channel
}

TEST_F(select_unit, a_list_known_only_at_run_time) {
  run_at(2, [] {
    const int n = 20;
    std::vector<gmp::chan<int>> channels;
    for (int i = 0; i < n; ++i) channels.push_back(gmp::make_chan<int>());
    for (int i = 0; i < n; ++i)
      gmp::go([ch = channels[static_cast<std::size_t>(i)], i] { ch.send(i); });
    int sum = 0;
    for (int left = n; left > 0; --left) {
      std::vector<gmp::select_case> cases;
      std::size_t called = cases.max_size();
      for (std::size_t i = 0; i < channels.size(); ++i) {
        cases.emplace_back(gmp::on_recv(channels[i], [&, i](std::optional<int> v) {
          sum += *v;
          called = i;
        }));
      }
      const std::size_t chosen = gmp::select(std::span(cases));
      EXPECT_EQ(chosen, called);
      channels[chosen] = {};  // nil: not again
    }
    EXPECT_EQ(sum, n * (n - 1) / 2);
  });
}

TEST_F(select_unit, a_list_of_mixed_cases) {
  auto numbers = gmp::make_chan<int>(1);
  auto words = gmp::make_chan<std::string>(1);
  auto signals = gmp::make_chan<void>();
  std::vector<gmp::select_case> cases;
  std::string got;
  cases.push_back(gmp::on_recv(numbers, [&](std::optional<int> v) { got = std::to_string(*v); }));
  cases.push_back(gmp::on_send(words, "sent", [&] { got = "sent"; }));
  cases.push_back(gmp::on_recv(signals, [&](bool) { got = "signal"; }));
  cases.push_back(gmp::on_timeout(1h));
  EXPECT_EQ(gmp::select(std::span(cases)), 1u);
  EXPECT_EQ(got, "sent");
  numbers.send(4);
  EXPECT_EQ(gmp::select(std::span(cases).first(1)), 0u);
  EXPECT_EQ(got, "4");
  std::vector<gmp::select_case> moved = std::move(cases);
  signals.close();
  EXPECT_EQ(gmp::select(std::span(moved).subspan(2)), 0u);
  EXPECT_EQ(got, "signal");
}

TEST_F(select_unit, too_many_cases_are_refused) {
  std::vector<gmp::select_case> cases;
  for (int i = 0; i < 65'536; ++i) cases.emplace_back(gmp::otherwise());
  EXPECT_THROW(gmp::select(std::span(cases)), std::length_error);
}

TEST_P(select_at, a_list_of_a_thousand_channels) {
  run([] {
    const std::size_t n = 1'000;
    std::vector<gmp::chan<int>> channels;
    std::vector<gmp::select_case> cases;
    int got = 0;
    for (std::size_t i = 0; i < n; ++i) {
      channels.push_back(gmp::make_chan<int>());
      cases.emplace_back(gmp::on_recv(channels[i], [&](std::optional<int> v) { got = *v; }));
    }
    for (int round = 0; round < 10; ++round) {
      const std::size_t from = static_cast<std::size_t>(round) * 97 % n;
      auto sender = gmp::spawn([ch = channels[from], round] { ch.send(round); });
      EXPECT_EQ(gmp::select(std::span(cases)), from);
      EXPECT_EQ(got, round);
      sender.get();
    }
    for (const auto& ch : channels) EXPECT_FALSE(receiver_waits(ch));
  });
}

TEST_P(select_at, timeouts_are_never_early_and_the_earliest_wins) {
  run([] {
    auto ch = gmp::make_chan<int>();
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(gmp::select(gmp::on_timeout(1h), gmp::on_recv(ch), gmp::on_timeout(3ms)), 2u);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 3ms);
    EXPECT_EQ(gmp::select(gmp::on_timeout(1ms)), 0u);
    EXPECT_EQ(gmp::select(gmp::on_recv(ch), gmp::on_timeout(0s)), 1u);
    EXPECT_EQ(gmp::select(gmp::on_recv(ch), gmp::on_timeout(-1s)), 1u);
    bool called = false;
    gmp::select(gmp::on_recv(ch), gmp::on_timeout(std::chrono::duration<double, std::milli>(0.5),
                                                  [&] { called = true; }));
    EXPECT_TRUE(called);
    EXPECT_FALSE(receiver_waits(ch));
    // One that is ready goes before a timeout that is due at once.
    auto full = gmp::make_chan<int>(1);
    full.send(1);
    EXPECT_EQ(gmp::select(gmp::on_timeout(0s), gmp::on_recv(full)), 1u);
  });
}

TEST_P(select_at, a_timeout_that_races_with_a_sender_loses_nothing) {
  run([] {
    const int rounds = scaled(500);
    auto ch = gmp::make_chan<int>();
    auto sender = gmp::spawn([=] {
      int sent = 0;
      for (int i = 0; i < rounds; ++i)
        gmp::select(gmp::on_send(ch, 1, [&] { ++sent; }),
                    gmp::on_timeout(std::chrono::microseconds(i % 30)));
      ch.close();
      return sent;
    });
    int received = 0;
    for (bool open = true; open;) {
      gmp::select(gmp::on_recv(ch,
                               [&](std::optional<int> v) {
                                 open = v.has_value();
                                 received += open;
                               }),
                  gmp::on_timeout(15us));
    }
    EXPECT_EQ(received, sender.get());
  });
}

TEST_F(select_unit, callbacks_are_any_callables_and_their_results_are_dropped) {
  auto ch = gmp::make_chan<int>(3);
  struct object {
    int calls = 0;
    int operator()(std::optional<int> v) {
      calls += v.value_or(0);
      return calls;
    }
  } counter;
  ch.send(1);
  gmp::select(gmp::on_recv(ch, std::ref(counter)));
  EXPECT_EQ(counter.calls, 1);
  ch.send(2);
  gmp::select(gmp::on_recv(
      ch, [owner = std::make_unique<int>(3)](std::optional<int> v) { return *v + *owner; }));
  ch.send(4);
  std::function<void(std::optional<int>)> function = [&](std::optional<int> v) { counter(v); };
  gmp::select(gmp::on_recv(ch, function));
  EXPECT_EQ(counter.calls, 5);
  gmp::select(gmp::on_send(ch, 6, [] { return "dropped"; }));
  gmp::select(gmp::otherwise([] { return std::string("dropped"); }));
  gmp::select(gmp::on_timeout(1us, [] { return 3; }));
  EXPECT_EQ(ch.recv(), 6);
}

TEST_F(select_unit, move_only_values) {
  auto ch = gmp::make_chan<std::unique_ptr<int>>(2);
  gmp::select(gmp::on_send(ch, std::make_unique<int>(1)));
  auto mine = std::make_unique<int>(2);
  gmp::select(gmp::on_send(ch, std::move(mine)));
  std::unique_ptr<int> got;
  gmp::select(
      gmp::on_recv(ch, [&](std::optional<std::unique_ptr<int>> v) { got = std::move(*v); }));
  EXPECT_EQ(*got, 1);
  gmp::select(gmp::on_recv(ch, [&](auto v) { got = std::move(*v); }));
  EXPECT_EQ(*got, 2);
}

TEST_F(select_unit, values_are_converted_to_the_element) {
  auto words = gmp::make_chan<std::string>(1);
  gmp::select(gmp::on_send(words, "literal"));
  EXPECT_EQ(words.recv(), "literal");
  gmp::send_chan<double> numbers = gmp::make_chan<double>(1);
  gmp::select(gmp::on_send(numbers, 1));
  EXPECT_EQ(numbers.len(), 1u);
}

TEST_P(select_at, an_exception_of_a_callback_passes_through) {
  run([] {
    auto ch = gmp::make_chan<int>(1);
    ch.send(1);
    auto fail = [](auto&&...) { throw std::runtime_error("from a callback"); };
    EXPECT_THROW(gmp::select(gmp::on_recv(ch, fail)), std::runtime_error);
    EXPECT_EQ(ch.len(), 0u);  // carried out all the same
    EXPECT_THROW(gmp::select(gmp::on_send(ch, 2, fail)), std::runtime_error);
    EXPECT_EQ(ch.recv(), 2);
    EXPECT_THROW(gmp::select(gmp::otherwise(fail)), std::runtime_error);
    EXPECT_THROW(gmp::select(gmp::on_timeout(1us, fail)), std::runtime_error);
    std::vector<gmp::select_case> cases;
    cases.emplace_back(gmp::otherwise(fail));
    EXPECT_THROW(gmp::select(std::span(cases)), std::runtime_error);
  });
}

TEST_P(select_at, a_callback_may_block_and_select_again) {
  run([] {
    auto outer = gmp::make_chan<int>(1), inner = gmp::make_chan<int>();
    outer.send(1);
    gmp::go([inner] { inner.send(2); });
    int sum = 0;
    gmp::select(gmp::on_recv(outer, [&](std::optional<int> v) {
      sum += *v;
      gmp::select(gmp::on_recv(inner, [&](std::optional<int> w) { sum += *w; }));
    }));
    EXPECT_EQ(sum, 3);
  });
}

}  // namespace
