// Addresses from and to text.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/attributes.hpp"
#include "io/names.hpp"

namespace gmp::detail {
namespace {

using net::address_family;
using net::endpoint;

constexpr std::string_view unix_prefix = "unix:";

bool parse_port(std::string_view text, std::uint16_t& port) noexcept {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  return !text.empty() && error == std::errc() && stop == end;
}

int parse_unix(std::string_view path, endpoint& out) noexcept {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof un.sun_path) return EINVAL;
  if (path.find('\0') != std::string_view::npos) return EINVAL;
  std::memcpy(un.sun_path, path.data(), path.size());
  std::size_t size = offsetof(sockaddr_un, sun_path) + path.size() + 1;
  if (path.front() == '@') {  // abstract: a name with a length, no end mark
    un.sun_path[0] = '\0';
    --size;
  }
  std::memcpy(out.data(), &un, size);
  out.resize(size);
  return 0;
}

// A host without a NUL, in a buffer that inet_pton can take.
bool copy_host(std::string_view host, char (&text)[80]) noexcept {
  if (host.size() >= sizeof text || host.find('\0') != std::string_view::npos) return false;
  std::memcpy(text, host.data(), host.size());
  text[host.size()] = '\0';
  return true;
}

int parse_v6(char* text, std::uint16_t port, endpoint& out) noexcept {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  if (char* zone = std::strchr(text, '%'); zone != nullptr) {
    *zone++ = '\0';
    std::uint32_t number = 0;
    const char* end = zone + std::strlen(zone);
    if (std::from_chars(zone, end, number).ptr != end || zone == end) number = if_nametoindex(zone);
    if (number == 0) return EINVAL;
    in.sin6_scope_id = number;
  }
  if (inet_pton(AF_INET6, text, &in.sin6_addr) != 1) return EINVAL;
  std::memcpy(out.data(), &in, sizeof in);
  out.resize(sizeof in);
  return 0;
}

int parse_inet(std::string_view text, endpoint& out) noexcept {
  std::string_view host;
  std::string_view service;
  std::uint16_t port = 0;
  char buffer[80];
  if (!split_host_port(text, host, service) || !parse_port(service, port)) return EINVAL;
  if (!copy_host(host, buffer)) return EINVAL;
  if (text.front() == '[') return parse_v6(buffer, port, out);
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  if (!host.empty() && inet_pton(AF_INET, buffer, &in.sin_addr) != 1) return EINVAL;
  std::memcpy(out.data(), &in, sizeof in);
  out.resize(sizeof in);
  return 0;
}

void format_v6(const endpoint& at, bool whole, char* text, std::size_t room) noexcept {
  sockaddr_in6 in;
  std::memcpy(&in, at.data(), sizeof in);
  char address[INET6_ADDRSTRLEN + 1];
  inet_ntop(AF_INET6, &in.sin6_addr, address, sizeof address);
  char zone[16] = "";
  if (in.sin6_scope_id != 0)
    std::snprintf(zone, sizeof zone, "%%%u", static_cast<unsigned>(in.sin6_scope_id));
  if (whole)
    std::snprintf(text, room, "[%s%s]:%u", address, zone, ntohs(in.sin6_port));
  else
    std::snprintf(text, room, "%s%s", address, zone);
}

void format_v4(const endpoint& at, bool whole, char* text, std::size_t room) noexcept {
  sockaddr_in in;
  std::memcpy(&in, at.data(), sizeof in);
  char address[INET_ADDRSTRLEN + 1];
  inet_ntop(AF_INET, &in.sin_addr, address, sizeof address);
  if (whole)
    std::snprintf(text, room, "%s:%u", address, ntohs(in.sin_port));
  else
    std::snprintf(text, room, "%s", address);
}

void format_unix(const endpoint& at, bool whole, char* text, std::size_t room) noexcept {
  sockaddr_un un{};
  std::memcpy(&un, at.data(), at.size() < sizeof un ? at.size() : sizeof un);
  std::size_t n = at.size() - offsetof(sockaddr_un, sun_path);
  if (n > sizeof un.sun_path || at.size() <= offsetof(sockaddr_un, sun_path)) n = 0;
  if (n != 0 && un.sun_path[0] == '\0') {
    un.sun_path[0] = '@';
  } else {
    n = strnlen(un.sun_path, n);
  }
  std::snprintf(text, room, "%s%.*s", whole ? "unix:" : "", static_cast<int>(n), un.sun_path);
}

}  // namespace

bool split_host_port(std::string_view text, std::string_view& host,
                     std::string_view& port) noexcept {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  host = text.substr(0, colon);
  port = text.substr(colon + 1);
  if (!host.empty() && host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return false;
    host = host.substr(1, host.size() - 2);
    return true;
  }
  return host.find_first_of(":[]") == std::string_view::npos;
}

void parse_at_home(void* arg) {
  auto& request = *static_cast<parse_request*>(arg);
  const std::string_view text = request.text;
  request.error = text.starts_with(unix_prefix)
                      ? parse_unix(text.substr(unix_prefix.size()), request.out)
                      : parse_inet(text, request.out);
}

void format_at_home(void* arg) {
  auto& request = *static_cast<format_request*>(arg);
  request.text[0] = '\0';
  switch (request.at->family()) {
    case address_family::v4:
      format_v4(*request.at, request.whole, request.text, sizeof request.text);
      break;
    case address_family::v6:
      format_v6(*request.at, request.whole, request.text, sizeof request.text);
      break;
    case address_family::unix_path:
      format_unix(*request.at, request.whole, request.text, sizeof request.text);
      break;
    case address_family::none:
      break;
  }
}

}  // namespace gmp::detail
