// The echo bench's server on Asio: a C++20 coroutine per connection, one thread. Prints its port.
#include <utility>  // first: Boost 1.74 forgets it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstdio>
#include <memory>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t buffer_bytes = 4096;

asio::awaitable<void> serve(tcp::socket stream) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(buffer_bytes);
  boost::system::error_code error;
  for (;;) {
    const std::size_t n = co_await stream.async_read_some(
        asio::buffer(buffer.get(), buffer_bytes), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    co_await asio::async_write(stream, asio::buffer(buffer.get(), n),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
  }
}

asio::awaitable<void> accept_all(tcp::acceptor listener) {
  for (;;) {
    tcp::socket stream = co_await listener.async_accept(asio::use_awaitable);
    asio::co_spawn(listener.get_executor(), serve(std::move(stream)), asio::detached);
  }
}

}  // namespace

int main() {
  asio::io_context context(1);
  tcp::acceptor listener(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  listener.listen(4096);
  std::printf("%u\n", static_cast<unsigned>(listener.local_endpoint().port()));
  std::fflush(stdout);
  asio::co_spawn(context, accept_all(std::move(listener)), asio::detached);
  context.run();
}
