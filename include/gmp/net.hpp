// Sockets in blocking style: a call that cannot go on parks its G; the thread runs others.
//
// All of it works in Gs, and on plain threads, which block, with or without a runtime. One object
// may be used by several Gs and threads at once: any number may read, write, accept, set deadlines
// and close it; only moving and destroying it need that nobody else uses the object. Not for signal
// handlers. No call raises SIGPIPE.
//
// Each call has two forms: one throws std::system_error, one sets a std::error_code. Errors are the
// system's (generic category), and:
//   std::errc::timed_out            the deadline of the direction has passed, or passed meanwhile
//   std::errc::operation_canceled   the socket was closed by close() while the call waited
//   std::errc::bad_file_descriptor  it was closed before, or never open
// Either form throws when the runtime stops while it waits (gmp::detail::unwind_exception).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <gmp/detail/time.hpp>
#include <gmp/endpoint.hpp>

namespace gmp {
class context;
namespace detail {
class descriptor;
}
}  // namespace gmp

namespace gmp::net {

// Pieces of memory for readv and writev; laid out as iovec.
struct mutable_buffer {
  void* data;
  std::size_t size;
};
struct const_buffer {
  const void* data;
  std::size_t size;
};

// What all sockets have. Movable; the destructor closes.
class socket {
 public:
  socket(socket&& other) noexcept : d_(std::exchange(other.d_, nullptr)) {}
  socket& operator=(socket&& other) noexcept {
    if (this != &other) {
      reset();
      d_ = std::exchange(other.d_, nullptr);
    }
    return *this;
  }
  ~socket() { reset(); }

  // Ends it: every call that waits on it returns operation_canceled, calls from now on
  // bad_file_descriptor. Idempotent; may be called while others use it. Go: Conn.Close.
  void close() noexcept;
  // The same; a second one gives bad_file_descriptor.
  void close(std::error_code& error) noexcept;
  bool is_open() const noexcept;
  // The file descriptor, -1 when closed. It stays the socket's: do not close it, and leave it
  // non-blocking.
  int native_handle() const noexcept;

  endpoint local() const;  // Go: LocalAddr
  endpoint local(std::error_code& error) const noexcept;

  // From then on reads (and accepts), writes, or both give timed_out, those that wait and those
  // that come, until it is moved. A time in the past counts. Go: SetDeadline.
  template <class Clock, class Duration>
  void set_deadline(std::chrono::time_point<Clock, Duration> t) noexcept {
    const auto when = detail::deadline_at(t);
    set_deadlines(when, true, true);
  }
  template <class Clock, class Duration>
  void set_read_deadline(std::chrono::time_point<Clock, Duration> t) noexcept {
    set_deadlines(detail::deadline_at(t), true, false);
  }
  template <class Clock, class Duration>
  void set_write_deadline(std::chrono::time_point<Clock, Duration> t) noexcept {
    set_deadlines(detail::deadline_at(t), false, true);
  }
  void clear_deadline() noexcept { set_deadlines(detail::forever, true, true); }
  void clear_read_deadline() noexcept { set_deadlines(detail::forever, true, false); }
  void clear_write_deadline() noexcept { set_deadlines(detail::forever, false, true); }

 protected:
  socket() noexcept = default;
  explicit socket(detail::descriptor* d) noexcept : d_(d) {}
  void set_deadlines(detail::nanoseconds_count when, bool reads, bool writes) noexcept;
  void reset() noexcept;

  detail::descriptor* d_ = nullptr;
};

// A connected stream of bytes. Go: net.Conn.
class stream_socket : public socket {
 public:
  // Waits for at least one byte; returns how many were read, 0: end of file (or an empty span).
  std::size_t read_some(std::span<std::byte> to);
  std::size_t read_some(std::span<std::byte> to, std::error_code& error);
  std::size_t read_some(void* to, std::size_t n) {
    return read_some({static_cast<std::byte*>(to), n});
  }
  std::size_t read_some(void* to, std::size_t n, std::error_code& error) {
    return read_some({static_cast<std::byte*>(to), n}, error);
  }

  // Writes at least one byte; returns how many. A closed peer: broken_pipe or connection_reset.
  std::size_t write_some(std::span<const std::byte> from);
  std::size_t write_some(std::span<const std::byte> from, std::error_code& error);
  std::size_t write_some(const void* from, std::size_t n) {
    return write_some({static_cast<const std::byte*>(from), n});
  }
  std::size_t write_some(const void* from, std::size_t n, std::error_code& error) {
    return write_some({static_cast<const std::byte*>(from), n}, error);
  }

  // Fills the span; fewer bytes only at end of file, or with an error. Go: io.ReadFull.
  std::size_t read_full(std::span<std::byte> to);
  std::size_t read_full(std::span<std::byte> to, std::error_code& error);
  std::size_t read_full(void* to, std::size_t n) {
    return read_full({static_cast<std::byte*>(to), n});
  }
  std::size_t read_full(void* to, std::size_t n, std::error_code& error) {
    return read_full({static_cast<std::byte*>(to), n}, error);
  }

  // Writes all of it; fewer bytes only with an error.
  std::size_t write_all(std::span<const std::byte> from);
  std::size_t write_all(std::span<const std::byte> from, std::error_code& error);
  std::size_t write_all(const void* from, std::size_t n) {
    return write_all({static_cast<const std::byte*>(from), n});
  }
  std::size_t write_all(const void* from, std::size_t n, std::error_code& error) {
    return write_all({static_cast<const std::byte*>(from), n}, error);
  }

  // Several pieces in one system call: as read_some and write_some. More than 1,024 pieces: the
  // first 1,024.
  std::size_t readv(std::span<const mutable_buffer> to);
  std::size_t readv(std::span<const mutable_buffer> to, std::error_code& error);
  std::size_t writev(std::span<const const_buffer> from);
  std::size_t writev(std::span<const const_buffer> from, std::error_code& error);

  // Sends up to n bytes of an open file, from `offset` on, without copying them through this
  // process; fewer only at the end of the file, or with an error. The file must be one that can be
  // mapped (a regular one). Reading it may block the thread. Go: sendfile in net.TCPConn.ReadFrom.
  std::size_t sendfile(int file, std::uint64_t offset, std::size_t n);
  std::size_t sendfile(int file, std::uint64_t offset, std::size_t n, std::error_code& error);

  // Half-close: the peer reads end of file, and may go on sending. Go: CloseWrite.
  void shutdown_write();
  void shutdown_write(std::error_code& error) noexcept;
  // The other half. Go: CloseRead.
  void shutdown_read();
  void shutdown_read(std::error_code& error) noexcept;

  endpoint remote() const;  // Go: RemoteAddr
  endpoint remote(std::error_code& error) const noexcept;

 protected:
  stream_socket() noexcept = default;
  explicit stream_socket(detail::descriptor* d) noexcept : socket(d) {}
};

// A TCP connection; Nagle's delay is off, keep-alive on. Go: net.TCPConn.
class tcp_stream : public stream_socket {
 public:
  tcp_stream() noexcept = default;  // not open

  // Waits until it is connected. Text: "host:port"; a name is looked up and its addresses are
  // tried one after the other. Go: net.Dial.
  static tcp_stream connect(const endpoint& to);
  static tcp_stream connect(const endpoint& to, std::error_code& error);
  static tcp_stream connect(std::string_view host_and_port);
  static tcp_stream connect(std::string_view host_and_port, std::error_code& error);
  // The same until the context is cancelled: its err(). Go: Dialer.DialContext.
  static tcp_stream connect(const endpoint& to, const context& until);
  static tcp_stream connect(const endpoint& to, const context& until, std::error_code& error);
  static tcp_stream connect(std::string_view host_and_port, const context& until);
  static tcp_stream connect(std::string_view host_and_port, const context& until,
                            std::error_code& error);
  // The same, not longer than until then: timed_out.
  static tcp_stream connect_until(const endpoint& to, std::chrono::steady_clock::time_point until,
                                  std::error_code& error);
  static tcp_stream connect_until(const endpoint& to, std::chrono::steady_clock::time_point until);

  // true: small writes wait for more (Nagle's algorithm). Go: SetNoDelay(false).
  void set_delay(bool on);

 private:
  friend class tcp_listener;
  using stream_socket::stream_socket;
};

// A unix stream connection. Go: net.UnixConn.
class unix_stream : public stream_socket {
 public:
  unix_stream() noexcept = default;  // not open

  // As "unix:/path" or "/path". Waits while the listener's backlog is full.
  static unix_stream connect(const endpoint& to);
  static unix_stream connect(const endpoint& to, std::error_code& error);
  static unix_stream connect(std::string_view path);
  static unix_stream connect(std::string_view path, std::error_code& error);
  // Two ends of one connection.
  static std::pair<unix_stream, unix_stream> pair();

 private:
  friend class unix_listener;
  using stream_socket::stream_socket;
};

struct listen_options {
  int backlog = 4096;         // connections that wait for accept(); the kernel cuts it to somaxconn
  bool reuse_port = false;    // several sockets may listen on one port; the kernel spreads the load
  bool reuse_address = true;  // also while old connections linger (TIME_WAIT)
  bool only_v6 = false;       // an IPv6 listener does not take IPv4 connections
};

// Waits for TCP connections. accept() when descriptors are exhausted: too_many_files_open; nobody
// is lost, the connection waits in the backlog: back off and go on. Go: net.TCPListener.
class tcp_listener : public socket {
 public:
  tcp_listener() noexcept = default;  // not open

  // Port 0: any, see local(). Text: "host:port", ":port"; a name is looked up, the first address
  // counts.
  static tcp_listener listen(const endpoint& at, const listen_options& how = {});
  static tcp_listener listen(const endpoint& at, const listen_options& how, std::error_code& error);
  static tcp_listener listen(std::string_view host_and_port, const listen_options& how = {});
  static tcp_listener listen(std::string_view host_and_port, const listen_options& how,
                             std::error_code& error);

  tcp_stream accept();
  tcp_stream accept(std::error_code& error);

 private:
  using socket::socket;
};

// The same on a path of the file system, which it removes when it is closed. Go: net.UnixListener.
class unix_listener : public socket {
 public:
  unix_listener() noexcept = default;  // not open
  unix_listener(unix_listener&&) noexcept = default;
  unix_listener& operator=(unix_listener&& other) noexcept;
  ~unix_listener();

  static unix_listener listen(const endpoint& at, const listen_options& how = {});
  static unix_listener listen(const endpoint& at, const listen_options& how,
                              std::error_code& error);
  static unix_listener listen(std::string_view path, const listen_options& how = {});
  static unix_listener listen(std::string_view path, const listen_options& how,
                              std::error_code& error);

  unix_stream accept();
  unix_stream accept(std::error_code& error);
  void close() noexcept;
  void close(std::error_code& error) noexcept;

 private:
  using socket::socket;
};

// Datagrams, over UDP or (unix endpoints) a unix socket. A datagram longer than the span is cut
// off. Go: net.UDPConn, net.UnixConn.
class udp_socket : public socket {
 public:
  udp_socket() noexcept = default;  // not open

  // Port 0: any.
  static udp_socket bind(const endpoint& at, const listen_options& how = {});
  static udp_socket bind(const endpoint& at, const listen_options& how, std::error_code& error);
  static udp_socket bind(std::string_view host_and_port, const listen_options& how = {});
  // A socket of that family with an address of the system's choice, for `send` and `recv`.
  static udp_socket connected_to(const endpoint& to);

  // Sends only there and receives only from there, from now on.
  void connect(const endpoint& to);
  void connect(const endpoint& to, std::error_code& error) noexcept;

  std::size_t send_to(std::span<const std::byte> from, const endpoint& to);
  std::size_t send_to(std::span<const std::byte> from, const endpoint& to, std::error_code& error);
  std::size_t recv_from(std::span<std::byte> to, endpoint& sender);
  std::size_t recv_from(std::span<std::byte> to, endpoint& sender, std::error_code& error);
  // Connected ones.
  std::size_t send(std::span<const std::byte> from);
  std::size_t send(std::span<const std::byte> from, std::error_code& error);
  std::size_t recv(std::span<std::byte> to);
  std::size_t recv(std::span<std::byte> to, std::error_code& error);

 private:
  using socket::socket;
};

using unix_datagram = udp_socket;

}  // namespace gmp::net
