// What the socket classes share inside.
#pragma once

#include <system_error>

#include "gmp/endpoint.hpp"
#include "io/home.hpp"
#include "io/wait.hpp"
#include "stack/stack.hpp"

namespace gmp::detail {

// A result or a negative errno, told by an error_code.
inline std::size_t told(long n, std::error_code& error) noexcept {
  if (__builtin_expect(n < 0, 0)) {
    error = std::error_code(static_cast<int>(-n), std::generic_category());
    return 0;
  }
  error.clear();
  return static_cast<std::size_t>(n);
}

[[noreturn]] void throw_io(std::error_code error, const char* call);
inline void throw_if(const std::error_code& error, const char* call) {
  if (__builtin_expect(error.value() != 0, 0)) throw_io(error, call);
}
[[noreturn]] void throw_errno(long negative, const char* call);
inline std::size_t or_throw(long n, const char* call) {
  if (__builtin_expect(n < 0, 0)) throw_errno(n, call);
  return static_cast<std::size_t>(n);
}

// Runs a request's home half on an entered descriptor; -EBADF if it is closed.
template <class Request>
long on_descriptor(descriptor* d, void (*home)(void*), Request& request) noexcept {
  const io_stay stay(d);
  if (!stay) return -EBADF;
  request.fd = d->fd();
  call_on_home(home, &request);
  return request.error;
}

// An open socket; null: `error` says why.
descriptor* open_socket(open_request& request, std::error_code& error) noexcept;
// An unconnected TCP one; null: `error` says why.
descriptor* open_tcp(const net::endpoint& to, std::error_code& error) noexcept;
// Waits until it is connected: 0 or a negative errno. The write deadline holds.
long connect_to_end(descriptor& d, const net::endpoint& to);
// Connects an open one; it is closed on an error, and null returned.
descriptor* connect_socket(descriptor* d, const net::endpoint& to, std::error_code& error);
// Accepted from a listener; null: `error` says why.
descriptor* accept_socket(descriptor* listener, std::error_code& error);
// Closes it and lets go of the handle.
void close_and_drop(descriptor* d) noexcept;

}  // namespace gmp::detail
