// A TLS session: OpenSSL between two buffers in memory, and who may use it when.
//
// TLS1  OpenSSL is called under `ssl_lock`, on a thread's own stack, and never waits: what it wants
// to
//       read is not there yet, what it wrote lies in `to_peer`. The lock is not held over a call of
//       the stream below.
// TLS2  Only who holds `reading` reads from the stream below, only who holds `writing` writes to
// it,
//       in the order in which it came out of OpenSSL. Lock order: agreeing, reading or writing,
//       ssl_lock.
// TLS3  A reader whose call left something to be sent (a key update, an alert) does not wait for a
//       writer, who may wait for the peer, who may wait for that reader: it tries. Who writes looks
//       again after it has let go of `writing`, so what a reader could not send is sent.
// TLS4  An error of the stream below while something was being sent is the end of sending: part of
// a
//       record may have gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "base/atomic.hpp"
#include "base/attributes.hpp"
#include "gmp/mutex.hpp"
#include "gmp/tls.hpp"

struct ssl_st;
struct ssl_ctx_st;
struct bio_st;

namespace gmp::detail {

struct tls_config {
  ssl_ctx_st* context = nullptr;
  bool server = false;
  bool checks = true;       // the peer's certificate
  std::string protocols{};  // for ALPN: each with its length in front
  tls_config() = default;
  tls_config(const tls_config&) = delete;
  tls_config& operator=(const tls_config&) = delete;
  ~tls_config();
};

struct tls_session {
  std::shared_ptr<tls_config> config;
  ssl_st* ssl = nullptr;
  bio_st* from_peer = nullptr;  // both are the ssl's
  bio_st* to_peer = nullptr;

  mutex ssl_lock;
  mutex agreeing;
  mutex reading;
  mutex writing;
  atomic<bool> agreed{false};
  atomic<bool> to_send{false};    // something lies in to_peer; written under ssl_lock
  std::error_code not_agreed{};   // under `agreeing`
  std::error_code send_failed{};  // under `writing` [TLS4]
  bool goodbye_said = false;      // under `writing`
  bool reads_much = false;        // under `reading`: the last read was a full one
};

enum class tls_call : std::uint8_t { handshake, read, write, shutdown, take };

enum class tls_outcome : std::uint8_t {
  done,
  ended,   // the peer said goodbye
  wanting  // bytes from the peer
};

// One call of OpenSSL. [TLS1]
struct tls_request {
  tls_session* s;
  tls_call what;
  std::span<const std::byte> input{};  // came from the peer
  std::span<std::byte> to{};           // of read and take
  std::span<const net::const_buffer> from{};
  tls_outcome outcome = tls_outcome::done;
  std::size_t n = 0;
  int error = 0;  // a value of tls::category()
};
GMPSCHED_HOME void tls_call_home(void* request);
void tls_call_at_home(void* request);

struct tls_open_request {
  tls_session* s;
  std::string_view server_name;
  bool bad_name = false;
  int error = 0;
};
GMPSCHED_HOME void tls_open_home(void* request);
void tls_open_at_home(void* request);
GMPSCHED_HOME void tls_close_home(void* session);
void tls_close_at_home(void* session);

// What a session agreed on.
struct tls_question {
  tls_session* s;
  bool version;  // else the protocol
  char text[256] = {};
  std::size_t n = 0;
};
GMPSCHED_HOME void tls_ask_home(void* question);
void tls_ask_at_home(void* question);

enum class tls_setting : std::uint8_t {
  client,
  server,
  trust_system,
  trust_file,
  trust_clients_of,
  certificate,
  any_certificate,
  protocols
};
struct tls_setting_request {
  tls_config* config;
  tls_setting what;
  const char* file = nullptr;
  const char* key_file = nullptr;
  int error = 0;
};
GMPSCHED_HOME void tls_set_home(void* request);
void tls_set_at_home(void* request);
GMPSCHED_HOME void tls_free_home(void* context);
void tls_free_at_home(void* context);

GMPSCHED_HOME void tls_category_home(void* out);  // a const std::error_category*
void tls_category_at_home(void* out);

inline constexpr int tls_truncated = 1;  // the value of tls::category() for errc::truncated

}  // namespace gmp::detail
