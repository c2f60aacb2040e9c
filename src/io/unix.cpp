// Unix stream sockets.
#include <sys/socket.h>

#include <string>

#include "gmp/net.hpp"
#include "io/socket.hpp"

namespace gmp::net {

using namespace detail;

namespace {

bool is_unix(const endpoint& at, std::error_code& error) noexcept {
  if (at.family() == address_family::unix_path) return true;
  error = std::make_error_code(std::errc::address_family_not_supported);
  return false;
}

endpoint path_of(std::string_view text, std::error_code& error) {
  if (text.starts_with("unix:")) return endpoint::parse(text, error);
  return endpoint::parse("unix:" + std::string(text), error);
}

struct pair_request {
  int fds[2];
  long error;
};

}  // namespace

unix_stream unix_stream::connect(const endpoint& to, std::error_code& error) {
  if (!is_unix(to, error)) return {};
  open_request request{};
  request.at = &to;
  request.type = SOCK_STREAM;
  descriptor* d = open_socket(request, error);
  return unix_stream(d != nullptr ? connect_socket(d, to, error) : nullptr);
}

unix_stream unix_stream::connect(const endpoint& to) {
  std::error_code error;
  unix_stream made = connect(to, error);
  throw_if(error, "gmp::net::unix_stream::connect");
  return made;
}

unix_stream unix_stream::connect(std::string_view path, std::error_code& error) {
  const endpoint to = path_of(path, error);
  if (error) return {};
  return connect(to, error);
}

unix_stream unix_stream::connect(std::string_view path) {
  std::error_code error;
  unix_stream made = connect(path, error);
  throw_if(error, "gmp::net::unix_stream::connect");
  return made;
}

namespace {
GMPSCHED_HOME_FUNCTION(pair_home)(void* arg) {
  auto& request = *static_cast<pair_request*>(arg);
  request.error =
      ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, request.fds) == 0
          ? 0
          : -errno;
}
}  // namespace

std::pair<unix_stream, unix_stream> unix_stream::pair() {
  pair_request request{};
  call_on_home(&pair_home, &request);
  or_throw(request.error, "gmp::net::unix_stream::pair");
  adopt_request first{request.fds[0], true, true};
  adopt_request second{request.fds[1], true, true};
  call_on_home(&adopt_home, &first);
  unix_stream one(first.d);
  call_on_home(&adopt_home, &second);
  unix_stream other(second.d);
  or_throw(first.error, "gmp::net::unix_stream::pair");
  or_throw(second.error, "gmp::net::unix_stream::pair");
  return {std::move(one), std::move(other)};
}

unix_listener unix_listener::listen(const endpoint& at, const listen_options& how,
                                    std::error_code& error) {
  if (!is_unix(at, error)) return {};
  open_request request{};
  request.at = &at;
  request.type = SOCK_STREAM;
  request.bind = request.listen = true;
  request.backlog = how.backlog;
  return unix_listener(open_socket(request, error));
}

unix_listener unix_listener::listen(const endpoint& at, const listen_options& how) {
  std::error_code error;
  unix_listener made = listen(at, how, error);
  throw_if(error, "gmp::net::unix_listener::listen");
  return made;
}

unix_listener unix_listener::listen(std::string_view path, const listen_options& how,
                                    std::error_code& error) {
  const endpoint at = path_of(path, error);
  if (error) return {};
  return listen(at, how, error);
}

unix_listener unix_listener::listen(std::string_view path, const listen_options& how) {
  std::error_code error;
  unix_listener made = listen(path, how, error);
  throw_if(error, "gmp::net::unix_listener::listen");
  return made;
}

unix_listener& unix_listener::operator=(unix_listener&& other) noexcept {
  if (this != &other) {
    close();
    socket::operator=(std::move(other));
  }
  return *this;
}

unix_listener::~unix_listener() { close(); }

// The path goes before the descriptor does: afterwards it may be somebody else's.
void unix_listener::close(std::error_code& error) noexcept {
  endpoint at;
  if (d_ != nullptr) {
    std::error_code ignored;
    at = local(ignored);
    if (!ignored) call_on_home(&unlink_home, &at);
  }
  socket::close(error);
}

void unix_listener::close() noexcept {
  std::error_code ignored;
  close(ignored);
}

unix_stream unix_listener::accept(std::error_code& error) {
  return unix_stream(accept_socket(d_, error));
}

unix_stream unix_listener::accept() {
  std::error_code error;
  unix_stream made = accept(error);
  throw_if(error, "gmp::net::unix_listener::accept");
  return made;
}

}  // namespace gmp::net
