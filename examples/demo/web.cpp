#include "web.hpp"

#include <memory>
#include <string_view>
#include <system_error>

#include "../http_server/session.hpp"

namespace demo {

namespace {

using examples::clock;

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr std::size_t buffer_size = 512;  // an answer fits

// False: no answer, or not the one expected.
bool ask(gmp::net::tcp_stream& server, char* buffer) {
  std::error_code error;
  server.write_all(request.data(), request.size(), error);
  std::size_t n = 0;
  while (!error && !std::string_view(buffer, n).ends_with(http_server::greeting)) {
    const std::size_t got = server.read_some(buffer + n, buffer_size - n, error);
    if (got == 0) return false;
    n += got;
  }
  return !error && std::string_view(buffer, n).starts_with("HTTP/1.1 200 ");
}

bool ask_until(const gmp::net::endpoint& at, clock::time_point end, counter& answered) {
  std::error_code error;
  auto server = gmp::net::tcp_stream::connect(at, error);
  if (error) return false;
  const auto buffer = std::make_unique_for_overwrite<char[]>(buffer_size);
  while (clock::now() < end) {
    if (!ask(server, buffer.get())) return false;
    answered.fetch_add(1, std::memory_order_relaxed);
  }
  return true;
}

}  // namespace

web_load serve_web(std::size_t connections, std::chrono::milliseconds time, counter& answered) {
  examples::raise_descriptor_limit();
  auto listener = gmp::net::tcp_listener::listen(gmp::net::endpoint::loopback_v4(0));
  const gmp::net::endpoint at = listener.local();
  http_server::site site;
  examples::server<gmp::net::tcp_listener> server("demo", std::move(listener), {});
  const auto stopping = gmp::make_chan<void>();
  auto serving = gmp::spawn([&] { return server.run(http_server::service(site), stopping); });

  web_load result;
  counter wrong = 0;
  gmp::wait_group clients;
  const clock::time_point begin = clock::now();
  for (std::size_t i = 0; i < connections; ++i) {
    clients.go([&] {
      if (!ask_until(at, begin + time, answered)) wrong.fetch_add(1, std::memory_order_relaxed);
    });
  }
  clients.wait();
  result.seconds = std::chrono::duration<double>(clock::now() - begin).count();
  result.requests = site.requests;
  stopping.close();
  if (!serving.get()) wrong.fetch_add(1);
  result.wrong = wrong;
  return result;
}

}  // namespace demo
