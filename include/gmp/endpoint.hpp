// Addresses of sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace gmp {
class context;
}

namespace gmp::net {

enum class address_family : std::uint8_t { none, v4, v6, unix_path };

// An IPv4 or IPv6 address with a port, or the path of a unix socket. A value; every function may be
// called from anywhere. Go: net.TCPAddr, net.UDPAddr, net.UnixAddr.
class endpoint {
 public:
  static constexpr std::size_t capacity = 112;  // bytes of the longest socket address

  // No address.
  endpoint() noexcept = default;

  // From "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", ":80" (any IPv4 address), "unix:/path" or
  // "unix:@abstract". Names are not looked up: use resolve(). Throws std::system_error with
  // std::errc::invalid_argument that quotes the text.
  explicit endpoint(std::string_view text);
  // The same; `error` is set or cleared, and on an error there is no address.
  static endpoint parse(std::string_view text, std::error_code& error) noexcept;

  static endpoint any_v4(std::uint16_t port) noexcept;
  static endpoint any_v6(std::uint16_t port) noexcept;
  static endpoint loopback_v4(std::uint16_t port) noexcept;
  static endpoint loopback_v6(std::uint16_t port) noexcept;

  address_family family() const noexcept;
  // 0 for unix paths and no address.
  std::uint16_t port() const noexcept;
  endpoint with_port(std::uint16_t port) const noexcept;
  // The address without its port: "127.0.0.1", "::1", "/path". Empty: none, or an unnamed unix
  // socket.
  std::string address() const;
  // What the constructor takes; empty for no address.
  std::string to_string() const;
  // True: there is an address.
  explicit operator bool() const noexcept { return size_ != 0; }

  friend bool operator==(const endpoint& a, const endpoint& b) noexcept;

  // As the system's calls take it: a sockaddr of size() bytes.
  const void* data() const noexcept { return bytes_; }
  void* data() noexcept { return bytes_; }
  std::size_t size() const noexcept { return size_; }
  // After a system call wrote it. More than `capacity`: cut off.
  void resize(std::size_t size) noexcept {
    size_ = static_cast<std::uint32_t>(size < capacity ? size : capacity);
  }

 private:
  alignas(8) std::byte bytes_[capacity] = {};
  std::uint32_t size_ = 0;
};

// The addresses of a host ("localhost", "::1"; empty: any) and a service ("http", "8080", "" for
// port 0), in the resolver's order, without duplicates. The lookup runs on a thread of its own; the
// calling G parks, and is unwound at once when its runtime stops. A plain thread blocks. What is a
// number already needs no lookup. Throws std::system_error (category: resolve_category(), or the
// generic one). Go: net.Resolver.LookupHost.
std::vector<endpoint> resolve(std::string_view host, std::string_view service);
std::vector<endpoint> resolve(std::string_view host, std::string_view service,
                              std::error_code& error);
// The same until the context is cancelled: its err(). The lookup itself goes on unheard.
std::vector<endpoint> resolve(std::string_view host, std::string_view service, const context& until,
                              std::error_code& error);
// The same for "host:port", "[v6]:port", ":port".
std::vector<endpoint> resolve(std::string_view host_and_port);
std::vector<endpoint> resolve(std::string_view host_and_port, std::error_code& error);

// The errors of getaddrinfo. "No such name" compares equal to std::errc::no_such_device_or_address.
const std::error_category& resolve_category() noexcept;

}  // namespace gmp::net
