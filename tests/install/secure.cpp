// An outside program with TLS: a client and a server that speaks something else.
#include <gmp/gmp.hpp>
#include <gmp/tls.hpp>

#include <cstdio>
#include <utility>

namespace {

bool refused() {
  auto [near, far] = gmp::net::unix_stream::pair();
  far.write_all("HTTP/1.1 400 Bad Request\r\n\r\n", 28);
  const auto config = gmp::tls::config::client();
  gmp::tls::stream stream(std::move(near), config, "localhost");
  std::error_code error;
  stream.handshake(error);
  std::printf("%s\n", error.message().c_str());
  return error == gmp::tls::errc::protocol;
}

}  // namespace

int main() {
  const bool right = gmp::run(refused);
  std::puts(right ? "outside program with TLS: right" : "outside program with TLS: WRONG");
  return right ? 0 : 1;
}
