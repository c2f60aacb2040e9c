// Operations that do not wait: what they find must be true at one instant.
#include <string>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class nonblock_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(nonblock_conformance, 1u, 2u, 4u);

using gmp::chan_status;

struct block {
  long words[5] = {};
  bool operator==(const block&) const = default;
};
struct pair_of_values {
  std::string text;
  double number = 0;
  bool operator==(const pair_of_values&) const = default;
};

// One type's way through: empty, filled, partner waiting, on capacities 0 and 1.
template <class T>
void check_type(T value) {
  for (std::size_t capacity : {0u, 1u}) {
    auto ch = gmp::make_chan<T>(capacity);
    std::optional<T> got;
    ASSERT_EQ(ch.try_recv(got), chan_status::would_block);
    ASSERT_FALSE(got);
    T offered = value;
    if (capacity == 0) {
      ASSERT_FALSE(ch.try_send(offered));
      ASSERT_EQ(offered, value);
    } else {
      ASSERT_TRUE(ch.try_send(offered));
      offered = value;
      ASSERT_FALSE(ch.try_send(offered));
      ASSERT_EQ(offered, value);
      ASSERT_EQ(ch.try_recv(got), chan_status::ok);
      ASSERT_EQ(got, value);
    }
    // A receiver waits: the value reaches it.
    auto receiver = gmp::spawn([ch] { return ch.recv(); });
    until_receiver_waits(ch);
    offered = value;
    ASSERT_TRUE(ch.try_send(offered));
    ASSERT_EQ(receiver.get(), value);
    // A sender waits: its value is there, and it goes on only afterwards.
    if (capacity == 1) ch.send(value);
    std::atomic<bool> sent = false;
    auto sender = gmp::spawn([ch, value, &sent] {
      ch.send(value);
      sent = true;
    });
    until_sender_waits(ch);
    ASSERT_FALSE(sent);
    got.reset();
    ASSERT_EQ(ch.try_recv(got), chan_status::ok);
    ASSERT_EQ(got, value);
    sender.wait();
    ASSERT_TRUE(sent);
  }
}

// Go: test/chan/nonblock.go
TEST_P(nonblock_conformance, ready_neither_too_early_nor_too_late_for_many_types) {
  run([] {
    check_type<int>(7);
    check_type<char>('x');
    check_type<long>(1L << 40);
    check_type<bool>(true);
    check_type<double>(2.5);
    check_type<std::string>("a text that is too long for the small string optimisation");
    check_type<block>({{1, 2, 3, 4, 5}});
    check_type<pair_of_values>({"hello", 4.25});
    check_type<std::shared_ptr<int>>(std::make_shared<int>(3));
    check_type<std::vector<int>>({1, 2, 3});
  });
}

// The same through select with a default.
TEST_P(nonblock_conformance, a_select_with_default_does_what_try_does) {
  run([] {
    for (std::size_t capacity : {0u, 1u}) {
      auto ch = gmp::make_chan<int>(capacity);
      std::optional<int> got;
      auto receive = [&] {
        return gmp::select(gmp::on_recv(ch, [&](std::optional<int> v) { got = v; }),
                           gmp::otherwise());
      };
      EXPECT_EQ(receive(), 1u);
      auto send = [&] { return gmp::select(gmp::on_send(ch, 5), gmp::otherwise()); };
      if (capacity == 1) {
        EXPECT_EQ(send(), 0u);
      }
      EXPECT_EQ(send(), 1u);
      if (capacity == 1) {
        EXPECT_EQ(receive(), 0u);
        EXPECT_EQ(got, 5);
      }
      auto receiver = gmp::spawn([ch] { return ch.recv(); });
      until_receiver_waits(ch);
      EXPECT_EQ(send(), 0u);
      EXPECT_EQ(receiver.get(), 5);
    }
  });
}

// Go: TestNonblockRecvRace, second half: receive against receive and close.
TEST_P(nonblock_conformance, two_receivers_and_a_close_leave_no_gap) {
  run([] {
    const int rounds = scaled(3'000);
    std::atomic<int> wrong = 0;
    for (int i = 0; i < rounds; ++i) {
      auto ch = gmp::make_chan<int>(1);
      ch.send(1);
      auto racer = gmp::spawn([ch, &wrong] {
        int value = 0;
        if (ch.try_recv(value) == chan_status::would_block) ++wrong;
      });
      ch.close();
      int value = 0;
      if (ch.try_recv(value) == chan_status::would_block) ++wrong;
      racer.wait();
      if (ch.try_recv(value) != chan_status::closed) ++wrong;
    }
    EXPECT_EQ(wrong, 0);
  });
}

// Go: TestNonblockSelectRace: at every instant one of the two is ready, so the default must not
// run.
TEST_P(nonblock_conformance, a_default_looks_at_all_cases_at_once) {
  run([] {
    const int rounds = scaled(10'000);
    std::atomic<int> wrong = 0;
    for (int i = 0; i < rounds; ++i) {
      auto one = gmp::make_chan<int>(1);
      auto two = gmp::make_chan<int>(1);
      one.send(1);
      auto racer = gmp::spawn([one, two, &wrong] {
        if (gmp::select(gmp::on_recv(one), gmp::on_recv(two), gmp::otherwise()) == 2) ++wrong;
      });
      two.send(1);
      int value = 0;
      static_cast<void>(one.try_recv(value));
      racer.wait();
    }
    EXPECT_EQ(wrong, 0);
  });
}

// Go: TestNonblockSelectRace2: the same with a close in place of the send.
TEST_P(nonblock_conformance, a_default_sees_a_close_that_precedes_the_emptying) {
  run([] {
    const int rounds = scaled(10'000);
    std::atomic<int> wrong = 0;
    for (int i = 0; i < rounds; ++i) {
      auto one = gmp::make_chan<int>(1);
      auto two = gmp::make_chan<int>();
      one.send(1);
      auto racer = gmp::spawn([one, two, &wrong] {
        if (gmp::select(gmp::on_recv(one), gmp::on_recv(two), gmp::otherwise()) == 2) ++wrong;
      });
      two.close();
      int value = 0;
      static_cast<void>(one.try_recv(value));
      racer.wait();
    }
    EXPECT_EQ(wrong, 0);
  });
}

// The same for the dynamic form, with the cases in either order.
TEST_P(nonblock_conformance, the_dynamic_form_looks_at_all_cases_at_once) {
  run([] {
    const int rounds = scaled(5'000);
    std::atomic<int> wrong = 0;
    for (int i = 0; i < rounds; ++i) {
      auto one = gmp::make_chan<int>(1);
      auto two = gmp::make_chan<int>(1);
      one.send(1);
      auto racer = gmp::spawn([one, two, i, &wrong] {
        std::vector<gmp::select_case> cases;
        cases.emplace_back(gmp::on_recv(i % 2 == 0 ? one : two));
        cases.emplace_back(gmp::on_recv(i % 2 == 0 ? two : one));
        cases.emplace_back(gmp::otherwise());
        if (gmp::select(std::span(cases)) == 2) ++wrong;
      });
      two.send(1);
      int value = 0;
      static_cast<void>(one.try_recv(value));
      racer.wait();
    }
    EXPECT_EQ(wrong, 0);
  });
}

}  // namespace
