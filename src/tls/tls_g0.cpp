// The only file that calls OpenSSL: on a thread's own stack, and on memory alone.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "tls/session.hpp"

namespace gmp::detail {
namespace {

// Values of the category: errc's own, OpenSSL's packed codes, and what a certificate was refused
// for.
constexpr int unknown_failure = 3;
constexpr int certificate_base = 0x70000000;

class tls_errors final : public std::error_category {
 public:
  const char* name() const noexcept override { return "gmp.tls"; }
  std::string message(int code) const override {
    if (code == tls_truncated) return "the stream ended before the peer's close_notify";
    if (code == 2) return "the peer's certificate was not accepted";
    if (code == unknown_failure) return "TLS failed";
    if (code >= certificate_base)
      return std::string("certificate: ") +
             ::X509_verify_cert_error_string(code - certificate_base);
    char text[256];
    ::ERR_error_string_n(static_cast<unsigned long>(code), text, sizeof text);
    return text;
  }
  std::error_condition default_error_condition(int code) const noexcept override {
    using tls::errc;
    if (code <= unknown_failure) return {code, *this};
    return code >= certificate_base ? errc::certificate : errc::protocol;
  }
};

// Of the last call that failed; never 0.
int last_error() noexcept {
  const unsigned long code = ::ERR_peek_last_error();
  ::ERR_clear_error();
  return code != 0 && code < static_cast<unsigned long>(certificate_base) ? static_cast<int>(code)
                                                                          : unknown_failure;
}

int failure_of(const ssl_st* ssl) noexcept {
  const unsigned long code = ::ERR_peek_last_error();
  const long verified = ::SSL_get_verify_result(ssl);
  if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
    ::ERR_clear_error();
    return certificate_base + static_cast<int>(verified);
  }
  return last_error();
}

void judge(tls_request& request, int result) noexcept {
  const ssl_st* ssl = request.s->ssl;
  switch (::SSL_get_error(ssl, result)) {
    case SSL_ERROR_NONE:
      return;
    case SSL_ERROR_ZERO_RETURN:
      request.outcome = tls_outcome::ended;
      return;
    case SSL_ERROR_WANT_READ:
      request.outcome = tls_outcome::wanting;
      return;
    default:
      request.error = failure_of(ssl);
  }
}

// Each piece becomes a record of its own at least.
void write_pieces(tls_request& request) noexcept {
  for (const net::const_buffer& piece : request.from) {
    if (piece.size == 0) continue;
    std::size_t n = 0;
    const int result = ::SSL_write_ex(request.s->ssl, piece.data, piece.size, &n);
    request.n += n;
    if (result != 1) {
      judge(request, result);
      if (request.error == 0 && request.n == 0) request.error = unknown_failure;
      return;
    }
  }
}

// The peer has asked for new keys of ours. OpenSSL would answer with the next write, which an
// application that only reads never makes; by name, it does so at once.
void answer_key_update(ssl_st* ssl) noexcept {
  if (::SSL_get_key_update_type(ssl) == SSL_KEY_UPDATE_NONE) return;
  if (::SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1) ::SSL_do_handshake(ssl);
  ::ERR_clear_error();  // what goes wrong here the next call meets, too
}

void take_output(tls_request& request) noexcept {
  const int n =
      ::BIO_read(request.s->to_peer, request.to.data(), static_cast<int>(request.to.size()));
  request.n = n > 0 ? static_cast<std::size_t>(n) : 0;
}

bool feed(const tls_request& request) noexcept {
  return request.input.empty() || ::BIO_write(request.s->from_peer, request.input.data(),
                                              static_cast<int>(request.input.size())) ==
                                      static_cast<int>(request.input.size());
}

bool load_pair(ssl_ctx_st* context, const tls_setting_request& request) noexcept {
  return ::SSL_CTX_use_certificate_chain_file(context, request.file) == 1 &&
         ::SSL_CTX_use_PrivateKey_file(context, request.key_file, SSL_FILETYPE_PEM) == 1 &&
         ::SSL_CTX_check_private_key(context) == 1;
}

// The server's choice; its own order counts.
int choose_protocol(ssl_st*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void* arg) {
  const auto& wanted = static_cast<const tls_config*>(arg)->protocols;
  unsigned char* chosen = nullptr;
  const int found = ::SSL_select_next_proto(
      &chosen, out_size, reinterpret_cast<const unsigned char*>(wanted.data()),
      static_cast<unsigned>(wanted.size()), offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool set_protocols(tls_config& config) noexcept {
  if (config.server) {
    ::SSL_CTX_set_alpn_select_cb(config.context, &choose_protocol, &config);
    return true;
  }
  return ::SSL_CTX_set_alpn_protos(config.context,
                                   reinterpret_cast<const unsigned char*>(config.protocols.data()),
                                   static_cast<unsigned>(config.protocols.size())) == 0;
}

// Nobody is there to be asked for a password.
int no_password(char*, int, int, void*) { return 0; }

bool make_context(tls_config& config, bool server) noexcept {
  config.server = server;
  config.checks = !server;
  config.context = ::SSL_CTX_new(server ? ::TLS_server_method() : ::TLS_client_method());
  if (config.context == nullptr) return false;
  ::SSL_CTX_set_default_passwd_cb(config.context, &no_password);
  // No partial writes: memory takes all of a piece, and the next one comes behind it.
  ::SSL_CTX_set_mode(config.context, SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_verify(config.context, server ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  // No write ever has to read first.
  ::SSL_CTX_set_options(config.context, SSL_OP_NO_RENEGOTIATION);
  // Sessions are resumed by tickets alone; with certificates of clients, only where they were made.
  constexpr unsigned char here[] = "gmpsched";
  ::SSL_CTX_set_session_id_context(config.context, here, sizeof here - 1);
  ::SSL_CTX_set_session_cache_mode(config.context, SSL_SESS_CACHE_OFF);
  return ::SSL_CTX_set_min_proto_version(config.context, TLS1_2_VERSION) == 1;
}

bool set(const tls_setting_request& request) noexcept {
  tls_config& config = *request.config;
  switch (request.what) {
    case tls_setting::client:
    case tls_setting::server:
      return make_context(config, request.what == tls_setting::server);
    case tls_setting::trust_system:
      return ::SSL_CTX_set_default_verify_paths(config.context) == 1;
    case tls_setting::trust_file:
      return ::SSL_CTX_load_verify_file(config.context, request.file) == 1;
    case tls_setting::trust_clients_of: {
      ::SSL_CTX_set_verify(config.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           nullptr);
      STACK_OF(X509_NAME)* names = ::SSL_load_client_CA_file(request.file);
      if (names == nullptr) return false;
      ::SSL_CTX_set_client_CA_list(config.context, names);
      return ::SSL_CTX_load_verify_file(config.context, request.file) == 1;
    }
    case tls_setting::certificate:
      return load_pair(config.context, request);
    case tls_setting::any_certificate:
      config.checks = false;
      ::SSL_CTX_set_verify(config.context, SSL_VERIFY_NONE, nullptr);
      return true;
    case tls_setting::protocols:
      return set_protocols(config);
  }
  return false;
}

// What a client expects the server's certificate to say; with its zero.
bool set_name(ssl_st* ssl, const tls_config& config, std::string_view name) noexcept {
  char text[256];
  if (name.size() >= sizeof text) return false;
  std::memcpy(text, name.data(), name.size());
  text[name.size()] = '\0';
  if (std::strlen(text) != name.size()) return false;
  X509_VERIFY_PARAM* rules = ::SSL_get0_param(ssl);
  if (::X509_VERIFY_PARAM_set1_ip_asc(rules, text) == 1) return true;  // no SNI for addresses
  ::ERR_clear_error();
  if (config.checks && ::SSL_set1_host(ssl, text) != 1) return false;
  return ::SSL_set_tlsext_host_name(ssl, text) == 1;
}

}  // namespace

void tls_call_at_home(void* arg) {
  auto& request = *static_cast<tls_request*>(arg);
  tls_session& s = *request.s;
  ::ERR_clear_error();
  if (!feed(request)) {
    request.error = last_error();
    return;
  }
  int result = 1;
  switch (request.what) {
    case tls_call::handshake:
      result = ::SSL_do_handshake(s.ssl);
      break;
    case tls_call::read:
      result = ::SSL_read_ex(s.ssl, request.to.data(), request.to.size(), &request.n);
      break;
    case tls_call::write:
      write_pieces(request);
      break;
    case tls_call::shutdown:
      result = ::SSL_shutdown(s.ssl);
      if (result == 0) result = 1;  // said; the peer's is another matter
      break;
    case tls_call::take:
      take_output(request);
      break;
  }
  if (result != 1) judge(request, result);
  if (request.what == tls_call::read && request.error == 0) answer_key_update(s.ssl);
  s.to_send.store(::BIO_ctrl_pending(s.to_peer) != 0, memory_order_seq_cst);  // [TLS3]
}

void tls_open_at_home(void* arg) {
  auto& request = *static_cast<tls_open_request*>(arg);
  tls_session& s = *request.s;
  const tls_config& config = *s.config;
  ::ERR_clear_error();
  s.ssl = ::SSL_new(config.context);
  bio_st* in = ::BIO_new(::BIO_s_mem());
  bio_st* out = ::BIO_new(::BIO_s_mem());
  if (s.ssl == nullptr || in == nullptr || out == nullptr) {
    ::BIO_free(in);
    ::BIO_free(out);
    request.error = last_error();
    return;
  }
  ::BIO_set_mem_eof_return(in, -1);  // empty: later
  ::SSL_set_bio(s.ssl, in, out);
  s.from_peer = in;
  s.to_peer = out;
  if (config.server) {
    ::SSL_set_accept_state(s.ssl);
    return;
  }
  ::SSL_set_connect_state(s.ssl);
  request.bad_name =
      request.server_name.empty() ? config.checks : !set_name(s.ssl, config, request.server_name);
}

void tls_close_at_home(void* session) {
  ::SSL_free(static_cast<tls_session*>(session)->ssl);
  ::ERR_clear_error();
}

void tls_ask_at_home(void* arg) {
  auto& question = *static_cast<tls_question*>(arg);
  const ssl_st* ssl = question.s->ssl;
  const unsigned char* text = nullptr;
  unsigned size = 0;
  if (question.version) {
    text = reinterpret_cast<const unsigned char*>(::SSL_get_version(ssl));
    size = static_cast<unsigned>(std::strlen(reinterpret_cast<const char*>(text)));
  } else {
    ::SSL_get0_alpn_selected(ssl, &text, &size);
  }
  question.n = std::min<std::size_t>(size, sizeof question.text);
  if (text != nullptr) std::memcpy(question.text, text, question.n);
}

void tls_set_at_home(void* arg) {
  auto& request = *static_cast<tls_setting_request*>(arg);
  ::ERR_clear_error();
  if (!set(request)) request.error = last_error();
}

void tls_free_at_home(void* context) { ::SSL_CTX_free(static_cast<ssl_ctx_st*>(context)); }

void tls_category_at_home(void* out) {
  static const tls_errors instance;
  *static_cast<const std::error_category**>(out) = &instance;
}

}  // namespace gmp::detail
