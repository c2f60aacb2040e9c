// Many connections, closes in the middle of everything, numbers that are used again at once.
#include <sys/resource.h>

#include <atomic>
#include <vector>

#include <gmp/semaphore.hpp>

#include "support/lengthen.hpp"
#include "support/sockets.hpp"

namespace {

using namespace gmp_test;

class net_stress : public stress_test {};

void compute_for(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

TEST_F(net_stress, a_thousand_connections) {
  static constexpr int connections = sanitized ? 200 : 1'000;
  run_each([] {
    net::tcp_listener listener = listen_anywhere();
    gmp::go([&listener] {
      std::error_code error;
      for (;;) {
        net::tcp_stream one = listener.accept(error);
        if (error) return;
        gmp::go([s = std::move(one)]() mutable { echo(std::move(s)); });
      }
    });
    gmp::wait_group group;
    std::atomic<int> wrong{0};
    for (int i = 0; i < connections; ++i) {
      group.go([&, i] {
        net::tcp_stream client = net::tcp_stream::connect(listener.local());
        for (int round = 0; round < 3; ++round) {
          const std::string text = "client " + std::to_string(i);
          client.write_all(bytes_of(text));
          wrong += read_text(client, text.size()) != text;
        }
      });
    }
    group.wait();
    EXPECT_EQ(wrong.load(), 0);
    listener.close();
  });
}

// One number is closed and opened again all the time: nobody reads from a stranger's connection.
TEST_F(net_stress, closing_against_reading) {
  run_each([] {
    std::atomic<int> strange{0};
    gmp::wait_group group;
    for (int worker = 0; worker < 4; ++worker) {
      group.go([&strange, worker] {
        const char mine = static_cast<char>('a' + worker);
        for (int i = 0; i < stressed(200); ++i) {
          auto [a, b] = net::unix_stream::pair();
          auto reading = gmp::spawn([&strange, mine, &s = a] {
            char c = mine;
            std::error_code error;
            while (s.read_some(&c, 1, error) == 1) strange += c != mine;
            return error;
          });
          b.write_all(&mine, 1);
          if (i % 2 == 0) gmp::this_g::yield();
          if (i % 3 == 0) b.close();
          a.close();
          const std::error_code error = reading.get();
          if (error && error != std::errc::operation_canceled &&
              error != std::errc::bad_file_descriptor)
            ++strange;
        }
      });
    }
    group.wait();
    EXPECT_EQ(strange.load(), 0);
  });
}

// Deadlines so short that they pass before who waits has gone to sleep.
TEST_F(net_stress, short_deadlines_end_every_wait) {
  run_each([] {
    gmp::wait_group group;
    std::atomic<int> wrong{0};
    for (int worker = 0; worker < 4; ++worker) {
      group.go([&wrong, worker] {
        auto [a, b] = net::unix_stream::pair();
        for (int i = 0; i < stressed(500); ++i) {
          a.set_read_deadline(std::chrono::steady_clock::now() +
                              std::chrono::nanoseconds((i * 4 + worker) % 200 * 250));
          char c;
          std::error_code error;
          a.read_some(&c, 1, error);
          wrong += error != std::errc::timed_out;
        }
      });
    }
    group.wait();
    EXPECT_EQ(wrong.load(), 0);
  });
}

// Deadlines that are moved, met and cleared while data comes and goes: every byte arrives once.
TEST_F(net_stress, deadlines_against_data) {
  run_each([] {
    auto [a, b] = tcp_pair();
    const int bytes = stressed(1'000);
    std::atomic<bool> over{false};
    auto moving = gmp::spawn([&, &s = a] {
      while (!over.load()) {
        s.set_read_deadline(std::chrono::steady_clock::now() + 50us);
        gmp::this_g::yield();
        s.clear_read_deadline();
        gmp::this_g::sleep_for(20us);
      }
    });
    auto reading = gmp::spawn([&, &s = a] {
      int n = 0;
      char c;
      std::error_code error;
      while (n < bytes) {
        n += static_cast<int>(s.read_some(&c, 1, error));
        if (error) {
          EXPECT_EQ(error, std::errc::timed_out);
          gmp::this_g::yield();
        }
      }
      return n;
    });
    for (int i = 0; i < bytes; ++i) {
      b.write_all("x", 1);
      if (i % 7 == 0) gmp::this_g::yield();
    }
    EXPECT_EQ(reading.get(), bytes);
    over.store(true);
    moving.get();
  });
}

// Several readers of one descriptor: nobody sleeps while there is data.
TEST_F(net_stress, several_readers) {
  run_each([] {
    auto [a, b] = net::unix_stream::pair();
    std::atomic<int> got{0};
    gmp::wait_group group;
    for (int i = 0; i < 4; ++i) {
      group.go([&got, &s = a] {
        char c[3];
        while (const std::size_t n = s.read_some(c, sizeof c)) got += static_cast<int>(n);
      });
    }
    const int bytes = stressed(3'000);
    for (int i = 0; i < bytes; ++i) {
      b.write_all("x", 1);
      if (i % 64 == 0) until([&] { return got.load() == i + 1; });
    }
    b.close();
    group.wait();
    EXPECT_EQ(got.load(), bytes);
  });
}

TEST_F(net_stress, ping_pong_beside_computing) {
  run_each([] {
    auto [a, b] = tcp_pair();
    std::atomic<bool> over{false};
    auto computing = gmp::spawn([&over] {
      unsigned long sum = 0;
      while (!over.load()) {
        for (int i = 0; i < 1'000; ++i) sum += static_cast<unsigned long>(i);
        gmp::this_g::yield();
      }
      return sum;
    });
    gmp::go([s = std::move(b)]() mutable { echo(std::move(s)); });
    for (int i = 0; i < stressed(2'000); ++i) {
      a.write_all("ping", 4);
      EXPECT_EQ(read_text(a, 4), "ping");
    }
    over.store(true);
    computing.get();
  });
}

// A G that was woken alone and does not come back: others are woken by their sockets and timers all
// the same, by an M that was asleep.
TEST_F(net_stress, one_that_computes_leaves_the_others_their_events) {
  run_each([] {
    if (gmp::procs() == 1) return;
    auto [a, b] = tcp_pair();
    auto [c, d] = tcp_pair();
    for (int i = 0; i < stressed(10); ++i) {
      std::atomic<bool> heard{false};
      std::atomic<bool> slept{false};
      gmp::wait_group group;
      group.go([&, &s = b] {
        read_text(s, 1);
        while (!heard.load() || !slept.load()) {
        }
      });
      group.go([&, &s = d] {
        read_text(s, 1);
        heard.store(true);
      });
      group.go([&] {
        gmp::this_g::sleep_for(2ms);
        slept.store(true);
      });
      gmp::this_g::sleep_for(
          1ms);  // most likely all of them wait now; if not, this round shows nothing
      std::thread([&, &s = a, &t = c] {
        s.write_all("x", 1);
        std::this_thread::sleep_for(100us);
        t.write_all("x", 1);
      }).join();
      group.wait();
    }
  });
}

// Out of descriptors: an error, and afterwards all goes on; nobody who is connected is lost.
TEST_F(net_stress, descriptors_run_out) {
  rlimit old;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  rlimit few = old;
  few.rlim_cur = 128;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  run_each([] {
    net::tcp_listener listener = listen_anywhere();
    auto [a, b] = tcp_pair();
    std::vector<net::tcp_stream> held;
    std::error_code error;
    while (!error) {
      net::tcp_stream client = net::tcp_stream::connect(listener.local(), error);
      if (!error) held.push_back(std::move(client));
    }
    EXPECT_EQ(error, std::errc::too_many_files_open);
    // All of them wait in the backlog.
    listener.accept(error);
    EXPECT_EQ(error, std::errc::too_many_files_open);
    a.write_all("still", 5);
    EXPECT_EQ(read_text(b, 5), "still");
    const std::size_t waiting = held.size();
    held.resize(held.size() - 2);
    net::tcp_stream first = listener.accept();
    EXPECT_TRUE(first.is_open());
    held.clear();
    for (std::size_t i = 1; i < waiting; ++i) EXPECT_TRUE(listener.accept().is_open());
  });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
}

// At one P an io_uring poller is given batches of sends. Some Gs compute or block meanwhile, and
// lose the P; peers close in the middle; the runtime ends while sends are under way.
TEST_F(net_stress, sends_in_batches) {
  static constexpr int connections = 60;
  std::atomic<int> answered{0};
  std::atomic<int> wrong{0};
  gmp::options wanted;
  wanted.procs = 1;
  wanted.poller = gmp::poller_kind::io_uring;
  gmp::run(
      [&] {
        gmp::wait_group group;
        for (int i = 0; i < connections; ++i) {
          auto [a, b] = tcp_pair();
          gmp::go([s = std::move(b)]() mutable { echo(std::move(s)); });
          group.go([&answered, &wrong, i, s = std::move(a)]() mutable {
            std::error_code error;
            for (int round = 0; round < stressed(100); ++round) {
              const std::string text = std::to_string(i) + " in round " + std::to_string(round);
              if (round % 2 == 0) {
                s.write_all(bytes_of(text), error);
              } else {
                const net::const_buffer pieces[] = {{text.data(), 1},
                                                    {text.data() + 1, text.size() - 1}};
                s.writev(pieces, error);
              }
              wrong += error || read_text(s, text.size()) != text;
              ++answered;
              if (i == 0 && round % 16 == 0) gmp::blocking([] { ::usleep(100); });
              if (i == 1 && round % 50 == 0) compute_for(15ms);
            }
          });
        }
        group.wait();
        // And an end in the middle.
        for (int i = 0; i < connections; ++i) {
          auto [a, b] = tcp_pair();
          gmp::go([s = std::move(b)]() mutable { echo(std::move(s)); });
          gmp::go([s = std::move(a)]() mutable {
            std::error_code error;
            char c = 'x';
            while (s.write_all(&c, 1, error) == 1 && s.read_some(&c, 1, error) == 1) {
            }
          });
        }
        for (int i = 0; i < 1'000; ++i) gmp::this_g::yield();
      },
      std::move(wanted));
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(answered.load(), connections * stressed(100));
}

}  // namespace
