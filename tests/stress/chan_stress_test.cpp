// Channels and selects under load: every value arrives once.
#include <array>

#include "support/lengthen.hpp"
#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class chan_stress : public stress_test {};

// Producers x consumers on one channel; counts and sums are exact.
void many_to_many(int producers, int consumers, std::size_t capacity, int each) {
  auto ch = gmp::make_chan<std::uint64_t>(capacity);
  auto results =
      gmp::make_chan<std::pair<std::uint64_t, std::uint64_t>>(static_cast<std::size_t>(consumers));
  crowd senders;
  for (int p = 0; p < producers; ++p) {
    senders.go([=] {
      for (int i = 0; i < each; ++i)
        ch.send(static_cast<std::uint64_t>(p) * static_cast<std::uint64_t>(each) +
                static_cast<std::uint64_t>(i));
    });
  }
  for (int c = 0; c < consumers; ++c) {
    gmp::go([=] {
      std::uint64_t count = 0, sum = 0;
      for (std::uint64_t v : ch) {
        ++count;
        sum += v;
      }
      results.send({count, sum});
    });
  }
  senders.wait();
  ch.close();
  std::uint64_t count = 0, sum = 0;
  for (int c = 0; c < consumers; ++c) {
    const auto [n, s] = *results.recv();
    count += n;
    sum += s;
  }
  const std::uint64_t total =
      static_cast<std::uint64_t>(producers) * static_cast<std::uint64_t>(each);
  EXPECT_EQ(count, total);
  EXPECT_EQ(sum, total * (total - 1) / 2);
}

TEST_F(chan_stress, producers_and_consumers) {
  run_each([] {
    for (std::size_t capacity : {0u, 1u, 7u, 128u}) {
      many_to_many(1, 1, capacity, stressed(8'000));
      many_to_many(8, 1, capacity, stressed(1'000));
      many_to_many(1, 8, capacity, stressed(8'000));
      many_to_many(8, 8, capacity, stressed(1'000));
    }
  });
}

// Each G selects among sending to and receiving from all channels; what was sent was received.
TEST_F(chan_stress, select_storm) {
  run_each([] {
    constexpr std::size_t n = 5;
    std::array<gmp::chan<int>, n> ch;
    for (std::size_t i = 0; i < n; ++i) ch[i] = gmp::make_chan<int>(i % 3);
    auto stop = gmp::make_chan<void>();
    std::atomic<long> sent = 0, received = 0;
    std::atomic<int> busy = 16;
    crowd all;
    const int rounds = stressed(1'500);
    for (int k = 0; k < 16; ++k) {
      all.go([=, &sent, &received, &busy] {
        const auto a = static_cast<std::size_t>(k) % n, b = static_cast<std::size_t>(k / 2 + 1) % n;
        auto in = [&](std::optional<int> v) { received += *v; };
        bool over = false;
        for (int i = 0; i < rounds && !over; ++i) {
          const auto c = (a + static_cast<std::size_t>(i)) % n;
          gmp::select(gmp::on_recv(stop, [&] { over = true; }),
                      gmp::on_send(ch[a], 1, [&] { ++sent; }), gmp::on_recv(ch[b], in),
                      gmp::on_recv(ch[c], in), gmp::on_send(ch[b], 1, [&] { ++sent; }));
        }
        if (--busy == 0) stop.close();
        // The last ones may have nobody to talk to: they drain until all are done.
        while (!over) {
          gmp::select(gmp::on_recv(stop, [&] { over = true; }), gmp::on_recv(ch[0], in),
                      gmp::on_recv(ch[1], in), gmp::on_recv(ch[2], in), gmp::on_recv(ch[3], in),
                      gmp::on_recv(ch[4], in));
        }
      });
    }
    // One that always sends and receives what nobody else will.
    for (bool over = false; !over;) {
      auto in = [&](std::optional<int> v) { received += *v; };
      gmp::select(gmp::on_recv(stop, [&] { over = true; }), gmp::on_recv(ch[0], in),
                  gmp::on_recv(ch[1], in), gmp::on_recv(ch[2], in), gmp::on_recv(ch[3], in),
                  gmp::on_recv(ch[4], in));
    }
    all.wait();
    for (const auto& each : ch) {
      int value = 0;
      while (each.try_recv(value) == gmp::chan_status::ok) received += value;
      EXPECT_FALSE(receiver_waits(each));
      EXPECT_FALSE(sender_waits(each));
    }
    EXPECT_EQ(sent, received);
  });
}

TEST_F(chan_stress, rings_of_gs_pass_a_token) {
  run_each([] {
    for (int size : {2, 3, 50, 500}) {
      const int laps = stressed(10'000) / size + 1;
      auto first = gmp::make_chan<int>(), in = first;
      for (int i = 1; i < size; ++i) {
        auto out = gmp::make_chan<int>();
        gmp::go([in, out] {
          for (int v : in) out.send(v + 1);
          out.close();
        });
        in = out;
      }
      auto last = gmp::spawn([in, first, laps] {
        int value = 0;
        for (int lap = 0; lap < laps; ++lap) {
          value = *in.recv() + 1;
          if (lap + 1 < laps) first.send(value);
        }
        first.close();
        return value;
      });
      first.send(0);
      EXPECT_EQ(last.get(), laps * size);
    }
  });
}

// Close against everything at once: nobody is left waiting, nothing comes out that was not put in.
TEST_F(chan_stress, close_under_load) {
  run_each([] {
    for (int round = 0; round < stressed(100); ++round) {
      auto ch = gmp::make_chan<int>(static_cast<std::size_t>(round % 4));
      std::atomic<int> sent = 0, received = 0;
      crowd all;
      for (int k = 0; k < 4; ++k) {
        all.go([=, &sent] {
          try {
            for (;;) {
              if (k % 2 == 0) {
                ch.send(1);
              } else {
                gmp::select(gmp::on_send(ch, 1));
              }
              ++sent;
            }
          } catch (const gmp::closed_channel&) {
          }
        });
        all.go([=, &received] {
          for (bool open = true; open;) {
            if (k % 2 == 0) {
              open = ch.recv().has_value();
            } else {
              gmp::select(gmp::on_recv(ch, [&](std::optional<int> v) { open = v.has_value(); }));
            }
            received += open;
          }
        });
      }
      for (int i = 0; i < round % 7; ++i) gmp::this_g::yield();
      ch.close();
      all.wait();
      EXPECT_EQ(sent, received);
    }
  });
}

// Elements that move with care: a shared count per value shows any that is lost or doubled.
TEST_F(chan_stress, owners_travel_through_selects_with_timeouts) {
  run_each([] {
    auto value = std::make_shared<int>(1);
    auto ch = gmp::make_chan<std::shared_ptr<int>>(2);
    std::atomic<int> sent = 0, received = 0;
    {
      crowd senders;
      for (int k = 0; k < 4; ++k) {
        senders.go([=, &sent] {
          for (int i = 0; i < stressed(400); ++i)
            gmp::select(gmp::on_send(ch, value, [&] { ++sent; }),
                        gmp::on_timeout(std::chrono::microseconds(i % 40)));
        });
      }
      crowd receivers;
      for (int k = 0; k < 3; ++k) {
        receivers.go([=, &received] {
          for (bool open = true; open;) {
            gmp::select(gmp::on_recv(ch,
                                     [&](std::optional<std::shared_ptr<int>> v) {
                                       open = v.has_value();
                                       received += open;
                                     }),
                        gmp::on_timeout(20us));
          }
        });
      }
      senders.wait();
      ch.close();
      receivers.wait();
    }
    EXPECT_EQ(sent, received);
    until([&] { return value.use_count() == 1; });
  });
}

}  // namespace
