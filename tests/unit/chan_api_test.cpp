// The interface of channels: views, copies, ranges, limits of time.
#include <algorithm>
#include <ranges>
#include <type_traits>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using gmp::chan_status;

class chan_api : public in_runtime {};

// Go: test/chan/perm.go is about what must not compile.
template <class C>
concept can_send = requires(C ch) {
  ch.send(1);
};
template <class C>
concept can_receive = requires(C ch) {
  ch.recv();
};
template <class C>
concept can_close = requires(C ch) {
  ch.close();
};

static_assert(can_send<gmp::chan<int>> && can_receive<gmp::chan<int>> && can_close<gmp::chan<int>>);
static_assert(can_send<gmp::send_chan<int>> && !can_receive<gmp::send_chan<int>> &&
              can_close<gmp::send_chan<int>>);
static_assert(!can_send<gmp::recv_chan<int>> && can_receive<gmp::recv_chan<int>> &&
              !can_close<gmp::recv_chan<int>>);
static_assert(std::is_convertible_v<gmp::chan<int>, gmp::send_chan<int>>);
static_assert(std::is_convertible_v<gmp::chan<int>, gmp::recv_chan<int>>);
static_assert(!std::is_convertible_v<gmp::recv_chan<int>, gmp::chan<int>>);
static_assert(!std::is_convertible_v<gmp::send_chan<int>, gmp::chan<int>>);
static_assert(!std::is_convertible_v<gmp::recv_chan<int>, gmp::send_chan<int>>);
static_assert(!std::is_convertible_v<gmp::chan<int>, gmp::recv_chan<long>>);
static_assert(!std::is_convertible_v<gmp::chan<int>, bool>, "only explicitly");
static_assert(std::is_nothrow_default_constructible_v<gmp::chan<int>>);
static_assert(std::is_nothrow_move_constructible_v<gmp::chan<int>>);
static_assert(std::ranges::input_range<gmp::chan<int>>);
static_assert(std::ranges::input_range<gmp::recv_chan<std::unique_ptr<int>>>);
static_assert(std::is_base_of_v<std::logic_error, gmp::closed_channel>);
static_assert(std::is_base_of_v<std::logic_error, gmp::nil_channel>);

TEST_F(chan_api, copies_and_views_share_one_channel) {
  auto a = gmp::make_chan<int>(4);
  auto b = a;
  gmp::send_chan<int> in = a;
  gmp::recv_chan<int> out = b;
  in.send(1);
  a.send(2);
  EXPECT_EQ(b.len(), 2u);
  EXPECT_EQ(out.len(), 2u);
  EXPECT_EQ(in.cap(), 4u);
  EXPECT_EQ(out.recv(), 1);
  EXPECT_TRUE(a == b);
  EXPECT_FALSE(a == gmp::make_chan<int>(4));
  EXPECT_TRUE(in == gmp::send_chan<int>(b));
  auto moved = std::move(b);
  EXPECT_FALSE(b);
  EXPECT_EQ(moved.recv(), 2);
  in.close();
  EXPECT_EQ(out.recv(), std::nullopt);
  gmp::chan<int> nil;
  EXPECT_FALSE(nil);
  EXPECT_TRUE(nil == gmp::chan<int>());
}

TEST_F(chan_api, the_last_reference_frees_the_elements) {
  auto element = std::make_shared<int>(1);
  auto ch = gmp::make_chan<std::shared_ptr<int>>(2);
  gmp::recv_chan<std::shared_ptr<int>> view = ch;
  ch.send(element);
  EXPECT_EQ(element.use_count(), 2);
  ch = {};
  EXPECT_EQ(element.use_count(), 2);
  view = {};
  EXPECT_EQ(element.use_count(), 1);
}

TEST_F(chan_api, what_is_not_received_leaves_the_target_alone) {
  auto ch = gmp::make_chan<std::string>(1);
  std::string text = "before";
  std::optional<std::string> maybe = "before";
  EXPECT_EQ(ch.try_recv(text), chan_status::would_block);
  EXPECT_EQ(ch.try_recv(maybe), chan_status::would_block);
  EXPECT_EQ(ch.recv_for(maybe, 1ms), chan_status::would_block);
  EXPECT_EQ(ch.recv_until(maybe, std::chrono::steady_clock::now()), chan_status::would_block);
  ch.close();
  EXPECT_EQ(ch.try_recv(text), chan_status::closed);
  EXPECT_EQ(ch.try_recv(maybe), chan_status::closed);
  EXPECT_EQ(ch.recv_for(maybe, 1ms), chan_status::closed);
  EXPECT_EQ(text, "before");
  EXPECT_EQ(maybe, "before");
}

TEST_F(chan_api, what_is_not_sent_stays_with_the_sender) {
  auto ch = gmp::make_chan<std::string>(1);
  std::string text(100, 'a');
  EXPECT_TRUE(ch.try_send(text));
  text.assign(100, 'b');
  EXPECT_FALSE(ch.try_send(text));
  EXPECT_FALSE(ch.send_for(text, 1ms));
  EXPECT_FALSE(ch.try_send(std::move(text)));
  EXPECT_EQ(text, std::string(100, 'b'));
  ch.recv();
  EXPECT_TRUE(ch.send_for(std::move(text), 1ms));
  EXPECT_EQ(ch.recv(), std::string(100, 'b'));
  EXPECT_TRUE(ch.try_send("from a temporary"));
  EXPECT_EQ(ch.recv(), "from a temporary");
}

TEST_F(chan_api, limits_of_time_in_a_g_are_kept_and_never_early) {
  for (unsigned procs : {1u, 2u}) {
    run_at(procs, [] {
      auto ch = gmp::make_chan<int>();
      std::optional<int> got;
      int value = 1;
      auto start = std::chrono::steady_clock::now();
      EXPECT_EQ(ch.recv_for(got, 5ms), chan_status::would_block);
      EXPECT_GE(std::chrono::steady_clock::now() - start, 5ms);
      start = std::chrono::steady_clock::now();
      EXPECT_FALSE(ch.send_for(value, 5ms));
      EXPECT_GE(std::chrono::steady_clock::now() - start, 5ms);
      EXPECT_FALSE(ch.send_for(value, 0s));
      EXPECT_FALSE(ch.send_for(value, -1s));
      EXPECT_EQ(ch.recv_for(got, std::chrono::duration<double>(-1)), chan_status::would_block);
      auto sender = gmp::spawn([ch] { ch.send(3); });
      EXPECT_EQ(ch.recv_for(got, std::chrono::hours::max()), chan_status::ok);
      EXPECT_EQ(got, 3);
      sender.get();
      EXPECT_FALSE(receiver_waits(ch));
      EXPECT_FALSE(sender_waits(ch));
    });
  }
}

TEST_F(chan_api, a_receive_that_timed_out_takes_nothing_later) {
  run_at(2, [] {
    const int rounds = scaled(300);
    int received = 0, sent = 0;
    auto ch = gmp::make_chan<int>();
    auto sender = gmp::spawn([&, ch] {
      for (int i = 0; i < rounds; ++i) {
        int value = i;
        sent += ch.send_for(value, std::chrono::microseconds(i % 50));
      }
      ch.close();
    });
    for (;;) {
      std::optional<int> got;
      const chan_status status = ch.recv_for(got, 20us);
      if (status == chan_status::closed) break;
      received += status == chan_status::ok;
    }
    sender.get();
    EXPECT_EQ(received, sent);
  });
}

TEST_F(chan_api, signals_carry_nothing) {
  run_at(2, [] {
    auto ch = gmp::make_chan<void>(2);
    EXPECT_TRUE(ch.try_send());
    ch.send();
    EXPECT_EQ(ch.len(), 2u);
    EXPECT_FALSE(ch.try_send());
    EXPECT_FALSE(ch.send_for(1ms));
    EXPECT_TRUE(ch.recv());
    EXPECT_EQ(ch.try_recv(), chan_status::ok);
    EXPECT_EQ(ch.try_recv(), chan_status::would_block);
    EXPECT_EQ(ch.recv_for(1ms), chan_status::would_block);
    bool signal = false;
    gmp::recv_chan<void> view = ch;
    ch.send();
    EXPECT_EQ(gmp::select(gmp::on_recv(view, [&](bool open) { signal = open; })), 0u);
    EXPECT_TRUE(signal);
    EXPECT_EQ(gmp::select(gmp::on_send(ch, [&] { signal = false; })), 0u);
    EXPECT_FALSE(signal);
    ch.close();
    EXPECT_TRUE(ch.recv());
    EXPECT_FALSE(ch.recv());
    EXPECT_THROW(ch.send(), gmp::closed_channel);
    signal = true;
    gmp::select(gmp::on_recv(view, [&](bool open) { signal = open; }));
    EXPECT_FALSE(signal);
    auto huge = gmp::make_chan<void>(std::size_t{1} << 40);  // nothing to store
    EXPECT_EQ(huge.cap(), std::size_t{1} << 40);
  });
}

TEST_F(chan_api, ranges_and_their_adaptors) {
  run_at(1, [] {
    auto ch = gmp::make_chan<int>(10);
    for (int i = 0; i < 10; ++i) ch.send(i);
    ch.close();
    int sum = 0;
    for (int v : ch | std::views::filter([](int i) { return i % 2 == 0; })) sum += v;
    EXPECT_EQ(sum, 20);
    auto owners = gmp::make_chan<std::unique_ptr<int>>(3);
    for (int i = 1; i <= 3; ++i) owners.send(std::make_unique<int>(i));
    owners.close();
    std::vector<std::unique_ptr<int>> kept;
    for (auto&& owner : owners) kept.push_back(std::move(owner));
    EXPECT_EQ(kept.size(), 3u);
    EXPECT_EQ(*kept[2], 3);
    gmp::recv_chan<int> drained = ch;
    EXPECT_TRUE(drained.begin() == drained.end());
  });
}

TEST_F(chan_api, impossible_capacities_are_refused) {
  EXPECT_THROW(gmp::make_chan<char>(~std::size_t{0}), std::length_error);
  EXPECT_THROW(gmp::make_chan<long>((~std::size_t{0}) / sizeof(long) + 2), std::length_error);
  EXPECT_NO_THROW(gmp::make_chan<char>(1'000'000));
}

}  // namespace
