// Which elements a channel can carry, and what it does with them.
#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using gmp::chan_status;

class chan_types : public at_procs {};
GMPSCHED_TEST_AT_PROCS(chan_types, 1u, 2u);

// Can be moved and nothing else.
struct strict {
  explicit strict(int v) : value(v) {}
  strict(strict&& other) noexcept : value(std::exchange(other.value, -1)) {}
  strict& operator=(strict&&) = delete;
  int value;
};

struct alignas(256) aligned {
  explicit aligned(int v) : value(v) { check(); }
  aligned(aligned&& other) noexcept : value(other.value) { check(); }
  ~aligned() { check(); }
  void check() const {
    if (reinterpret_cast<std::uintptr_t>(this) % 256 != 0) ++misplaced;
  }
  int value;
  inline static std::atomic<int> misplaced = 0;
};

struct huge {
  std::array<std::uint32_t, 16'384> words;
  explicit huge(std::uint32_t seed) {
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = seed + static_cast<std::uint32_t>(i);
  }
  bool right(std::uint32_t seed) const {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i] != seed + static_cast<std::uint32_t>(i)) return false;
    }
    return true;
  }
};

// Counts how many exist.
struct counted {
  explicit counted(int v) : value(v) { ++alive; }
  counted(counted&& other) noexcept : value(std::exchange(other.value, -1)) { ++alive; }
  counted(const counted& other) : value(other.value) { ++alive; }
  ~counted() { --alive; }
  int value;
  inline static std::atomic<int> alive = 0;
};

// Sends n elements through every way there is: buffer, waiting receiver, waiting sender, select on
// either side.
template <class T, class Make, class Check>
void through_every_way(Make make, Check check) {
  for (std::size_t capacity : {0u, 1u, 3u}) {
    for (int way = 0; way < 4; ++way) {
      auto ch = gmp::make_chan<T>(capacity);
      const int n = 6;
      auto sender = gmp::spawn([=] {
        for (int i = 0; i < n; ++i) {
          if (way % 2 == 0) {
            ch.send(make(i));
          } else {
            gmp::select(gmp::on_send(ch, make(i)), gmp::on_recv(gmp::chan<int>()));
          }
        }
        ch.close();
      });
      int got = 0;
      if (way < 2) {
        for (T value : ch) check(value, got++);
      } else {
        bool open = true;
        while (open) {
          gmp::select(gmp::on_recv(ch, [&](std::optional<T> value) {
            if (value) check(*value, got++);
            open = value.has_value();
          }));
        }
      }
      sender.get();
      EXPECT_EQ(got, n);
    }
  }
}

TEST_P(chan_types, move_only) {
  run([] {
    through_every_way<std::unique_ptr<int>>(
        [](int i) { return std::make_unique<int>(i); },
        [](std::unique_ptr<int>& value, int i) { EXPECT_EQ(*value, i); });
  });
}

TEST_P(chan_types, neither_default_constructible_nor_assignable) {
  run([] {
    through_every_way<strict>([](int i) { return strict(i); },
                              [](strict& value, int i) { EXPECT_EQ(value.value, i); });
    auto ch = gmp::make_chan<strict>(1);
    std::optional<strict> target;
    EXPECT_EQ(ch.try_recv(target), chan_status::would_block);
    ch.send(strict(4));
    EXPECT_EQ(ch.try_recv(target), chan_status::ok);
    EXPECT_EQ(target->value, 4);
    ch.send(strict(5));
    EXPECT_EQ(ch.recv_for(target, 1s), chan_status::ok);  // over a value that cannot be assigned to
    EXPECT_EQ(target->value, 5);
    strict plain(0);
    ch.send(strict(6));
    EXPECT_EQ(ch.try_recv(plain), chan_status::ok);
    EXPECT_EQ(plain.value, 6);
  });
}

TEST_P(chan_types, over_aligned) {
  run([] {
    through_every_way<aligned>([](int i) { return aligned(i); },
                               [](aligned& value, int i) { EXPECT_EQ(value.value, i); });
    EXPECT_EQ(aligned::misplaced, 0);
  });
}

TEST_P(chan_types, huge) {
  run([] {
    through_every_way<huge>(
        [](int i) { return huge(static_cast<std::uint32_t>(i)); },
        [](huge& value, int i) { EXPECT_TRUE(value.right(static_cast<std::uint32_t>(i))); });
  });
}

TEST_P(chan_types, text) {
  run([] {
    auto text_of = [](int i) { return std::string(static_cast<std::size_t>(i) * 100, 'x'); };
    through_every_way<std::string>(
        text_of, [=](std::string& value, int i) { EXPECT_EQ(value, text_of(i)); });
  });
}

TEST_P(chan_types, a_channel_of_channels) {
  run([] {
    auto requests = gmp::make_chan<gmp::chan<int>>();
    gmp::go([requests] {
      int n = 0;
      for (gmp::chan<int> reply : requests) reply.send(++n);
    });
    for (int i = 1; i <= 5; ++i) {
      auto reply = gmp::make_chan<int>();
      requests.send(reply);
      EXPECT_EQ(reply.recv(), i);
    }
  });
}

TEST_P(chan_types, every_element_is_destroyed_once) {
  run([] {
    through_every_way<counted>([](int i) { return counted(i); },
                               [](counted& value, int i) { EXPECT_EQ(value.value, i); });
    EXPECT_EQ(counted::alive, 0);
    {
      auto ch = gmp::make_chan<counted>(5);
      for (int i = 0; i < 5; ++i) ch.send(counted(i));
      ch.recv();
      ch.send(counted(5));  // the buffer has wrapped
      counted refused(6);
      EXPECT_FALSE(ch.try_send(refused));
      EXPECT_EQ(refused.value, 6);
      EXPECT_FALSE(ch.send_for(refused, 100us));
      EXPECT_EQ(refused.value, 6);
      EXPECT_EQ(gmp::select(gmp::on_send(ch, counted(7)), gmp::otherwise()), 1u);
      EXPECT_EQ(counted::alive, 6);
    }
    EXPECT_EQ(counted::alive, 0);
  });
}

TEST_P(chan_types, elements_of_unwound_waiters_are_destroyed) {
  counted::alive = 0;
  run([] {
    auto full = gmp::make_chan<counted>(1);
    full.send(counted(1));
    for (int i = 0; i < 5; ++i) gmp::go([full] { full.send(counted(2)); });
    for (int i = 0; i < 5; ++i) gmp::go([full] { gmp::select(gmp::on_send(full, counted(3))); });
    until([&] { return senders_waiting(full) == 10; });
  });
  EXPECT_EQ(counted::alive, 0);
}

}  // namespace
