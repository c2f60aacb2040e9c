// Unix sockets, datagrams, name lookups.
#include <gmp/net.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "support/sockets.hpp"

namespace {

using namespace gmp_test;

class sockets : public at_procs {
 protected:
  static std::string fresh_path(const char* name) {
    return testing::TempDir() + "gmp_" + std::to_string(::getpid()) + "_" + name;
  }
};
GMPSCHED_TEST_AT_PROCS(sockets, 1u, 2u, 4u);

TEST_P(sockets, unix_echo) {
  run([] {
    const std::string path = fresh_path("echo");
    net::unix_listener listener = net::unix_listener::listen(path);
    EXPECT_EQ(listener.local().address(), path);
    gmp::go([&listener] {
      net::unix_stream s = listener.accept();
      s.write_all(bytes_of(read_text(s, 5)));
    });
    net::unix_stream client = net::unix_stream::connect(path);
    client.write_all("unix!", 5);
    EXPECT_EQ(read_text(client, 5), "unix!");
    EXPECT_EQ(::access(path.c_str(), F_OK), 0);
    listener.close();
    EXPECT_NE(::access(path.c_str(), F_OK), 0) << "the path is left behind";
    std::error_code error;
    net::unix_stream::connect(path, error);
    EXPECT_EQ(error, std::errc::no_such_file_or_directory);
    net::unix_stream::connect("", error);
    EXPECT_EQ(error, std::errc::invalid_argument);
  });
}

TEST_P(sockets, unix_pair) {
  run([] {
    auto [a, b] = net::unix_stream::pair();
    a.write_all("x", 1);
    char c = 0;
    EXPECT_EQ(b.read_some(&c, 1), 1u);
    EXPECT_EQ(c, 'x');
    a.close();
    EXPECT_EQ(b.read_some(&c, 1), 0u);
    std::error_code error;
    b.write_some("y", 1, error);
    EXPECT_EQ(error, std::errc::broken_pipe);
  });
}

// connect() waits for room in the backlog.
void send_a_descriptor(int to, std::string_view text) {
  iovec piece{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  const int sent = STDERR_FILENO;
  std::memcpy(CMSG_DATA(head), &sent, sizeof sent);
  ASSERT_EQ(::sendmsg(to, &message, 0), static_cast<ssize_t>(text.size()));
}

// A read stops short where a descriptor came along; what comes behind it is there all the same.
TEST_P(sockets, unix_behind_descriptors) {
  run([] {
    auto listener = net::unix_listener::listen(fresh_path("marks"));
    auto near = net::unix_stream::connect(listener.local());
    auto far = listener.accept();
    auto pair = net::unix_stream::pair();
    const auto check = [](net::unix_stream& to, net::unix_stream& from) {
      auto first = gmp::spawn([&from] { return read_text(from, 1); });
      yield_often();
      to.write_all(bytes_of("1"));
      EXPECT_EQ(first.get(), "1");
      send_a_descriptor(to.native_handle(), "before");
      to.write_all(bytes_of("behind"));
      until_polled();
      from.set_read_deadline(std::chrono::steady_clock::now() + 10s);
      EXPECT_EQ(read_text(from, 12), "beforebehind");
    };
    check(near, far);
    check(far, near);
    check(pair.first, pair.second);
  });
}

TEST_P(sockets, unix_backlog) {
  run([] {
    const std::string path = fresh_path("backlog");
    net::unix_listener listener = net::unix_listener::listen(path, {.backlog = 1});
    gmp::wait_group group;
    for (int i = 0; i < 10; ++i)
      group.go([&path] {
        net::unix_stream s = net::unix_stream::connect(path);
        EXPECT_EQ(read_rest(s), "ok");
      });
    for (int i = 0; i < 10; ++i) listener.accept().write_all("ok", 2);
    group.wait();
  });
}

TEST_P(sockets, datagrams) {
  run([] {
    net::udp_socket a = net::udp_socket::bind("127.0.0.1:0");
    net::udp_socket b = net::udp_socket::bind("127.0.0.1:0");
    auto answered = gmp::spawn([&b] {
      for (int i = 0; i < 20; ++i) {
        char buffer[64];
        net::endpoint from;
        const std::size_t n = b.recv_from(std::as_writable_bytes(std::span(buffer)), from);
        b.send_to(std::as_bytes(std::span(buffer, n)), from);
      }
    });
    for (int i = 0; i < 20; ++i) {
      const std::string text(static_cast<std::size_t>(i), 'd');
      a.send_to(bytes_of(text), b.local());
      char buffer[64];
      net::endpoint from;
      EXPECT_EQ(a.recv_from(std::as_writable_bytes(std::span(buffer)), from), text.size());
      EXPECT_EQ(from, b.local());
    }
    answered.get();
    std::error_code error;
    a.set_read_deadline(std::chrono::steady_clock::now() + 5ms);
    char c[1];
    net::endpoint from;
    a.recv_from(std::as_writable_bytes(std::span(c)), from, error);
    EXPECT_EQ(error, std::errc::timed_out);
  });
}

TEST_P(sockets, connected_datagrams) {
  run([] {
    net::udp_socket b = net::udp_socket::bind("127.0.0.1:0");
    net::udp_socket a = net::udp_socket::connected_to(b.local());
    EXPECT_EQ(a.send(bytes_of("hello")), 5u);
    char buffer[3];
    EXPECT_EQ(b.recv(std::as_writable_bytes(std::span(buffer))), 3u) << "cut off";
    b.close();
    std::error_code error;
    a.send(bytes_of("nobody"), error);
    a.recv(std::as_writable_bytes(std::span(buffer)), error);
    EXPECT_EQ(error, std::errc::connection_refused);
  });
}

TEST_P(sockets, unix_datagrams) {
  run([] {
    const net::endpoint at("unix:@gmp-test-" + std::to_string(::getpid()));
    net::unix_datagram a = net::unix_datagram::bind(at);
    net::unix_datagram b = net::unix_datagram::connected_to(at);
    EXPECT_EQ(b.send(bytes_of("dgram")), 5u);
    char buffer[16];
    EXPECT_EQ(a.recv(std::as_writable_bytes(std::span(buffer))), 5u);
  });
}

TEST_P(sockets, lookups) {
  run([] {
    EXPECT_EQ(net::resolve("127.0.0.1", "80").at(0), net::endpoint("127.0.0.1:80"));
    EXPECT_EQ(net::resolve("[::1]:443").at(0), net::endpoint("[::1]:443"));
    EXPECT_FALSE(net::resolve("", "8080").empty());
    const auto local = net::resolve("localhost", "http");
    ASSERT_FALSE(local.empty());
    EXPECT_EQ(local[0].port(), 80);
    std::error_code error;
    EXPECT_TRUE(net::resolve("localhost", "no such service", error).empty());
    EXPECT_EQ(error.category(), net::resolve_category());
    EXPECT_FALSE(error.message().empty());
    EXPECT_TRUE(net::resolve("no port", error).empty());
    EXPECT_EQ(error, std::errc::invalid_argument);
    EXPECT_TRUE(net::resolve(std::string_view("a\0b", 3), "1", error).empty());
    EXPECT_EQ(error, std::errc::invalid_argument);
    EXPECT_THROW(net::resolve("127.0.0.1", "no such service"), std::system_error);
  });
}

TEST_P(sockets, many_lookups_at_once) {
  run([] {
    gmp::wait_group group;
    std::atomic<int> found{0};
    for (int i = 0; i < 100; ++i)
      group.go([&found] { found += !net::resolve("localhost", "http").empty(); });
    group.wait();
    EXPECT_EQ(found.load(), 100);
  });
}

// Who waits for a lookup does not hold up the end of the runtime.
TEST_P(sockets, runtime_stops_during_a_lookup) {
  run([] {
    for (int i = 0; i < 20; ++i) {
      gmp::go([] {
        std::error_code error;
        net::resolve("no-such-host.invalid", "1", error);
      });
    }
    yield_often(8);
  });
}

TEST_P(sockets, connect_by_name) {
  run([] {
    net::tcp_listener listener = listen_anywhere();
    gmp::go([&listener] { echo(listener.accept()); });
    const std::string port = std::to_string(listener.local().port());
    net::tcp_stream client = net::tcp_stream::connect("localhost:" + port);
    client.write_all("name", 4);
    EXPECT_EQ(read_text(client, 4), "name");
    std::error_code error;
    net::tcp_stream::connect("localhost:no such service", error);
    EXPECT_TRUE(error);
  });
}

// Deadlines of a descriptor that Gs of two runtimes use. With one P the second G runs once the
// first waits.
class two_runtimes : public testing::Test {
 protected:
  template <class F>
  static void go_and_see_wait(gmp::runtime& on, F body) {
    std::atomic<bool> waits = false;
    on.go([&waits, body] {
      gmp::go([&waits] { waits = true; });
      body();
    });
    while (!waits) std::this_thread::yield();
  }

  // A read that waits, and gets what comes.
  void read_on(gmp::runtime& on) {
    on.run([this] {
      gmp::go([this] { pair_.second.write_all("x", 1); });
      char c;
      pair_.first.read_some(&c, 1);
    });
  }

  void expect_timeout_on(gmp::runtime& on) {
    go_and_see_wait(on, [this] {
      char c;
      std::error_code error;
      pair_.first.read_some(&c, 1, error);
      timed_out_ = error == std::errc::timed_out;
      done_ = true;
    });
  }

  watchdog guard_;
  std::pair<net::unix_stream, net::unix_stream> pair_ = net::unix_stream::pair();
  gmp::runtime second_{{.procs = 1}};
  std::unique_ptr<gmp::runtime> first_{new gmp::runtime({.procs = 1})};
  std::atomic<bool> timed_out_ = false;
  std::atomic<bool> done_ = false;
};

TEST_F(two_runtimes, a_deadline_outlives_the_runtime_that_waited_first) {
  pair_.first.set_read_deadline(std::chrono::steady_clock::now() + 200ms);
  go_and_see_wait(*first_, [this] {
    char c;
    std::error_code error;
    pair_.first.read_some(&c, 1, error);
  });
  first_->stop();
  expect_timeout_on(second_);
  while (!done_) std::this_thread::yield();
  EXPECT_TRUE(timed_out_);
}

TEST_F(two_runtimes, a_deadline_outlives_the_runtime_whose_timer_serves_it) {
  read_on(second_);  // its poller watches the descriptor
  pair_.first.set_read_deadline(std::chrono::steady_clock::now() + 300ms);
  read_on(*first_);  // its timer stands for the deadline
  expect_timeout_on(second_);
  first_.reset();
  while (!done_) std::this_thread::yield();
  EXPECT_TRUE(timed_out_);
}

}  // namespace
