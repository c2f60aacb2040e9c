// The echo bench's server on this library: a G per connection. Prints its port.
//
//   echo_ours [PROCS] [epoll|io_uring]
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include <gmp/go.hpp>
#include <gmp/net.hpp>
#include <gmp/runtime.hpp>

namespace {

namespace net = gmp::net;

constexpr std::size_t buffer_bytes = 4096;

void serve(net::tcp_stream stream) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(buffer_bytes);
  std::error_code error;
  for (;;) {
    const std::size_t n = stream.read_some(buffer.get(), buffer_bytes, error);
    if (n == 0) return;
    stream.write_all(buffer.get(), n, error);
    if (error) return;
  }
}

}  // namespace

int main(int count, char** arguments) {
  gmp::options wanted;
  wanted.procs = count > 1 ? static_cast<unsigned>(std::atoi(arguments[1])) : 1;
  if (count > 2 && std::string_view(arguments[2]) == "io_uring")
    wanted.poller = gmp::poller_kind::io_uring;
  gmp::run(
      [] {
        net::tcp_listener listener = net::tcp_listener::listen(net::endpoint::loopback_v4(0));
        std::printf("%u\n", listener.local().port());
        std::fflush(stdout);
        for (;;) gmp::go([s = listener.accept()]() mutable { serve(std::move(s)); });
      },
      std::move(wanted));
}
