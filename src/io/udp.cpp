// Datagrams.
#include <sys/socket.h>

#include "gmp/net.hpp"
#include "io/socket.hpp"
#include "io/syscall.hpp"

namespace gmp::net {

using namespace detail;

namespace {

// After a datagram there may be another: nothing tells.
constexpr auto never_drained = [](long) { return false; };

long receive(descriptor* d, std::span<std::byte> to, endpoint* sender) {
  iovec piece{to.data(), to.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  return io_receive(
      d, wait_reason::io_read,
      [&](int fd) {
        if (sender != nullptr) {
          message.msg_name = sender->data();
          message.msg_namelen = endpoint::capacity;
        }
        const long n = sys_recvmsg(fd, &message, MSG_DONTWAIT);
        if (n >= 0 && sender != nullptr) sender->resize(message.msg_namelen);
        return n;
      },
      never_drained);
}

long transmit(descriptor* d, std::span<const std::byte> from, const endpoint* to) {
  iovec piece{const_cast<std::byte*>(from.data()), from.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (to != nullptr) {
    message.msg_name = const_cast<void*>(to->data());
    message.msg_namelen = static_cast<socklen_t>(to->size());
  }
  return io_send(d, wait_reason::io_write,
                 [&](int fd) { return sys_sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
}

}  // namespace

udp_socket udp_socket::bind(const endpoint& at, const listen_options& how, std::error_code& error) {
  open_request request{};
  request.at = &at;
  request.type = SOCK_DGRAM;
  request.bind = true;
  request.reuse_port = how.reuse_port;
  request.only_v6 = how.only_v6;
  return udp_socket(open_socket(request, error));
}

udp_socket udp_socket::bind(const endpoint& at, const listen_options& how) {
  std::error_code error;
  udp_socket made = bind(at, how, error);
  throw_if(error, "gmp::net::udp_socket::bind");
  return made;
}

udp_socket udp_socket::bind(std::string_view host_and_port, const listen_options& how) {
  return bind(endpoint(host_and_port), how);
}

udp_socket udp_socket::connected_to(const endpoint& to) {
  open_request request{};
  request.at = &to;
  request.type = SOCK_DGRAM;
  std::error_code error;
  udp_socket made(open_socket(request, error));
  throw_if(error, "gmp::net::udp_socket::connected_to");
  made.connect(to);
  return made;
}

void udp_socket::connect(const endpoint& to, std::error_code& error) noexcept {
  const io_stay stay(d_);
  if (!stay) {
    told(-EBADF, error);
    return;
  }
  connect_request request{d_->fd(), &to};
  call_on_home(&connect_home, &request);
  told(request.result, error);
}

void udp_socket::connect(const endpoint& to) {
  std::error_code error;
  connect(to, error);
  throw_if(error, "gmp::net::udp_socket::connect");
}

std::size_t udp_socket::send_to(std::span<const std::byte> from, const endpoint& to) {
  return or_throw(transmit(d_, from, &to), "gmp::net::udp_socket::send_to");
}
std::size_t udp_socket::send_to(std::span<const std::byte> from, const endpoint& to,
                                std::error_code& error) {
  return told(transmit(d_, from, &to), error);
}
std::size_t udp_socket::recv_from(std::span<std::byte> to, endpoint& sender) {
  return or_throw(receive(d_, to, &sender), "gmp::net::udp_socket::recv_from");
}
std::size_t udp_socket::recv_from(std::span<std::byte> to, endpoint& sender,
                                  std::error_code& error) {
  return told(receive(d_, to, &sender), error);
}
std::size_t udp_socket::send(std::span<const std::byte> from) {
  return or_throw(transmit(d_, from, nullptr), "gmp::net::udp_socket::send");
}
std::size_t udp_socket::send(std::span<const std::byte> from, std::error_code& error) {
  return told(transmit(d_, from, nullptr), error);
}
std::size_t udp_socket::recv(std::span<std::byte> to) {
  return or_throw(receive(d_, to, nullptr), "gmp::net::udp_socket::recv");
}
std::size_t udp_socket::recv(std::span<std::byte> to, std::error_code& error) {
  return told(receive(d_, to, nullptr), error);
}

}  // namespace gmp::net
