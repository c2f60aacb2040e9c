// TCP connections and listeners.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "gmp/net.hpp"
#include "io/names.hpp"
#include "io/socket.hpp"

namespace gmp::detail {
namespace {

using net::address_family;
using net::endpoint;

bool is_inet(const endpoint& at, std::error_code& error) noexcept {
  const address_family kind = at.family();
  const bool inet = kind == address_family::v4 || kind == address_family::v6;
  if (!inet) error = std::make_error_code(std::errc::address_family_not_supported);
  return inet;
}

}  // namespace

descriptor* open_tcp(const endpoint& to, std::error_code& error) noexcept {
  if (!is_inet(to, error)) return nullptr;
  open_request request{};
  request.at = &to;
  request.type = SOCK_STREAM;
  return open_socket(request, error);
}

}  // namespace gmp::detail

namespace gmp::net {

using namespace detail;

namespace {

descriptor* connect_tcp(const endpoint& to, nanos until, std::error_code& error) {
  descriptor* d = open_tcp(to, error);
  if (d == nullptr) return nullptr;
  io_set_deadline(*d, direction::writing, until);
  d = connect_socket(d, to, error);
  if (d != nullptr && until != never) io_set_deadline(*d, direction::writing, never);
  return d;
}

// The addresses of "host:port", which need no lookup if the host is a number.
std::vector<endpoint> addresses(std::string_view text, std::error_code& error) {
  const endpoint plain = endpoint::parse(text, error);
  if (!error) return {plain};
  return resolve(text, error);
}

}  // namespace

tcp_stream tcp_stream::connect(const endpoint& to, std::error_code& error) {
  return tcp_stream(connect_tcp(to, never, error));
}

tcp_stream tcp_stream::connect(const endpoint& to) {
  std::error_code error;
  tcp_stream made = connect(to, error);
  throw_if(error, "gmp::net::tcp_stream::connect");
  return made;
}

tcp_stream tcp_stream::connect(std::string_view host_and_port, std::error_code& error) {
  for (const endpoint& to : addresses(host_and_port, error)) {
    tcp_stream made = connect(to, error);
    if (!error) return made;
  }
  return {};
}

tcp_stream tcp_stream::connect(std::string_view host_and_port) {
  std::error_code error;
  tcp_stream made = connect(host_and_port, error);
  throw_if(error, "gmp::net::tcp_stream::connect");
  return made;
}

tcp_stream tcp_stream::connect_until(const endpoint& to,
                                     std::chrono::steady_clock::time_point until,
                                     std::error_code& error) {
  return tcp_stream(connect_tcp(to, deadline_at(until), error));
}

tcp_stream tcp_stream::connect_until(const endpoint& to,
                                     std::chrono::steady_clock::time_point until) {
  std::error_code error;
  tcp_stream made = connect_until(to, until, error);
  throw_if(error, "gmp::net::tcp_stream::connect");
  return made;
}

void tcp_stream::set_delay(bool on) {
  option_request request{-1, IPPROTO_TCP, TCP_NODELAY, on ? 0 : 1};
  or_throw(on_descriptor(d_, &option_home, request), "gmp::net::tcp_stream::set_delay");
}

tcp_listener tcp_listener::listen(const endpoint& at, const listen_options& how,
                                  std::error_code& error) {
  if (!is_inet(at, error)) return {};
  open_request request{};
  request.at = &at;
  request.type = SOCK_STREAM;
  request.bind = request.listen = true;
  request.backlog = how.backlog;
  request.reuse_port = how.reuse_port;
  request.reuse_address = how.reuse_address;
  request.only_v6 = how.only_v6;
  return tcp_listener(open_socket(request, error));
}

tcp_listener tcp_listener::listen(const endpoint& at, const listen_options& how) {
  std::error_code error;
  tcp_listener made = listen(at, how, error);
  throw_if(error, "gmp::net::tcp_listener::listen");
  return made;
}

tcp_listener tcp_listener::listen(std::string_view host_and_port, const listen_options& how,
                                  std::error_code& error) {
  const std::vector<endpoint> found = addresses(host_and_port, error);
  if (error || found.empty()) return {};
  return listen(found.front(), how, error);
}

tcp_listener tcp_listener::listen(std::string_view host_and_port, const listen_options& how) {
  std::error_code error;
  tcp_listener made = listen(host_and_port, how, error);
  throw_if(error, "gmp::net::tcp_listener::listen");
  return made;
}

tcp_stream tcp_listener::accept(std::error_code& error) {
  return tcp_stream(accept_socket(d_, error));
}

tcp_stream tcp_listener::accept() {
  std::error_code error;
  tcp_stream made = accept(error);
  throw_if(error, "gmp::net::tcp_listener::accept");
  return made;
}

}  // namespace gmp::net
