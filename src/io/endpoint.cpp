#include "gmp/endpoint.hpp"

#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

#include "io/names.hpp"
#include "stack/stack.hpp"

namespace gmp::net {

using namespace detail;

namespace {

static_assert(endpoint::capacity >= sizeof(sockaddr_un) &&
              endpoint::capacity >= sizeof(sockaddr_in6));

std::uint16_t swapped(std::uint16_t value) noexcept { return __builtin_bswap16(value); }

endpoint make_v4(std::uint32_t address, std::uint16_t port) noexcept {
  endpoint e;
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = swapped(port);
  in.sin_addr.s_addr = __builtin_bswap32(address);
  std::memcpy(e.data(), &in, sizeof in);
  e.resize(sizeof in);
  return e;
}

endpoint make_v6(unsigned char last, std::uint16_t port) noexcept {
  endpoint e;
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = swapped(port);
  in.sin6_addr.s6_addr[15] = last;
  std::memcpy(e.data(), &in, sizeof in);
  e.resize(sizeof in);
  return e;
}

// The port stands at the same place in both.
static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
constexpr std::size_t port_offset = offsetof(sockaddr_in, sin_port);

}  // namespace

endpoint::endpoint(std::string_view text) {
  std::error_code error;
  *this = parse(text, error);
  if (error) throw_bad_endpoint(text, error);
}

endpoint endpoint::parse(std::string_view text, std::error_code& error) noexcept {
  parse_request request{text, {}, 0};
  call_on_home(&parse_home, &request);
  error = request.error == 0 ? std::error_code()
                             : std::error_code(request.error, std::generic_category());
  return request.out;
}

endpoint endpoint::any_v4(std::uint16_t port) noexcept { return make_v4(0, port); }
endpoint endpoint::any_v6(std::uint16_t port) noexcept { return make_v6(0, port); }
endpoint endpoint::loopback_v4(std::uint16_t port) noexcept { return make_v4(0x7f000001, port); }
endpoint endpoint::loopback_v6(std::uint16_t port) noexcept { return make_v6(1, port); }

address_family endpoint::family() const noexcept {
  if (size_ < sizeof(sa_family_t)) return address_family::none;
  sa_family_t family;
  std::memcpy(&family, bytes_, sizeof family);
  switch (family) {
    case AF_INET:
      return address_family::v4;
    case AF_INET6:
      return address_family::v6;
    case AF_UNIX:
      return address_family::unix_path;
    default:
      return address_family::none;
  }
}

std::uint16_t endpoint::port() const noexcept {
  const address_family kind = family();
  if (kind != address_family::v4 && kind != address_family::v6) return 0;
  std::uint16_t port;
  std::memcpy(&port, bytes_ + port_offset, sizeof port);
  return swapped(port);
}

endpoint endpoint::with_port(std::uint16_t port) const noexcept {
  endpoint other = *this;
  const address_family kind = family();
  if (kind == address_family::v4 || kind == address_family::v6) {
    port = swapped(port);
    std::memcpy(other.bytes_ + port_offset, &port, sizeof port);
  }
  return other;
}

std::string endpoint::address() const {
  format_request request{this, false, {}};
  call_on_home(&format_home, &request);
  return std::string(request.text);
}

std::string endpoint::to_string() const {
  format_request request{this, true, {}};
  call_on_home(&format_home, &request);
  return std::string(request.text);
}

bool operator==(const endpoint& a, const endpoint& b) noexcept {
  return a.size_ == b.size_ && std::memcmp(a.bytes_, b.bytes_, a.size_) == 0;
}

}  // namespace gmp::net
