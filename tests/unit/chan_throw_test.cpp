// A move that throws leaves the channel usable and loses no other element.
#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using gmp::chan_status;

class chan_throw : public at_procs {};
GMPSCHED_TEST_AT_PROCS(chan_throw, 1u, 2u);

// Its move throws when its fuse has burnt down to zero; every move burns one.
struct fragile {
  static constexpr int never = 1 << 20;
  explicit fragile(int v, int moves = never) : value(v), fuse(moves) { ++alive; }
  fragile(fragile&& other) : value(other.value), fuse(other.fuse - 1) {
    if (other.fuse <= 0) throw std::runtime_error("broken in transit");
    ++alive;
  }
  ~fragile() { --alive; }
  int value;
  int fuse;
  inline static std::atomic<int> alive = 0;
};

// Sends a fragile in place: the call's own parameter costs no move.
void send(const gmp::chan<fragile>& ch, int value, int moves = fragile::never) {
  fragile element(value, moves);
  if (!ch.send_for(element, 1h)) FAIL();
}

TEST_P(chan_throw, into_the_buffer) {
  run([] {
    {
      auto ch = gmp::make_chan<fragile>(3);
      send(ch, 1);
      EXPECT_THROW(send(ch, 2, 0), std::runtime_error);
      EXPECT_EQ(ch.len(), 1u);
      send(ch, 3);
      EXPECT_EQ(ch.recv()->value, 1);
      EXPECT_EQ(ch.recv()->value, 3);
      fragile unready(4, 0);
      EXPECT_THROW(static_cast<void>(ch.try_send(unready)), std::runtime_error);
      EXPECT_EQ(ch.len(), 0u);
      EXPECT_THROW(gmp::select(gmp::on_send(ch, fragile(5, 1))), std::runtime_error);
      EXPECT_EQ(ch.len(), 0u);
    }
    EXPECT_EQ(fragile::alive, 0);
  });
}

TEST_P(chan_throw, out_of_the_buffer_the_element_stays_first) {
  run([] {
    {
      auto ch = gmp::make_chan<fragile>(3);
      send(ch, 1, 1);  // one move: into the buffer
      send(ch, 2);
      std::optional<fragile> got;
      EXPECT_THROW(static_cast<void>(ch.recv()), std::runtime_error);
      EXPECT_THROW(static_cast<void>(ch.try_recv(got)), std::runtime_error);
      EXPECT_THROW(gmp::select(gmp::on_recv(ch)), std::runtime_error);
      EXPECT_FALSE(got);
      EXPECT_EQ(ch.len(), 2u);
      EXPECT_TRUE(ch);
    }
    EXPECT_EQ(fragile::alive, 0);
  });
}

TEST_P(chan_throw, to_a_waiting_receiver_who_then_gets_the_next) {
  run([] {
    {
      auto ch = gmp::make_chan<fragile>();
      auto receiver = gmp::spawn([ch] { return ch.recv().value().value; });
      until_receiver_waits(ch);
      EXPECT_THROW(send(ch, 1, 0), std::runtime_error);
      send(ch, 2);
      EXPECT_EQ(receiver.get(), 2);
    }
    EXPECT_EQ(fragile::alive, 0);
  });
}

TEST_P(chan_throw, to_a_waiting_select_which_then_gets_the_next) {
  run([] {
    {
      auto ch = gmp::make_chan<fragile>(), other = gmp::make_chan<fragile>();
      auto receiver = gmp::spawn([=] {
        int value = 0;
        gmp::select(
            gmp::on_recv(ch, [&](std::optional<fragile> v) { value = v.value().value; }),
            gmp::on_recv(other, [&](std::optional<fragile> v) { value = -v.value().value; }));
        return value;
      });
      until_receiver_waits(ch);
      EXPECT_THROW(send(ch, 1, 0), std::runtime_error);
      send(other, 2);
      EXPECT_EQ(receiver.get(), -2);
      EXPECT_FALSE(receiver_waits(ch));
    }
    EXPECT_EQ(fragile::alive, 0);
  });
}

TEST_P(chan_throw, from_a_waiting_sender) {
  run([] {
    {
      auto ch = gmp::make_chan<fragile>();
      auto sender = gmp::spawn([ch] {
        try {
          send(ch, 1, 0);
          return false;
        } catch (const std::runtime_error&) {
          return true;
        }
      });
      until_sender_waits(ch);
      std::optional<fragile> got;
      EXPECT_THROW(static_cast<void>(ch.try_recv(got)), std::runtime_error);
      EXPECT_FALSE(got);
      ch.close();  // the sender waits on, or has met its exception
      EXPECT_THROW(sender.get(), gmp::closed_channel);
    }
    EXPECT_EQ(fragile::alive, 0);
  });
}

// A slot becomes free and the waiting sender's element cannot move up: the sender is told, the
// receiver is not.
TEST_P(chan_throw, when_a_waiting_senders_element_moves_up) {
  run([] {
    {
      auto ch = gmp::make_chan<fragile>(1);
      send(ch, 1);
      auto broken = gmp::spawn([ch] { send(ch, 2, 0); });
      until([&] { return senders_waiting(ch) == 1; });
      auto whole = gmp::spawn([ch] { send(ch, 3); });
      until([&] { return senders_waiting(ch) == 2; });
      EXPECT_EQ(ch.recv()->value, 1);
      EXPECT_THROW(broken.get(), std::runtime_error);
      whole.get();  // the slot is its own now
      EXPECT_EQ(ch.recv()->value, 3);
      EXPECT_EQ(ch.len(), 0u);
    }
    EXPECT_EQ(fragile::alive, 0);
  });
}

TEST_P(chan_throw, when_a_waiting_selects_element_moves_up) {
  run([] {
    {
      auto ch = gmp::make_chan<fragile>(1), other = gmp::make_chan<fragile>();
      send(ch, 1);
      // One move: into the case.
      auto broken =
          gmp::spawn([=] { gmp::select(gmp::on_send(ch, fragile(2, 1)), gmp::on_recv(other)); });
      until([&] { return senders_waiting(ch) == 1; });
      auto whole = gmp::spawn([ch] { send(ch, 3); });
      until([&] { return senders_waiting(ch) == 2; });
      EXPECT_EQ(ch.recv()->value, 1);
      EXPECT_THROW(broken.get(), std::runtime_error);
      whole.get();
      EXPECT_EQ(ch.recv()->value, 3);
      EXPECT_FALSE(receiver_waits(other));
    }
    EXPECT_EQ(fragile::alive, 0);
  });
}

// The same in a plain send, whose waiter no select owns.
TEST_P(chan_throw, when_a_plain_senders_element_moves_up) {
  run([] {
    {
      auto ch = gmp::make_chan<fragile>(1);
      ch.send(fragile(1));
      auto broken = gmp::spawn([ch] { ch.send(fragile(2, 0)); });
      until([&] { return senders_waiting(ch) == 1; });
      auto whole = gmp::spawn([ch] { ch.send(fragile(3)); });
      until([&] { return senders_waiting(ch) == 2; });
      EXPECT_EQ(ch.recv()->value, 1);
      EXPECT_THROW(broken.get(), std::runtime_error);
      whole.get();
      EXPECT_EQ(ch.recv()->value, 3);
    }
    EXPECT_EQ(fragile::alive, 0);
  });
}

TEST_P(chan_throw, many_broken_elements_among_whole_ones) {
  run([] {
    {
      auto ch = gmp::make_chan<fragile>(2);
      const int n = 100;
      std::atomic<int> broken = 0;
      crowd senders;
      for (int s = 0; s < 4; ++s) {
        senders.go([=, &broken] {
          for (int i = 0; i < n; ++i) {
            try {
              send(ch, i, i % 3 == 0 ? 0 : fragile::never);
            } catch (const std::runtime_error&) {
              ++broken;
            }
          }
        });
      }
      const int expected_broken = 4 * ((n + 2) / 3);
      for (int whole = 0; whole < 4 * n - expected_broken; ++whole)
        ASSERT_TRUE(ch.recv().has_value());
      senders.wait();
      EXPECT_EQ(broken, expected_broken);
      EXPECT_EQ(ch.len(), 0u);
    }
    EXPECT_EQ(fragile::alive, 0);
  });
}

}  // namespace
