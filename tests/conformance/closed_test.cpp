// Closed and nil channels, in every form of the operations.
#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using gmp::chan_status;

class closed_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(closed_conformance, 1u, 2u, 4u);

// The forms in which an element can be received. Each tells: ok, closed or would_block, and the
// value.
struct received {
  chan_status status;
  int value = 0;
  bool operator==(const received&) const = default;
};

using receive_form = received (*)(const gmp::chan<int>&);

received plain(const gmp::chan<int>& ch) {
  auto v = ch.recv();
  return v ? received{chan_status::ok, *v} : received{chan_status::closed};
}
received trying(const gmp::chan<int>& ch) {
  int value = 0;
  const chan_status status = ch.try_recv(value);
  return {status, value};
}
received limited(const gmp::chan<int>& ch) {
  std::optional<int> value;
  const chan_status status = ch.recv_for(value, 1h);
  return {status, value.value_or(0)};
}
received selecting(const gmp::chan<int>& ch) {
  received out{chan_status::closed};
  gmp::select(gmp::on_recv(ch, [&](std::optional<int> v) {
    if (v) out = {chan_status::ok, *v};
  }));
  return out;
}
received selecting_from_two(const gmp::chan<int>& ch) {
  received out{chan_status::closed};
  gmp::chan<int> nil;
  gmp::select(gmp::on_recv(nil), gmp::on_recv(ch, [&](std::optional<int> v) {
                if (v) out = {chan_status::ok, *v};
              }));
  return out;
}
received selecting_or_not(const gmp::chan<int>& ch) {
  received out{chan_status::closed};
  gmp::select(gmp::on_recv(ch,
                           [&](std::optional<int> v) {
                             if (v) out = {chan_status::ok, *v};
                           }),
              gmp::otherwise([&] { out = {chan_status::would_block}; }));
  return out;
}
received selecting_from_a_list(const gmp::chan<int>& ch) {
  received out{chan_status::closed};
  std::vector<gmp::select_case> cases;
  cases.emplace_back(gmp::on_recv(gmp::recv_chan<int>(ch), [&](std::optional<int> v) {
    if (v) out = {chan_status::ok, *v};
  }));
  gmp::select(std::span(cases));
  return out;
}
received ranging(const gmp::chan<int>& ch) {
  for (int v : ch) return {chan_status::ok, v};
  return {chan_status::closed};
}

constexpr receive_form receive_forms[] = {
    plain,  trying, limited, selecting, selecting_from_two, selecting_or_not, selecting_from_a_list,
    ranging};

using send_form = void (*)(const gmp::chan<int>&);

constexpr send_form send_forms[] = {
    [](const gmp::chan<int>& ch) { ch.send(2); },
    [](const gmp::chan<int>& ch) { static_cast<void>(ch.try_send(2)); },
    [](const gmp::chan<int>& ch) { static_cast<void>(ch.send_for(2, 1h)); },
    [](const gmp::chan<int>& ch) { gmp::select(gmp::on_send(ch, 2)); },
    [](const gmp::chan<int>& ch) { gmp::select(gmp::on_send(ch, 2), gmp::otherwise()); },
    [](const gmp::chan<int>& ch) {
      gmp::select(gmp::on_send(gmp::chan<int>(), 1), gmp::on_send(ch, 2));
    },
    [](const gmp::chan<int>& ch) {
      std::vector<gmp::select_case> cases;
      cases.emplace_back(gmp::on_send(ch, 2));
      gmp::select(std::span(cases));
    },
};

// Go: test/closedchan.go: values first, then closed for ever.
TEST_P(closed_conformance, every_receive_form_drains_then_reports_closed) {
  run([] {
    for (std::size_t capacity : {1u, 2u, 5u}) {
      for (receive_form form : receive_forms) {
        auto ch = gmp::make_chan<int>(capacity);
        for (std::size_t i = 0; i < capacity; ++i) ch.send(static_cast<int>(i) + 10);
        ch.close();
        for (std::size_t i = 0; i < capacity; ++i)
          EXPECT_EQ(form(ch), (received{chan_status::ok, static_cast<int>(i) + 10}));
        for (int i = 0; i < 3; ++i) EXPECT_EQ(form(ch), received{chan_status::closed});
      }
    }
  });
}

// Go: test/closedchan.go on an unbuffered channel.
TEST_P(closed_conformance, every_receive_form_sees_an_unbuffered_close) {
  run([] {
    for (receive_form form : receive_forms) {
      auto ch = gmp::make_chan<int>();
      ch.close();
      EXPECT_EQ(form(ch), received{chan_status::closed});
      EXPECT_EQ(form(ch), received{chan_status::closed});
    }
  });
}

// Go: test/closedchan.go: a send on a closed channel fails in every form and leaves nothing behind.
TEST_P(closed_conformance, every_send_form_throws_and_leaves_nothing) {
  run([] {
    for (std::size_t capacity : {0u, 1u, 3u}) {
      for (send_form form : send_forms) {
        auto ch = gmp::make_chan<int>(capacity);
        if (capacity > 1) ch.send(1);
        ch.close();
        EXPECT_THROW(form(ch), gmp::closed_channel);
        EXPECT_THROW(form(ch), gmp::closed_channel);
        EXPECT_EQ(ch.len(), capacity > 1 ? 1u : 0u);
        if (capacity > 1) {
          EXPECT_EQ(ch.recv(), 1);
        }
        EXPECT_EQ(ch.recv(), std::nullopt);
      }
    }
  });
}

// Go: test/closedchan.go
TEST_P(closed_conformance, close_twice_and_close_of_nil_throw) {
  run([] {
    auto ch = gmp::make_chan<int>();
    ch.close();
    EXPECT_THROW(ch.close(), gmp::closed_channel);
    gmp::chan<int> nil;
    EXPECT_THROW(nil.close(), gmp::nil_channel);
    gmp::send_chan<int> view;
    EXPECT_THROW(view.close(), gmp::nil_channel);
    gmp::chan<void> signal;
    EXPECT_THROW(signal.close(), gmp::nil_channel);
  });
}

// Go: TestChan, close with waiters: all receivers wake, each with "closed".
TEST_P(closed_conformance, close_wakes_every_receiver_whatever_its_form) {
  run([] {
    for (int round = 0; round < 20; ++round) {
      auto ch = gmp::make_chan<int>();
      std::vector<gmp::task<received>> waiters;
      for (receive_form form : receive_forms) {
        if (form == trying || form == selecting_or_not) continue;
        waiters.push_back(gmp::spawn([ch, form] { return form(ch); }));
      }
      until([&] { return receivers_waiting(ch) == waiters.size(); });
      ch.close();
      for (auto& each : waiters) EXPECT_EQ(each.get(), received{chan_status::closed});
    }
  });
}

// Go: "send on closed channel" reaches a sender that was waiting already.
TEST_P(closed_conformance, close_fails_every_waiting_sender) {
  run([] {
    for (int round = 0; round < 20; ++round) {
      auto ch = gmp::make_chan<int>(1);
      ch.send(1);
      std::vector<gmp::task<void>> waiters;
      for (std::size_t i = 0; i < std::size(send_forms); ++i) {
        if (i == 1 || i == 4) continue;  // these do not wait
        waiters.push_back(gmp::spawn([ch, i] { send_forms[i](ch); }));
      }
      until([&] { return senders_waiting(ch) == waiters.size(); });
      ch.close();
      for (auto& each : waiters) EXPECT_THROW(each.get(), gmp::closed_channel);
      EXPECT_EQ(ch.recv(), 1);
      EXPECT_EQ(ch.recv(), std::nullopt);
    }
  });
}

// A close races with a send: the value either arrives or the sender is told.
TEST_P(closed_conformance, a_send_that_races_with_close_arrives_or_throws) {
  run([] {
    const int rounds = scaled(2'000);
    int arrived = 0, refused = 0;
    for (int i = 0; i < rounds; ++i) {
      auto ch = gmp::make_chan<int>(1);
      auto sender = gmp::spawn([ch] {
        try {
          ch.send(1);
          return true;
        } catch (const gmp::closed_channel&) {
          return false;
        }
      });
      if (i % 2 == 0) gmp::this_g::yield();
      ch.close();
      const bool sent = sender.get();
      EXPECT_EQ(ch.recv().has_value(), sent);
      ++(sent ? arrived : refused);
    }
    EXPECT_EQ(arrived + refused, rounds);
  });
}

// Go: test/chan/select3.go, nil rows: nil never becomes ready.
TEST_P(closed_conformance, nil_blocks_every_waiting_form) {
  run([] {
    std::atomic<int> passed = 0, started = 0;
    const gmp::chan<int> nil;
    for (receive_form form : receive_forms) {
      if (form == trying || form == selecting_or_not || form == limited) continue;
      gmp::go([=, &passed, &started] {
        ++started;
        form(nil);
        ++passed;
      });
    }
    for (std::size_t i : {0u, 3u}) {
      gmp::go([=, &passed, &started] {
        ++started;
        send_forms[i](nil);
        ++passed;
      });
    }
    until([&] { return started == 7; });
    yield_often();
    EXPECT_EQ(passed, 0);
  });
}

TEST_P(closed_conformance, nil_never_waits_where_nobody_wants_to) {
  run([] {
    const gmp::chan<int> nil;
    int value = 1;
    std::optional<int> maybe;
    EXPECT_FALSE(nil);
    EXPECT_EQ(nil.try_recv(value), chan_status::would_block);
    EXPECT_FALSE(nil.try_send(value));
    EXPECT_EQ(nil.recv_for(maybe, 1ms), chan_status::would_block);
    EXPECT_FALSE(nil.send_for(value, 1ms));
    EXPECT_EQ(gmp::select(gmp::on_recv(nil), gmp::on_send(nil, 1), gmp::otherwise()), 2u);
    EXPECT_EQ(gmp::select(gmp::on_recv(nil), gmp::on_timeout(1ms)), 1u);
  });
}

}  // namespace
