// Plain channel operations, one behaviour of Go's own tests at a time.
#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class chan_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(chan_conformance, 1u, 2u, 4u);

// Go: test/chan/fifo.go, buffered half.
TEST_P(chan_conformance, buffered_values_come_out_in_order) {
  run([] {
    constexpr int n = 10;
    auto ch = gmp::make_chan<int>(n);
    for (int i = 0; i < n; ++i) ch.send(i);
    for (int i = 0; i < n; ++i) EXPECT_EQ(ch.recv(), i);
  });
}

// Go: test/chan/fifo.go, unbuffered half: each receiver lets the next one start.
TEST_P(chan_conformance, unbuffered_values_reach_receivers_in_order_of_waiting) {
  run([] {
    constexpr int n = 10;
    auto ch = gmp::make_chan<int>();
    auto got = gmp::make_chan<std::pair<int, int>>(n);
    auto in = gmp::make_chan<void>();
    auto start = in;
    for (int i = 0; i < n; ++i) {
      auto out = gmp::make_chan<void>();
      gmp::go([=] {
        in.recv();
        const int value = ch.recv().value();
        got.send({i, value});
        out.send();
      });
      in = out;
    }
    start.send();
    for (int i = 0; i < n; ++i) ch.send(i);
    in.recv();
    for (int i = 0; i < n; ++i) {
      const auto [receiver, value] = got.recv().value();
      EXPECT_EQ(receiver, value);
    }
  });
}

// Waiters of one queue are served first in, first out.
TEST_P(chan_conformance, waiting_receivers_are_served_first_come_first_served) {
  run([] {
    constexpr int n = 20;
    auto ch = gmp::make_chan<int>();
    std::vector<gmp::task<std::optional<int>>> receivers;
    for (int i = 0; i < n; ++i) {
      receivers.push_back(gmp::spawn([ch] { return ch.recv(); }));
      until([&] { return receivers_waiting(ch) == receivers.size(); });
    }
    for (int i = 0; i < n; ++i) ch.send(i);
    for (int i = 0; i < n; ++i) EXPECT_EQ(receivers[static_cast<std::size_t>(i)].get(), i);
  });
}

TEST_P(chan_conformance, waiting_senders_are_served_first_come_first_served) {
  run([] {
    constexpr int n = 20;
    auto ch = gmp::make_chan<int>();
    for (int i = 0; i < n; ++i) {
      gmp::go([ch, i] { ch.send(i); });
      until([&] { return senders_waiting(ch) == static_cast<std::size_t>(i) + 1; });
    }
    for (int i = 0; i < n; ++i) EXPECT_EQ(ch.recv(), i);
  });
}

// Go: test/chan/goroutines.go
TEST_P(chan_conformance, one_value_travels_a_long_chain) {
  run([] {
    const int n = scaled_gs(10'000);
    auto leftmost = gmp::make_chan<int>();
    auto left = leftmost;
    for (int i = 0; i < n; ++i) {
      auto right = gmp::make_chan<int>();
      gmp::go([left, right] { left.send(right.recv().value() + 1); });
      left = right;
    }
    gmp::go([left] { left.send(0); });
    EXPECT_EQ(leftmost.recv(), n);
  });
}

// Go: test/chan/zerosize.go
TEST_P(chan_conformance, elements_may_be_empty) {
  struct empty {};
  run([] {
    auto unbuffered = gmp::make_chan<empty>(0);
    auto buffered = gmp::make_chan<empty>(1);
    EXPECT_TRUE(unbuffered);
    buffered.send(empty{});
    EXPECT_EQ(buffered.len(), 1u);
    EXPECT_TRUE(buffered.recv().has_value());
    gmp::go([unbuffered] { unbuffered.send(empty{}); });
    EXPECT_TRUE(unbuffered.recv().has_value());
  });
}

// Go: test/chancap.go
TEST_P(chan_conformance, length_and_capacity) {
  run([] {
    auto ch = gmp::make_chan<int>(10);
    EXPECT_EQ(ch.len(), 0u);
    EXPECT_EQ(ch.cap(), 10u);
    for (int i = 0; i < 3; ++i) ch.send(i);
    EXPECT_EQ(ch.len(), 3u);
    EXPECT_EQ(ch.cap(), 10u);
    auto unbuffered = gmp::make_chan<int>();
    EXPECT_EQ(unbuffered.len(), 0u);
    EXPECT_EQ(unbuffered.cap(), 0u);
    gmp::chan<int> nil;
    EXPECT_EQ(nil.len(), 0u);
    EXPECT_EQ(nil.cap(), 0u);
    EXPECT_THROW(gmp::make_chan<int>(static_cast<std::size_t>(-1)), std::length_error);
    EXPECT_THROW(gmp::make_chan<int>(std::size_t{1} << 62), std::length_error);
    EXPECT_THROW((gmp::make_chan<std::array<char, 4096>>(std::size_t{1} << 52)), std::length_error);
  });
}

// Go: test/range.go
TEST_P(chan_conformance, a_range_ends_when_the_channel_is_closed_and_drained) {
  run([] {
    auto ch = gmp::make_chan<char>();
    gmp::go([ch] {
      for (char c = 'a'; c <= 'z'; ++c) ch.send(c);
      ch.close();
    });
    std::string text;
    for (char c : ch) text += c;
    EXPECT_EQ(text, "abcdefghijklmnopqrstuvwxyz");
  });
}

// Go: test/range.go, the nil half.
TEST_P(chan_conformance, a_range_over_nil_blocks) {
  run([] {
    std::atomic<bool> started = false, ended = false;
    gmp::go([&started, &ended] {
      struct mark {  // set also when the wait is unwound at the end
        std::atomic<bool>& flag;
        bool normal = false;
        ~mark() {
          if (normal) flag = true;
        }
      } at_exit{ended};
      gmp::chan<int> nil;
      started = true;
      for (int v : nil) static_cast<void>(v);
      at_exit.normal = true;
    });
    until([&] { return started.load(); });
    yield_often();
    EXPECT_FALSE(ended);
  });
}

// Go: test/goprint.go: anything callable can be started.
int counted = 0;
void count_one(gmp::chan<void> done) {
  ++counted;
  done.send();
}
TEST_P(chan_conformance, any_callable_can_be_started) {
  run([] {
    counted = 0;
    struct object {
      int calls = 0;
      void member(gmp::chan<void> done) {
        ++calls;
        done.send();
      }
      void operator()(gmp::chan<void> done, int by) {
        calls += by;
        done.send();
      }
    } target;
    auto done = gmp::make_chan<void>();
    gmp::go(&count_one, done);
    done.recv();
    gmp::go(count_one, done);
    done.recv();
    gmp::go(&object::member, &target, done);
    done.recv();
    gmp::go(std::ref(target), done, 5);
    done.recv();
    EXPECT_EQ(counted, 2);
    EXPECT_EQ(target.calls, 6);
  });
}

void check_blocking_and_failing(std::size_t capacity) {
  auto ch = gmp::make_chan<int>(capacity);
  // A receive from an empty channel waits.
  std::atomic<bool> received_one = false, received_two = false;
  auto one = gmp::spawn([&, ch] {
    ch.recv();
    received_one = true;
  });
  auto two = gmp::spawn([&, ch] {
    ch.recv();
    received_two = true;
  });
  until_receiver_waits(ch);
  yield_often(8);
  ASSERT_FALSE(received_one || received_two);
  ch.send(0);
  ch.send(0);
  one.wait();
  two.wait();
  int value = -1;
  ASSERT_EQ(ch.try_recv(value), gmp::chan_status::would_block);
  ASSERT_EQ(value, -1);
  // A send to a full one waits.
  for (std::size_t i = 0; i < capacity; ++i) ch.send(static_cast<int>(i));
  std::atomic<bool> sent = false;
  auto sender = gmp::spawn([&, ch] {
    ch.send(1'000);
    sent = true;
  });
  until_sender_waits(ch);
  yield_often(8);
  ASSERT_FALSE(sent);
  ASSERT_EQ(ch.len(), capacity);
  int refused = 77;
  ASSERT_FALSE(ch.try_send(refused));
  ASSERT_EQ(refused, 77);
  for (std::size_t i = 0; i < capacity; ++i) ASSERT_EQ(ch.recv(), static_cast<int>(i));
  ASSERT_EQ(ch.recv(), 1'000);
  sender.wait();
}

void check_close(std::size_t capacity) {
  auto ch = gmp::make_chan<int>(capacity);
  for (std::size_t i = 0; i < capacity; ++i) ch.send(static_cast<int>(i));
  ch.close();
  for (std::size_t i = 0; i < capacity; ++i) ASSERT_EQ(ch.recv(), static_cast<int>(i));
  ASSERT_EQ(ch.recv(), std::nullopt);
  int value = -1;
  ASSERT_EQ(ch.try_recv(value), gmp::chan_status::closed);
  // Close wakes a receiver.
  auto again = gmp::make_chan<int>(capacity);
  auto woken = gmp::spawn([again] { return !again.recv().has_value(); });
  until_receiver_waits(again);
  again.close();
  ASSERT_TRUE(woken.get());
}

void check_order(std::size_t capacity) {
  auto ch = gmp::make_chan<int>(capacity);
  gmp::go([ch] {
    for (int i = 0; i < 100; ++i) ch.send(i);
  });
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ch.recv(), i);
}

// Each value arrives as often as it was sent.
void check_many_to_many(std::size_t capacity) {
  constexpr int people = 4;
  constexpr int values = scaled(500);
  auto ch = gmp::make_chan<int>(capacity);
  for (int p = 0; p < people; ++p) {
    gmp::go([ch] {
      for (int i = 0; i < values; ++i) ch.send(i);
    });
  }
  auto seen = gmp::make_chan<std::map<int, int>>();
  for (int p = 0; p < people; ++p) {
    gmp::go([ch, seen] {
      std::map<int, int> mine;
      for (int i = 0; i < values; ++i) ++mine[ch.recv().value()];
      seen.send(std::move(mine));
    });
  }
  std::map<int, int> all;
  for (int p = 0; p < people; ++p) {
    const std::map<int, int> one = seen.recv().value();
    for (auto [value, times] : one) all[value] += times;
  }
  ASSERT_EQ(all.size(), static_cast<std::size_t>(values));
  for (auto [value, times] : all) ASSERT_EQ(times, people) << value;
  ASSERT_EQ(ch.len(), 0u);
}

// Go: TestChan
TEST_P(chan_conformance, every_capacity_blocks_fails_drains_and_orders) {
  run([] {
    for (std::size_t capacity = 0; capacity < 200; capacity += capacity < 20 ? 1 : 30) {
      check_blocking_and_failing(capacity);
      check_close(capacity);
      check_order(capacity);
      check_many_to_many(capacity);
      ASSERT_FALSE(HasFatalFailure()) << "capacity " << capacity;
    }
  });
}

// Go: TestMultiConsumer
TEST_P(chan_conformance, many_consumers_share_one_channel) {
  run([] {
    constexpr int workers = 23;
    const int items = scaled(50'000);
    constexpr std::array primes{2, 3, 7, 13, 27, 31};
    auto queue = gmp::make_chan<int>(workers);
    auto results = gmp::make_chan<int>(workers * 3);
    crowd all;
    for (int w = 0; w < workers; ++w) {
      all.go([=] {
        for (int item : queue) {
          if (primes[static_cast<std::size_t>(item + w) % primes.size()] == item)
            gmp::this_g::yield();
          results.send(item);
        }
      });
    }
    gmp::go([=, &all] {
      for (int i = 0; i < items; ++i)
        queue.send(primes[static_cast<std::size_t>(i) % primes.size()]);
      queue.close();
      all.wait();
      results.close();
    });
    long expected = 0, sum = 0, count = 0;
    for (int i = 0; i < items; ++i) expected += primes[static_cast<std::size_t>(i) % primes.size()];
    for (int value : results) {
      ++count;
      sum += value;
    }
    EXPECT_EQ(count, items);
    EXPECT_EQ(sum, expected);
  });
}

// Go: TestNonblockRecvRace: a channel that holds a value and is then closed is never "not ready".
TEST_P(chan_conformance, a_closed_channel_is_never_found_not_ready) {
  run([] {
    const int rounds = scaled(3'000);
    std::atomic<int> wrong = 0;
    for (int i = 0; i < rounds; ++i) {
      auto ch = gmp::make_chan<int>(1);
      ch.send(1);
      auto racer = gmp::spawn([ch, &wrong] {
        int value = 0;
        if (ch.try_recv(value) == gmp::chan_status::would_block) ++wrong;
      });
      ch.close();
      ch.recv();
      racer.wait();
    }
    EXPECT_EQ(wrong, 0);
  });
}

// Go: TestChanSendInterface
struct any_error {
  virtual ~any_error() = default;
  virtual int code() const { return 1; }
};
struct my_error : any_error {
  int code() const override { return 2; }
};
TEST_P(chan_conformance, a_refused_polymorphic_value_stays_with_its_sender) {
  run([] {
    auto ch = gmp::make_chan<std::unique_ptr<any_error>>(1);
    ch.send(std::make_unique<my_error>());
    std::unique_ptr<any_error> second = std::make_unique<my_error>();
    EXPECT_FALSE(ch.try_send(second));
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(gmp::select(gmp::on_send(ch, std::make_unique<my_error>()), gmp::otherwise()), 1u);
    auto other = gmp::make_chan<int>();
    EXPECT_EQ(gmp::select(gmp::on_send(ch, std::make_unique<my_error>()), gmp::on_send(other, 1),
                          gmp::otherwise()),
              2u);
    EXPECT_EQ(ch.recv().value()->code(), 2);
  });
}

}  // namespace
