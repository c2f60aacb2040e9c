// Stream helpers, sendfile, contexts, and Boost.Beast over a stream.
#include <gmp/io.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <gmp/asio.hpp>
#include <gmp/context.hpp>

#include "support/sockets.hpp"

namespace {

using namespace gmp_test;

class io : public at_procs {};
GMPSCHED_TEST_AT_PROCS(io, 1u, 2u);

// A stream in memory that hands out little at a time, then fails or ends.
struct memory_stream {
  std::string data;
  std::size_t at = 0;
  std::size_t step = 3;
  std::errc end{};
  std::string written = {};

  std::size_t read_some(std::span<std::byte> to, std::error_code& error) {
    error.clear();
    const std::size_t n = std::min({to.size(), step, data.size() - at});
    if (n == 0 && !to.empty() && end != std::errc{}) error = std::make_error_code(end);
    std::memcpy(to.data(), data.data() + at, n);
    at += n;
    return n;
  }
  std::size_t read_some(std::span<std::byte> to) {
    std::error_code error;
    const std::size_t n = read_some(to, error);
    if (error) throw std::system_error(error);
    return n;
  }
  std::size_t write_some(std::span<const std::byte> from, std::error_code& error) {
    error.clear();
    const std::size_t n = std::min(from.size(), step);
    written.append(reinterpret_cast<const char*>(from.data()), n);
    return n;
  }
  std::size_t write_some(std::span<const std::byte> from) {
    std::error_code error;
    return write_some(from, error);
  }
};

TEST(io_helpers, whole_reads_and_writes) {
  memory_stream s{"0123456789"};
  char text[8];
  EXPECT_EQ(gmp::io::read_full(s, text, 8), 8u);
  EXPECT_EQ(std::string(text, 8), "01234567");
  std::error_code error;
  EXPECT_EQ(gmp::io::read_full(s, text, 8, error), 2u);
  EXPECT_FALSE(error);
  EXPECT_EQ(gmp::io::write_all(s, "abcdefg", 7), 7u);
  EXPECT_EQ(s.written, "abcdefg");
  memory_stream broken{"0123", 0, 3, std::errc::connection_reset};
  EXPECT_EQ(gmp::io::read_full(broken, text, 8, error), 4u);
  EXPECT_EQ(error, std::errc::connection_reset);
  EXPECT_THROW(gmp::io::read_full(broken, text, 8), std::system_error);
}

TEST(io_helpers, copies) {
  memory_stream from{std::string(100'000, 'c'), 0, 7'777};
  memory_stream to;
  to.step = 5'000;
  EXPECT_EQ(gmp::io::copy(to, from), 100'000u);
  EXPECT_EQ(to.written, from.data);
  memory_stream part{"0123456789"};
  memory_stream out;
  EXPECT_EQ(gmp::io::copy(out, part, 4), 4u);
  EXPECT_EQ(out.written, "0123");
  part.end = std::errc::io_error;
  EXPECT_THROW(gmp::io::copy(out, part), std::system_error);
}

TEST_P(io, sendfile) {
  run([] {
    const std::string path = testing::TempDir() + "gmp_sendfile_" + std::to_string(::getpid());
    std::string content(300'000, ' ');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 26);
    std::ofstream(path) << content;
    std::FILE* file = std::fopen(path.c_str(), "r");
    ASSERT_NE(file, nullptr);
    auto [client, server] = tcp_pair();
    auto reading = gmp::spawn([&s = server] { return read_rest(s); });
    EXPECT_EQ(client.sendfile(::fileno(file), 10, 1u << 30), content.size() - 10);
    EXPECT_EQ(client.sendfile(::fileno(file), 0, 3), 3u);
    client.shutdown_write();
    EXPECT_TRUE(reading.get() == content.substr(10) + "abc");
    server.close();
    std::error_code error;
    for (int i = 0; i < 100 && !error; ++i) client.sendfile(::fileno(file), 0, 1'000, error);
    EXPECT_EQ(error, std::errc::broken_pipe) << "and no SIGPIPE";
    client.sendfile(-1, 0, 1, error);
    EXPECT_TRUE(error);
    std::fclose(file);
    std::remove(path.c_str());
  });
}

TEST_P(io, connecting_until_cancelled) {
  run([] {
    net::tcp_listener listener = listen_anywhere({.backlog = 0});
    std::vector<net::tcp_stream> filling;
    std::error_code error;
    for (int i = 0; i < 64 && !error; ++i) {
      auto [limit, cancel] = gmp::with_timeout(gmp::context::background(), 30ms);
      filling.push_back(net::tcp_stream::connect(listener.local(), limit, error));
    }
    EXPECT_EQ(error, std::errc::timed_out);
    auto [until, cancel] = gmp::with_cancel(gmp::context::background());
    auto connecting = gmp::spawn([&, &c = until] {
      std::error_code why;
      net::tcp_stream::connect(listener.local(), c, why);
      return why;
    });
    yield_often();
    cancel();
    EXPECT_EQ(connecting.get(), std::errc::operation_canceled);
    EXPECT_THROW(net::tcp_stream::connect(listener.local(), until), std::system_error);
    EXPECT_THROW(net::tcp_stream::connect("localhost:1", until), std::system_error);
  });
}

TEST_P(io, connecting_with_a_context) {
  run([] {
    net::tcp_listener listener = listen_anywhere();
    auto [until, cancel] = gmp::with_timeout(gmp::context::background(), 1h);
    const std::string at = "localhost:" + std::to_string(listener.local().port());
    net::tcp_stream client = net::tcp_stream::connect(at, until);
    net::tcp_stream server = listener.accept();
    cancel();  // too late for this one
    client.write_all("x", 1);
    EXPECT_EQ(read_text(server, 1), "x");
  });
}

TEST_P(io, beast_over_a_stream) {
  namespace http = boost::beast::http;
  run([] {
    auto [client, server] = tcp_pair();
    auto serving = gmp::spawn([&s = server] {
      gmp::asio_stream stream(s);
      boost::beast::flat_buffer buffer;
      for (int i = 0; i < 2; ++i) {
        http::request<http::string_body> request;
        http::read(stream, buffer, request);
        http::response<http::string_body> response{http::status::ok, 11};
        response.body() = std::string(request.target()) + ":" + request.body();
        response.prepare_payload();
        http::write(stream, response);
      }
      http::request<http::string_body> request;
      boost::system::error_code error;
      http::read(stream, buffer, request, error);
      return error;
    });
    gmp::asio_stream stream(std::move(client));
    boost::beast::flat_buffer buffer;
    for (const char* target : {"/one", "/two"}) {
      http::request<http::string_body> request{http::verb::post, target, 11};
      request.set(http::field::host, "here");
      request.body() = std::string(10'000, 'b');
      request.prepare_payload();
      http::write(stream, request);
      http::response<http::string_body> response;
      http::read(stream, buffer, response);
      EXPECT_EQ(response.result(), http::status::ok);
      EXPECT_EQ(response.body(), target + (":" + request.body()));
    }
    stream.next_layer().close();
    EXPECT_EQ(serving.get(), http::error::end_of_stream);
    char c;
    boost::system::error_code error;
    stream.read_some(boost::asio::buffer(&c, 1), error);
    EXPECT_EQ(error, boost::asio::error::bad_descriptor);
    EXPECT_THROW(stream.read_some(boost::asio::buffer(&c, 1)), boost::system::system_error);
    EXPECT_THROW(stream.write_some(boost::asio::buffer(&c, 1)), boost::system::system_error);
  });
}

TEST(poller_choice, environment) {
  const char* before = std::getenv("GMPSCHED_POLLER");
  const std::string saved = before != nullptr ? before : "";
  ::setenv("GMPSCHED_POLLER", "kqueue", 1);
  EXPECT_THROW(gmp::run([] {}), std::invalid_argument);
  ::setenv("GMPSCHED_POLLER", "automatic", 1);
  gmp::run([] {});
  if (before != nullptr) {
    ::setenv("GMPSCHED_POLLER", saved.c_str(), 1);
  } else {
    ::unsetenv("GMPSCHED_POLLER");
  }
}

}  // namespace
