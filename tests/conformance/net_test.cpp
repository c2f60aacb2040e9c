// What Go's net package promises and its tests check (net_test.go, timeout_test.go,
// sendfile_test.go, unixsock_test.go), in this library's words.
#include <gmp/net.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>

#include <gmp/io.hpp>

#include "support/sockets.hpp"

namespace {

using namespace gmp_test;

class net_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(net_conformance, 1u, 2u, 4u);

// TestCloseRead
TEST_P(net_conformance, close_read) {
  run([] {
    auto [client, server] = tcp_pair();
    client.shutdown_read();
    char c;
    EXPECT_EQ(client.read_some(&c, 1), 0u);
    EXPECT_EQ(client.write_some("x", 1), 1u);
    EXPECT_EQ(read_text(server, 1), "x");
  });
}

// TestCloseWrite
TEST_P(net_conformance, close_write) {
  run([] {
    auto [client, server] = tcp_pair();
    client.shutdown_write();
    char c;
    EXPECT_EQ(server.read_some(&c, 1), 0u);
    server.write_all("x", 1);
    EXPECT_EQ(read_text(client, 1), "x");
    std::error_code error;
    client.write_some("y", 1, error);
    EXPECT_EQ(error, std::errc::broken_pipe);
  });
}

// TestListenerClose: after Close nobody is accepted, and nobody can connect.
TEST_P(net_conformance, listener_close) {
  run([] {
    net::tcp_listener listener = listen_anywhere();
    const net::endpoint at = listener.local();
    auto accepting = gmp::spawn([&listener] {
      std::error_code error;
      listener.accept(error);
      return error;
    });
    yield_often();
    listener.close();
    const std::error_code error = accepting.get();
    EXPECT_TRUE(error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor);
    std::error_code refused;
    net::tcp_stream::connect(at, refused);
    EXPECT_TRUE(refused);
  });
}

// TestReadTimeoutMustNotReturn, TestReadTimeoutFluctuation: a deadline is met neither early nor
// much too late.
TEST_P(net_conformance, read_timeouts) {
  run([] {
    auto [client, server] = tcp_pair();
    for (const auto wait : {0ms, 1ms, 5ms, 20ms}) {
      const auto until = std::chrono::steady_clock::now() + wait;
      client.set_read_deadline(until);
      char c;
      std::error_code error;
      client.read_some(&c, 1, error);
      EXPECT_EQ(error, std::errc::timed_out);
      EXPECT_GE(std::chrono::steady_clock::now(), until);
      EXPECT_LT(std::chrono::steady_clock::now(), until + 5s);
    }
  });
}

// TestReadFromTimeout and TestVariousDeadlines: an expired deadline can be set again and again.
TEST_P(net_conformance, deadlines_again_and_again) {
  run([] {
    auto [client, server] = tcp_pair();
    for (int i = 0; i < 30; ++i) {
      client.set_deadline(std::chrono::steady_clock::now() + std::chrono::microseconds(i * 50));
      char c;
      std::error_code error;
      client.read_some(&c, 1, error);
      EXPECT_EQ(error, std::errc::timed_out);
    }
    client.clear_deadline();
    server.write_all("x", 1);
    EXPECT_EQ(read_text(client, 1), "x");
  });
}

// TestReadWriteDeadlineRace: deadlines, reads and writes from three Gs at once.
TEST_P(net_conformance, read_write_deadline_race) {
  run([] {
    auto [client, server] = tcp_pair();
    gmp::wait_group group;
    constexpr int rounds = scaled(300);
    group.go([&c = client] {
      for (int i = 0; i < rounds; ++i) {
        c.set_deadline(std::chrono::steady_clock::now() + 20us);
        gmp::this_g::sleep_for(20us);  // the pace of the deadlines
      }
      c.set_deadline(std::chrono::steady_clock::now() - 1ms);
    });
    group.go([&c = client] {
      char b[1];
      std::error_code error;
      for (int i = 0; i < rounds; ++i) {
        c.read_some(b, 1, error);
        EXPECT_EQ(error, std::errc::timed_out);
      }
    });
    group.go([&c = client] {
      std::error_code error;
      for (int i = 0; i < rounds; ++i) {
        c.write_some("x", 1, error);
        EXPECT_TRUE(!error || error == std::errc::timed_out) << error;
      }
    });
    group.wait();
  });
}

// TestConcurrentPreferDeadline... and TestAcceptTimeout: several acceptors meet one deadline.
TEST_P(net_conformance, acceptors_meet_one_deadline) {
  run([] {
    net::tcp_listener listener = listen_anywhere();
    std::atomic<int> late{0};
    gmp::wait_group group;
    for (int i = 0; i < 5; ++i) {
      group.go([&] {
        std::error_code error;
        listener.accept(error);
        late += error == std::errc::timed_out;
      });
    }
    yield_often();
    listener.set_deadline(std::chrono::steady_clock::now() + 5ms);
    group.wait();
    EXPECT_EQ(late.load(), 5);
  });
}

// TestUnixConnLocalAndRemoteNames
TEST_P(net_conformance, unix_names) {
  run([] {
    const std::string path = testing::TempDir() + "gmp_names_" + std::to_string(GetParam());
    std::remove(path.c_str());
    net::unix_listener listener = net::unix_listener::listen(path);
    net::unix_stream client = net::unix_stream::connect(path);
    net::unix_stream server = listener.accept();
    EXPECT_EQ(server.local().address(), path);
    EXPECT_EQ(client.remote().address(), path);
    EXPECT_EQ(client.local().address(), "") << "a client has no name";
    EXPECT_EQ(listener.local().to_string(), "unix:" + path);
  });
}

// TestUDPZeroBytePayload, TestUDPZeroByteBuffer: an empty datagram is one.
TEST_P(net_conformance, empty_datagrams) {
  run([] {
    net::udp_socket a = net::udp_socket::bind("127.0.0.1:0");
    net::udp_socket b = net::udp_socket::connected_to(a.local());
    b.send({});
    b.send(bytes_of("x"));
    char buffer[8];
    net::endpoint from;
    EXPECT_EQ(a.recv_from(std::as_writable_bytes(std::span(buffer)), from), 0u);
    EXPECT_EQ(from, b.local());
    EXPECT_EQ(a.recv_from({}, from), 0u);  // the rest of it is lost
    std::error_code error;
    a.set_read_deadline(std::chrono::steady_clock::now());
    a.recv_from(std::as_writable_bytes(std::span(buffer)), from, error);
    EXPECT_EQ(error, std::errc::timed_out);
  });
}

// TestTCPBig, TestCopyPipeIntoTCP: everything arrives, in order, through two hops.
TEST_P(net_conformance, a_relay_keeps_order) {
  run([] {
    auto [source, in] = tcp_pair();
    auto [out, sink] = net::unix_stream::pair();
    auto relaying = gmp::spawn([&i = in, &o = out] {
      const std::uint64_t n = gmp::io::copy(o, i);
      o.shutdown_write();
      return n;
    });
    std::string text(sanitized ? 200'000 : 2'000'000, ' ');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('!' + i % 90);
    auto writing = gmp::spawn([&text, &s = source] {
      s.write_all(bytes_of(text));
      s.shutdown_write();
    });
    EXPECT_TRUE(read_rest(sink) == text);
    EXPECT_EQ(relaying.get(), text.size());
    writing.get();
  });
}

// TestCloseUnblocksRead of any kind, from a plain thread as well.
TEST_P(net_conformance, close_unblocks_a_datagram_reader) {
  run([] {
    net::udp_socket a = net::udp_socket::bind("127.0.0.1:0");
    auto reading = gmp::spawn([&a] {
      char c[1];
      std::error_code error;
      a.recv(std::as_writable_bytes(std::span(c)), error);
      return error;
    });
    yield_often();
    std::thread([&a] { a.close(); }).join();
    const std::error_code error = reading.get();
    EXPECT_TRUE(error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor);
  });
}

}  // namespace
