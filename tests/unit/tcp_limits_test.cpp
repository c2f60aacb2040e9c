// Deadlines, and sockets that are closed under their users.
#include <gmp/net.hpp>

#include <gtest/gtest.h>

#include <atomic>

#include "support/sockets.hpp"

namespace {

using namespace gmp_test;

class tcp_limits : public at_procs {};
GMPSCHED_TEST_AT_PROCS(tcp_limits, 1u, 2u, 4u);

TEST_P(tcp_limits, read_deadline) {
  run([] {
    auto [client, server] = tcp_pair();
    char c;
    std::error_code error;
    const auto start = std::chrono::steady_clock::now();
    client.set_read_deadline(start + 20ms);
    client.read_some(&c, 1, error);
    EXPECT_EQ(error, std::errc::timed_out);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
    // It stays in force, for data that is there as well.
    server.write_all("x", 1);
    client.read_some(&c, 1, error);
    EXPECT_EQ(error, std::errc::timed_out);
    // The other direction is untouched.
    EXPECT_EQ(client.write_some("y", 1), 1u);
    client.clear_read_deadline();
    EXPECT_EQ(client.read_some(&c, 1), 1u);
    EXPECT_EQ(c, 'x');
  });
}

TEST_P(tcp_limits, deadline_in_the_past) {
  run([] {
    auto [client, server] = tcp_pair();
    char c;
    std::error_code error;
    client.set_deadline(std::chrono::steady_clock::now() - 1h);
    client.read_some(&c, 1, error);
    EXPECT_EQ(error, std::errc::timed_out);
    client.write_some("x", 1, error);
    EXPECT_EQ(error, std::errc::timed_out);
    EXPECT_THROW(client.read_some(&c, 1), std::system_error);
  });
}

TEST_P(tcp_limits, deadline_moved_while_blocked) {
  run([] {
    auto [client, server] = tcp_pair();
    auto waiting = gmp::spawn([&c = client] {
      char one;
      std::error_code error;
      c.read_some(&one, 1, error);
      return error;
    });
    yield_often();
    client.set_read_deadline(std::chrono::steady_clock::now() + 1h);
    yield_often();
    EXPECT_FALSE(waiting.wait_for(5ms));
    client.set_read_deadline(std::chrono::steady_clock::now() + 5ms);
    EXPECT_EQ(waiting.get(), std::errc::timed_out);
    // Later than a timer that is armed already.
    client.set_read_deadline(std::chrono::steady_clock::now() + 10ms);
    auto again = gmp::spawn([&c = client] {
      char one;
      return c.read_some(&one, 1);
    });
    yield_often();
    client.set_read_deadline(std::chrono::steady_clock::now() + 1h);
    EXPECT_FALSE(again.wait_for(30ms));
    server.write_all("x", 1);
    EXPECT_EQ(again.get(), 1u);
  });
}

TEST_P(tcp_limits, write_deadline_against_a_full_buffer) {
  run([] {
    auto [client, server] = tcp_pair();
    const std::string block(1 << 16, 'x');
    std::error_code error;
    client.set_write_deadline(std::chrono::steady_clock::now() + 30ms);
    while (!error) client.write_some(bytes_of(block), error);
    EXPECT_EQ(error, std::errc::timed_out);
  });
}

TEST_P(tcp_limits, accept_deadline) {
  run([] {
    net::tcp_listener listener = listen_anywhere();
    std::error_code error;
    listener.set_deadline(std::chrono::steady_clock::now() + 10ms);
    net::tcp_stream none = listener.accept(error);
    EXPECT_EQ(error, std::errc::timed_out);
    listener.clear_deadline();
    net::tcp_stream client = net::tcp_stream::connect(listener.local());
    EXPECT_TRUE(listener.accept().is_open());
  });
}

TEST_P(tcp_limits, close_wakes_every_waiter) {
  run([] {
    auto [client, server] = tcp_pair();
    net::tcp_listener listener = listen_anywhere();
    const std::string block(1 << 16, 'x');
    std::error_code full;
    client.set_write_deadline(std::chrono::steady_clock::now() + 20ms);
    while (!full) client.write_some(bytes_of(block), full);
    client.clear_deadline();
    std::vector<gmp::task<std::error_code>> waiting;
    for (int i = 0; i < 3; ++i) {
      waiting.push_back(gmp::spawn([&c = client] {
        char one;
        std::error_code error;
        c.read_some(&one, 1, error);
        return error;
      }));
      waiting.push_back(gmp::spawn([&c = client, &block] {
        std::error_code error;
        while (!error) c.write_some(bytes_of(block), error);  // the kernel may still find room
        return error;
      }));
      waiting.push_back(gmp::spawn([&listener] {
        std::error_code error;
        listener.accept(error);
        return error;
      }));
    }
    yield_often();
    client.close();
    listener.close();
    int early = 0;  // those that came after the close
    for (auto& one : waiting) {
      const std::error_code error = one.get();
      EXPECT_TRUE(error == std::errc::operation_canceled ||
                  (error == std::errc::bad_file_descriptor && ++early != 0))
          << error;
    }
    char c;
    std::error_code error;
    client.read_some(&c, 1, error);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    client.write_some(&c, 1, error);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    client.close(error);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    client.close();
    EXPECT_EQ(client.native_handle(), -1);
    EXPECT_THROW(client.local(), std::system_error);
  });
}

TEST_P(tcp_limits, a_stream_never_opened) {
  run([] {
    net::tcp_stream none;
    char c;
    std::error_code error;
    none.read_some(&c, 1, error);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    none.read_some(&c, 0, error);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    none.shutdown_write(error);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    none.set_deadline(std::chrono::steady_clock::now());
    EXPECT_FALSE(none.is_open());
    EXPECT_EQ(none.native_handle(), -1);
  });
}

TEST_P(tcp_limits, several_acceptors_share) {
  run([] {
    net::tcp_listener listener = listen_anywhere();
    std::atomic<int> accepted{0};
    gmp::wait_group group;
    for (int i = 0; i < 8; ++i) {
      group.go([&] {
        std::error_code error;
        for (;;) {
          net::tcp_stream one = listener.accept(error);
          if (error) return;
          ++accepted;
        }
      });
    }
    for (int i = 0; i < 50; ++i) {
      net::tcp_stream client = net::tcp_stream::connect(listener.local());
      char c;
      EXPECT_EQ(client.read_some(&c, 1), 0u);  // the acceptor drops it
    }
    listener.close();
    group.wait();
    EXPECT_EQ(accepted.load(), 50);
  });
}

}  // namespace
