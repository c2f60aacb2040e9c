// Opening, connecting, asking and closing sockets: what runs on a thread's own stack.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/attributes.hpp"
#include "io/home.hpp"
#include "io/sigpipe.hpp"
#include "queue/timer_heap.hpp"

namespace gmp::detail {
namespace {

const sockaddr* address_of(const net::endpoint& e) noexcept {
  return static_cast<const sockaddr*>(e.data());
}

long set_option(int fd, int level, int name, int value) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

int family_of(const net::endpoint& e) noexcept {
  switch (e.family()) {
    case net::address_family::v4:
      return AF_INET;
    case net::address_family::v6:
      return AF_INET6;
    case net::address_family::unix_path:
      return AF_UNIX;
    default:
      return -1;
  }
}

// Options that connections inherit from their listener, too.
void set_stream_options(int fd) noexcept {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

long set_up(const open_request& request, int fd, int family) noexcept {
  const bool inet = family != AF_UNIX;
  if (inet && request.type == SOCK_STREAM) set_stream_options(fd);
  if (inet && request.bind && request.reuse_address && request.type == SOCK_STREAM) {
    if (const long error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1); error != 0) return error;
  }
  if (inet && request.reuse_port) {
    if (const long error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1); error != 0) return error;
  }
  if (family == AF_INET6 && request.bind) {
    if (const long error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, request.only_v6 ? 1 : 0);
        error != 0)
      return error;
  }
  if (request.bind &&
      ::bind(fd, address_of(*request.at), static_cast<socklen_t>(request.at->size())) != 0)
    return -errno;
  if (request.listen && ::listen(fd, request.backlog) != 0) return -errno;
  return 0;
}

descriptor* descriptor_or_close(int fd, long& error) noexcept {
  descriptor* d = descriptor::make(fd);
  if (d == nullptr) {
    ::close(fd);
    error = -ENOMEM;
  }
  return d;
}

}  // namespace

void close_at_home(void* arg) {
  descriptor& d = *static_cast<descriptor*>(arg);
  for (descriptor::deadline_timer& timer : d.timers) timer_heap::stop_and_wait(timer.node);
  d.finish_close();
}

void drop_handle_at_home(void* arg) {
  descriptor& d = *static_cast<descriptor*>(arg);
  if (d.drop_handle()) d.give();
}

void open_at_home(void* arg) {
  auto& request = *static_cast<open_request*>(arg);
  const int family = family_of(*request.at);
  if (family < 0) {
    request.error = -EINVAL;
    return;
  }
  const int fd = ::socket(family, request.type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    request.error = -errno;
    return;
  }
  request.error = set_up(request, fd, family);
  if (request.error != 0) {
    ::close(fd);
    return;
  }
  request.d = descriptor_or_close(fd, request.error);
  if (request.d != nullptr) request.d->has_marks = family == AF_UNIX;
}

void adopt_at_home(void* arg) {
  auto& request = *static_cast<adopt_request*>(arg);
  if (!request.nonblocking) {
    const int flags = ::fcntl(request.fd, F_GETFL);
    if (flags < 0 || ::fcntl(request.fd, F_SETFL, flags | O_NONBLOCK) < 0) {
      request.error = -errno;
      ::close(request.fd);
      return;
    }
  }
  request.d = descriptor_or_close(request.fd, request.error);
  if (request.d != nullptr) request.d->has_marks = request.has_marks;
}

void connect_at_home(void* arg) {
  auto& request = *static_cast<connect_request*>(arg);
  if (!request.begun) {
    const int done =
        ::connect(request.fd, address_of(*request.to), static_cast<socklen_t>(request.to->size()));
    request.result = done == 0 ? 0 : errno == EINTR ? -EINPROGRESS : -errno;
    return;
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(request.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    request.result = -errno;
  } else if (error != 0) {
    request.result = -error;
  } else {  // a wake-up for nothing looks the same, but then there is no peer yet
    sockaddr_storage peer;
    size = sizeof peer;
    const int known = ::getpeername(request.fd, reinterpret_cast<sockaddr*>(&peer), &size);
    request.result = known == 0 ? 0 : errno == ENOTCONN ? -EINPROGRESS : -errno;
  }
}

void name_at_home(void* arg) {
  auto& request = *static_cast<name_request*>(arg);
  sockaddr_storage name;
  socklen_t size = sizeof name;
  const int done = request.peer
                       ? ::getpeername(request.fd, reinterpret_cast<sockaddr*>(&name), &size)
                       : ::getsockname(request.fd, reinterpret_cast<sockaddr*>(&name), &size);
  if (done != 0) {
    request.error = -errno;
    return;
  }
  if (size > net::endpoint::capacity) size = net::endpoint::capacity;
  std::memcpy(request.out->data(), &name, size);
  request.out->resize(size);
}

void option_at_home(void* arg) {
  auto& request = *static_cast<option_request*>(arg);
  request.error = set_option(request.fd, request.level, request.name, request.value);
}

void shutdown_at_home(void* arg) {
  auto& request = *static_cast<shutdown_request*>(arg);
  request.error = ::shutdown(request.fd, request.how) == 0 ? 0 : -errno;
}

void sendfile_at_home(void* arg) {
  auto& request = *static_cast<sendfile_request*>(arg);
  sigpipe_guard guard;
  off_t offset = request.offset != nullptr ? static_cast<off_t>(*request.offset) : 0;
  const ssize_t n = ::sendfile(request.to, request.from,
                               request.offset != nullptr ? &offset : nullptr, request.n);
  request.result = n >= 0 ? n : -errno;
  guard.came = request.result == -EPIPE;
  if (request.offset != nullptr && n >= 0) *request.offset = offset;
}

void unlink_at_home(void* arg) {
  const auto& at = *static_cast<const net::endpoint*>(arg);
  if (at.family() != net::address_family::unix_path) return;
  sockaddr_un un{};
  std::memcpy(&un, at.data(), at.size());
  if (un.sun_path[0] != '\0') ::unlink(un.sun_path);
}

}  // namespace gmp::detail
