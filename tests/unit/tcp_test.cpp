#include <gmp/net.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "support/sockets.hpp"

namespace {

using namespace gmp_test;

class tcp : public at_procs {};
GMPSCHED_TEST_AT_PROCS(tcp, 1u, 2u, 4u);

TEST_P(tcp, echo_round_trip) {
  run([] {
    net::tcp_listener listener = listen_anywhere();
    gmp::go([&listener] { echo(listener.accept()); });
    net::tcp_stream client = net::tcp_stream::connect(listener.local());
    for (int i = 0; i < scaled(500); ++i) {
      const std::string text = "message " + std::to_string(i);
      EXPECT_EQ(client.write_all(bytes_of(text)), text.size());
      EXPECT_EQ(read_text(client, text.size()), text);
    }
  });
}

TEST_P(tcp, names_of_both_ends) {
  run([] {
    auto [client, server] = tcp_pair();
    EXPECT_EQ(client.local(), server.remote());
    EXPECT_EQ(client.remote(), server.local());
    EXPECT_EQ(client.local().address(), "127.0.0.1");
    EXPECT_NE(client.local().port(), 0);
  });
}

TEST_P(tcp, half_close_then_answer) {
  run([] {
    auto [client, server] = tcp_pair();
    gmp::task<std::string> asked = gmp::spawn([&s = server] {
      std::string all = read_rest(s);
      s.write_all(bytes_of("answer"));
      s.close();
      return all;
    });
    client.write_all(bytes_of("question"));
    client.shutdown_write();
    EXPECT_EQ(read_rest(client), "answer");
    EXPECT_EQ(asked.get(), "question");
  });
}

TEST_P(tcp, end_of_file_repeats) {
  run([] {
    auto [client, server] = tcp_pair();
    server.close();
    char c;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.read_some(&c, 1), 0u);
  });
}

// The end came with the last bytes: there is no edge of its own for it.
TEST_P(tcp, end_of_file_behind_a_short_read) {
  run([] {
    for (int i = 0; i < scaled(200); ++i) {
      auto [client, server] = tcp_pair();
      gmp::go([s = std::move(server)]() mutable {
        s.write_all(bytes_of("bye"));
        s.close();
      });
      EXPECT_EQ(read_rest(client), "bye");
    }
  });
}

// A read stops short where urgent data was; what comes behind it is there all the same.
TEST_P(tcp, behind_urgent_data) {
  const char* poller = std::getenv("GMPSCHED_POLLER");
  if (poller != nullptr && std::string_view(poller) == "io_uring")
    GTEST_SKIP() << "io_uring does not tell of it";
  run([] {
    auto [near, far] = tcp_pair();
    auto first = gmp::spawn([&from = far] { return read_text(from, 1); });
    yield_often();
    near.write_all(bytes_of("1"));
    EXPECT_EQ(first.get(), "1");
    const int fd = near.native_handle();
    ASSERT_EQ(::send(fd, "before", 6, 0), 6);
    ASSERT_EQ(::send(fd, "!", 1, MSG_OOB), 1);
    ASSERT_EQ(::send(fd, "behind", 6, 0), 6);
    until_polled();
    far.set_read_deadline(std::chrono::steady_clock::now() + 10s);
    std::string text;
    while (text.size() < 12) {
      char buffer[100];
      text.append(buffer, far.read_some(buffer, sizeof buffer));
    }
    EXPECT_EQ(text, "beforebehind");
  });
}

TEST_P(tcp, large_transfer_both_ways_at_once) {
  run([] {
    auto [client, server] = tcp_pair();
    static constexpr std::size_t size = sanitized ? 1 << 20 : 8 << 20;
    auto source = [](net::tcp_stream& s, char first) {
      std::string block(size, first);
      for (std::size_t i = 0; i < size; ++i) block[i] = static_cast<char>(first + i % 61);
      s.write_all(bytes_of(block));
      s.shutdown_write();
    };
    auto sink = [](net::tcp_stream& s, char first) {
      const std::string all = read_rest(s);
      bool right = all.size() == size;
      for (std::size_t i = 0; right && i < size; ++i)
        right = all[i] == static_cast<char>(first + i % 61);
      return right;
    };
    auto one = gmp::spawn([&, &c = client] { source(c, 'a'); });
    auto two = gmp::spawn([&, &s = server] { source(s, 'A'); });
    auto three = gmp::spawn([&, &s = server] { return sink(s, 'a'); });
    EXPECT_TRUE(sink(client, 'A'));
    EXPECT_TRUE(three.get());
    one.get();
    two.get();
  });
}

TEST_P(tcp, vectored) {
  run([] {
    auto [client, server] = tcp_pair();
    const net::const_buffer out[] = {{"one", 3}, {"", 0}, {"two", 3}};
    EXPECT_EQ(client.writev(out), 6u);
    char a[2];
    char b[4];
    const net::mutable_buffer in[] = {{a, sizeof a}, {b, sizeof b}};
    EXPECT_EQ(server.readv(in), 6u);
    EXPECT_EQ(std::string(a, 2) + std::string(b, 4), "onetwo");
    EXPECT_EQ(client.writev({}), 0u);
    EXPECT_EQ(server.readv({}), 0u);
  });
}

TEST_P(tcp, refused) {
  run([] {
    net::endpoint gone;
    {
      net::tcp_listener listener = listen_anywhere();
      gone = listener.local();
    }
    std::error_code error;
    net::tcp_stream stream = net::tcp_stream::connect(gone, error);
    EXPECT_EQ(error, std::errc::connection_refused);
    EXPECT_FALSE(stream.is_open());
    EXPECT_THROW(net::tcp_stream::connect(gone), std::system_error);
  });
}

TEST_P(tcp, reset_by_peer) {
  run([] {
    auto [client, server] = tcp_pair();
    auto waiting = gmp::spawn([&s = server] {
      char c;
      std::error_code error;
      s.read_some(&c, 1, error);
      return error;
    });
    yield_often();
    const ::linger hard{1, 0};
    ASSERT_EQ(::setsockopt(client.native_handle(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    client.close();
    EXPECT_EQ(waiting.get(), std::errc::connection_reset);
  });
}

TEST_P(tcp, writing_to_a_closed_peer_is_an_error_not_a_signal) {
  run([] {
    auto [client, server] = tcp_pair();
    server.close();
    std::error_code error;
    for (int i = 0; i < 100'000 && !error; ++i) client.write_some("x", 1, error);
    EXPECT_TRUE(error == std::errc::broken_pipe || error == std::errc::connection_reset) << error;
  });
}

TEST_P(tcp, connect_until_is_in_time) {
  run([] {
    // A listener whose backlog is full lets further connections hang.
    net::tcp_listener listener = listen_anywhere({.backlog = 0});
    std::vector<net::tcp_stream> filling;
    std::error_code error;
    for (int i = 0; i < 64 && !error; ++i)
      filling.push_back(net::tcp_stream::connect_until(
          listener.local(), std::chrono::steady_clock::now() + 30ms, error));
    EXPECT_EQ(error, std::errc::timed_out);
  });
}

TEST_P(tcp, listening_twice_on_one_port) {
  run([] {
    net::tcp_listener first = listen_anywhere();
    std::error_code error;
    net::tcp_listener second = net::tcp_listener::listen(first.local(), {}, error);
    EXPECT_EQ(error, std::errc::address_in_use);
    net::tcp_listener shared = listen_anywhere({.reuse_port = true});
    EXPECT_TRUE(net::tcp_listener::listen(shared.local(), {.reuse_port = true}).is_open());
  });
}

TEST_P(tcp, version_six) {
  run([] {
    std::error_code error;
    net::tcp_listener listener =
        net::tcp_listener::listen(net::endpoint::loopback_v6(0), {}, error);
    if (error) GTEST_SKIP() << "no IPv6 here: " << error.message();
    gmp::go([&listener] { echo(listener.accept()); });
    net::tcp_stream client = net::tcp_stream::connect(listener.local());
    client.write_all("six", 3);
    EXPECT_EQ(read_text(client, 3), "six");
  });
}

TEST_P(tcp, wrong_family) {
  run([] {
    std::error_code error;
    net::tcp_stream::connect(net::endpoint("unix:/tmp/x"), error);
    EXPECT_EQ(error, std::errc::address_family_not_supported);
    net::tcp_listener::listen(net::endpoint(), {}, error);
    EXPECT_EQ(error, std::errc::address_family_not_supported);
    EXPECT_THROW(net::tcp_listener::listen("300.0.0.1:1"), std::system_error);
  });
}

// Parked Gs are unwound when the runtime stops; their sockets close.
TEST_P(tcp, runtime_stops_under_waiters) {
  net::tcp_listener listener = listen_anywhere();
  std::atomic<int> unwound{0};
  struct counter {
    std::atomic<int>& n;
    ~counter() { ++n; }
  };
  run([&] {
    for (int i = 0; i < 10; ++i)
      gmp::go([&] {
        counter at_end{unwound};
        listener.accept();
      });
    auto [client, server] = tcp_pair();
    gmp::go([&unwound, c = std::move(client)]() mutable {
      counter at_end{unwound};
      char one;
      c.read_some(&one, 1);
    });
    yield_often();
  });
  EXPECT_LE(unwound.load(), 11);
  EXPECT_TRUE(listener.is_open());
}

TEST_P(tcp, threads_without_a_runtime) {
  net::tcp_listener listener = listen_anywhere();
  std::thread server([&] { echo(listener.accept()); });
  net::tcp_stream client = net::tcp_stream::connect(listener.local());
  client.write_all("hello", 5);
  EXPECT_EQ(read_text(client, 5), "hello");
  client.set_read_deadline(std::chrono::steady_clock::now() + 5ms);
  char c;
  std::error_code error;
  client.read_some(&c, 1, error);
  EXPECT_EQ(error, std::errc::timed_out);
  client.clear_deadline();
  std::thread waits([&] { client.read_some(&c, 1, error); });
  std::this_thread::yield();
  client.close();
  waits.join();
  EXPECT_TRUE(error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor);
  server.join();
}

TEST_P(tcp, a_thread_talks_to_a_g) {
  net::tcp_listener listener = listen_anywhere();
  std::thread client_thread([at = listener.local()] {
    net::tcp_stream client = net::tcp_stream::connect(at);
    for (int i = 0; i < 50; ++i) {
      client.write_all("ping", 4);
      EXPECT_EQ(read_text(client, 4), "ping");
    }
  });
  run([&] { echo(listener.accept()); });
  client_thread.join();
}

// A socket outlives the runtime that waited for it, and serves the next one.
TEST_P(tcp, from_runtime_to_runtime) {
  net::tcp_listener listener = listen_anywhere();
  for (int round = 0; round < 3; ++round) {
    run([&] {
      gmp::go([&] { echo(listener.accept()); });
      net::tcp_stream client = net::tcp_stream::connect(listener.local());
      client.write_all("abc", 3);
      EXPECT_EQ(read_text(client, 3), "abc");
    });
  }
}

TEST_P(tcp, two_runtimes_share_a_listener) {
  net::tcp_listener listener = listen_anywhere();
  gmp::runtime first({.procs = GetParam()});
  gmp::runtime second({.procs = GetParam()});
  std::atomic<int> served{0};
  auto serve = [&] {
    std::error_code error;
    for (;;) {
      net::tcp_stream one = listener.accept(error);
      if (error) return;
      ++served;
    }
  };
  auto one = first.spawn(serve);
  auto two = second.spawn(serve);
  for (int i = 0; i < 20; ++i) {
    net::tcp_stream client = net::tcp_stream::connect(listener.local());
    char c;
    EXPECT_EQ(client.read_some(&c, 1), 0u);
  }
  listener.close();
  one.get();
  two.get();
  EXPECT_EQ(served.load(), 20);
}

}  // namespace
