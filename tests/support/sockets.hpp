// What the tests of sockets share.
#pragma once

#include "support/harness.hpp"

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <gmp/net.hpp>
#include <gmp/wait_group.hpp>

namespace gmp_test {

namespace net = gmp::net;

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

template <class Stream>
std::string read_text(Stream& from, std::size_t n) {
  std::string text(n, '\0');
  text.resize(from.read_full(text.data(), n));
  return text;
}

template <class Stream>
std::string read_rest(Stream& from) {
  std::string text;
  char piece[512];
  while (const std::size_t n = from.read_some(piece, sizeof piece)) text.append(piece, n);
  return text;
}

inline net::tcp_listener listen_anywhere(const net::listen_options& how = {}) {
  return net::tcp_listener::listen(net::endpoint::loopback_v4(0), how);
}

// Both ends of a fresh TCP connection.
inline std::pair<net::tcp_stream, net::tcp_stream> tcp_pair() {
  net::tcp_listener listener = listen_anywhere();
  net::tcp_stream client = net::tcp_stream::connect(listener.local());
  net::tcp_stream server = listener.accept();
  return {std::move(client), std::move(server)};
}

// By then the poller has told of all that had come before the call.
inline void until_polled() {
  auto [near, far] = tcp_pair();
  auto waits = gmp::spawn([&from = far] { return read_text(from, 1); });
  for (int i = 0; i < 10; ++i) gmp::this_g::yield();
  near.write_all(bytes_of("."));
  waits.get();
}

// Serves one connection until its end.
inline void echo(net::tcp_stream stream) {
  char buffer[4096];
  std::error_code error;
  while (const std::size_t n = stream.read_some(buffer, sizeof buffer, error)) {
    if (stream.write_all(buffer, n, error); error) return;
  }
}

}  // namespace gmp_test
