// TLS over any stream of this library, client and server. Not part of gmp.hpp; link gmpsched::tls,
// which is there when OpenSSL was found. Go: crypto/tls.
//
//   auto config = gmp::tls::config::client();
//   gmp::tls::stream stream(gmp::net::tcp_stream::connect("example.org:443"), config,
//   "example.org"); stream.write_all(request);
//
// OpenSSL works on memory alone and never waits: what waits is this stream, for the one below, and
// it parks as that does. Everything may be called from Gs and plain threads, not from signal
// handlers. Each call has a form that throws std::system_error and one that sets a std::error_code.
// Errors are those of the stream below, and those of tls::category(), which compare equal to one of
// tls::errc; their message() is OpenSSL's.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmp/io.hpp>
#include <gmp/net.hpp>

namespace gmp::tls {

enum class errc {
  truncated = 1,  // the stream below has ended without the peer having said so: an attack, perhaps
  certificate = 2,  // the peer's was not accepted: message() says why
  protocol = 3,  // anything else: no version or cipher in common, bytes that are not TLS, an alert
};
const std::error_category& category() noexcept;
inline std::error_condition make_error_condition(errc e) noexcept {
  return {static_cast<int>(e), category()};
}

}  // namespace gmp::tls

template <>
struct std::is_error_condition_enum<gmp::tls::errc> : std::true_type {};

namespace gmp::detail {

struct tls_config;
struct tls_session;

// The stream below, for the library's half.
class tls_transport {
 public:
  virtual std::size_t read_some(std::span<std::byte> to, std::error_code& error) = 0;
  virtual std::size_t write_some(std::span<const std::byte> from, std::error_code& error) = 0;

 protected:
  ~tls_transport() = default;
};

template <class S>
class tls_over final : public tls_transport {
 public:
  explicit tls_over(S& below) noexcept : below_(below) {}
  std::size_t read_some(std::span<std::byte> to, std::error_code& error) override {
    return below_.read_some(to, error);
  }
  std::size_t write_some(std::span<const std::byte> from, std::error_code& error) override {
    return below_.write_some(from, error);
  }

 private:
  S& below_;
};

struct tls_session_delete {
  void operator()(tls_session* session) const noexcept;
};
using tls_session_owner = std::unique_ptr<tls_session, tls_session_delete>;

tls_session_owner tls_open(const std::shared_ptr<tls_config>& config, std::string_view server_name);
void tls_handshake(tls_session& s, tls_transport& below, std::error_code& error);
std::size_t tls_read(tls_session& s, tls_transport& below, std::span<std::byte> to,
                     std::error_code& error);
std::size_t tls_write(tls_session& s, tls_transport& below, std::span<const net::const_buffer> from,
                      std::error_code& error);
void tls_shutdown(tls_session& s, tls_transport& below, std::error_code& error);
// The same, unless somebody writes just now, or nothing was agreed on.
void tls_say_goodbye(tls_session& s, tls_transport& below);
std::string tls_protocol(tls_session& s);
std::string tls_version(tls_session& s);

}  // namespace gmp::detail

namespace gmp::tls {

// Certificates and rules that many streams share. A reference: copies are the same object. Set it
// up before streams use it; then any number of Gs and threads may. All members that read files
// throw std::system_error with the file's name; all may throw std::bad_alloc. Versions before
// TLS 1.2 are refused. Go: tls.Config.
class config {
 public:
  // Trusts whom the system trusts, and checks that the server is who it should be.
  static config client();
  // Trusts those whose certificates are in this file (PEM), and nobody else.
  static config client(const std::string& trusted_file);
  // Shows the certificate (PEM, with the chain above it) whose private key is in the other file
  // (PEM, not encrypted).
  static config server(const std::string& certificate_file, const std::string& key_file);

  // A client's own certificate, for servers that ask.
  config& certificate(const std::string& certificate_file, const std::string& key_file);
  // Servers: clients must show one that somebody in this file (PEM) has signed.
  config& require_client_certificate(const std::string& trusted_file);
  // Takes any certificate from the peer: protects against nobody who can change what is sent. Go:
  // InsecureSkipVerify.
  config& accept_any_certificate();
  // What is spoken over TLS, the most wanted first ("h2", "http/1.1"; 1 to 255 bytes each:
  // std::invalid_argument). A server that has nothing in common with a client that asks refuses it.
  // Go: NextProtos.
  config& protocols(const std::vector<std::string>& names);

  // For the templates of this header.
  const std::shared_ptr<detail::tls_config>& shared() const noexcept { return state_; }

 private:
  explicit config(std::shared_ptr<detail::tls_config> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<detail::tls_config> state_;
};

// TLS over S, a stream with read_some and write_some as in net.hpp, or a reference to one. Movable
// while nobody uses it. One G may read and another write at the same time; who else wants to read
// (or write) waits until the first one has finished, deadline or not. The destructor ends the
// stream below without a word to the peer, for whom it is truncated: call close(). Go: tls.Conn.
template <class S>
class stream {
 public:
  using next_layer_type = std::remove_reference_t<S>;

  // As the config says: a server, or a client of `server_name` (a name or an address, which is
  // checked against the certificate and sent along, SNI). A client that checks certificates needs
  // a name: std::invalid_argument. Nothing is sent yet.
  stream(S below, const config& how, std::string_view server_name = {})
      : below_(std::forward<S>(below)), session_(detail::tls_open(how.shared(), server_name)) {}
  stream(stream&&) noexcept = default;
  stream& operator=(stream&&) noexcept = default;

  // The stream below. Reading from or writing to it breaks this one.
  next_layer_type& next_layer() noexcept { return below_; }

  // Agrees with the peer on keys; the first read or write does it too. Once it has failed, other
  // than by timed_out, it fails the same way again. Go: Handshake.
  void handshake() {
    throwing("gmp::tls: handshake", [this](std::error_code& e) { this->handshake(e); });
  }
  void handshake(std::error_code& error) {
    over below(below_);
    detail::tls_handshake(*session_, below, error);
  }
  // After it: what both speak (ALPN; empty: nothing was agreed on), and "TLSv1.3".
  std::string protocol() const { return detail::tls_protocol(*session_); }
  std::string version() const { return detail::tls_version(*session_); }

  // Waits for at least one byte; returns how many, 0: the peer has ended its half (or an empty
  // span). tls::errc::truncated: the stream below ended first.
  std::size_t read_some(std::span<std::byte> to, std::error_code& error) {
    over below(below_);
    return detail::tls_read(*session_, below, to, error);
  }
  std::size_t read_some(std::span<std::byte> to) {
    return throwing("gmp::tls: read", [&](std::error_code& e) { return read_some(to, e); });
  }
  std::size_t read_some(void* to, std::size_t n) {
    return read_some({static_cast<std::byte*>(to), n});
  }
  std::size_t read_some(void* to, std::size_t n, std::error_code& error) {
    return read_some({static_cast<std::byte*>(to), n}, error);
  }

  // Writes at least one byte; returns how many. After an error, timed_out too, part of it may have
  // been sent, and every later write gives the same error.
  std::size_t write_some(std::span<const std::byte> from, std::error_code& error) {
    const net::const_buffer piece{from.data(), from.size()};
    return writev({&piece, 1}, error);
  }
  std::size_t write_some(std::span<const std::byte> from) {
    return throwing("gmp::tls: write", [&](std::error_code& e) { return write_some(from, e); });
  }
  std::size_t write_some(const void* from, std::size_t n) {
    return write_some({static_cast<const std::byte*>(from), n});
  }
  std::size_t write_some(const void* from, std::size_t n, std::error_code& error) {
    return write_some({static_cast<const std::byte*>(from), n}, error);
  }
  // Several pieces with one call of the stream below.
  std::size_t writev(std::span<const net::const_buffer> from, std::error_code& error) {
    over below(below_);
    return detail::tls_write(*session_, below, from, error);
  }

  // As in net.hpp.
  std::size_t read_full(std::span<std::byte> to) { return io::read_full(*this, to); }
  std::size_t read_full(std::span<std::byte> to, std::error_code& error) {
    return io::read_full(*this, to, error);
  }
  std::size_t read_full(void* to, std::size_t n) { return io::read_full(*this, to, n); }
  std::size_t read_full(void* to, std::size_t n, std::error_code& error) {
    return io::read_full(*this, to, n, error);
  }
  std::size_t write_all(std::span<const std::byte> from) { return io::write_all(*this, from); }
  std::size_t write_all(std::span<const std::byte> from, std::error_code& error) {
    return io::write_all(*this, from, error);
  }
  std::size_t write_all(const void* from, std::size_t n) { return io::write_all(*this, from, n); }
  std::size_t write_all(const void* from, std::size_t n, std::error_code& error) {
    return io::write_all(*this, from, n, error);
  }

  // Tells the peer that nothing more will come (close_notify); reading goes on. Go: CloseWrite.
  void shutdown_write() {
    throwing("gmp::tls: shutdown_write", [this](std::error_code& e) { this->shutdown_write(e); });
  }
  void shutdown_write(std::error_code& error) {
    over below(below_);
    detail::tls_shutdown(*session_, below, error);
  }

  // The same, if nobody is writing and the peer takes it within five seconds, and closes the stream
  // below, which ends the calls that wait. Idempotent. Go: Close.
  void close() {
    if constexpr (requires { below_.set_write_deadline(std::chrono::steady_clock::now()); })
      below_.set_write_deadline(std::chrono::steady_clock::now() + std::chrono::seconds(5));
    over below(below_);
    detail::tls_say_goodbye(*session_, below);
    below_.close();
  }
  bool is_open() const noexcept { return below_.is_open(); }

  // The stream below's.
  template <class Time>
  void set_deadline(Time t) noexcept {
    below_.set_deadline(t);
  }
  template <class Time>
  void set_read_deadline(Time t) noexcept {
    below_.set_read_deadline(t);
  }
  template <class Time>
  void set_write_deadline(Time t) noexcept {
    below_.set_write_deadline(t);
  }
  void clear_deadline() noexcept { below_.clear_deadline(); }
  void clear_read_deadline() noexcept { below_.clear_read_deadline(); }
  void clear_write_deadline() noexcept { below_.clear_write_deadline(); }

 private:
  using over = detail::tls_over<next_layer_type>;

  template <class F>
  static auto throwing(const char* call, F f) {
    std::error_code error;
    if constexpr (std::is_void_v<decltype(f(error))>) {
      f(error);
      if (error) throw std::system_error(error, call);
    } else {
      const auto result = f(error);
      if (error) throw std::system_error(error, call);
      return result;
    }
  }

  S below_;
  detail::tls_session_owner session_;
};

template <class S>
stream(S&, const config&, std::string_view) -> stream<S&>;
template <class S>
stream(S&, const config&) -> stream<S&>;
template <class S>
requires(!std::is_lvalue_reference_v<S>) stream(S&&, const config&, std::string_view)
->stream<S>;
template <class S>
requires(!std::is_lvalue_reference_v<S>) stream(S&&, const config&)
->stream<S>;

}  // namespace gmp::tls
