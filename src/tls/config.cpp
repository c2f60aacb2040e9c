// Setting up TLS.
#include <new>
#include <stdexcept>

#include "gmp/detail/blocking.hpp"
#include "gmp/tls.hpp"
#include "stack/stack.hpp"
#include "tls/session.hpp"

namespace gmp::detail {

void tls_set_home(void* request) { tls_set_at_home(request); }
void tls_free_home(void* context) { tls_free_at_home(context); }

tls_config::~tls_config() {
  if (context != nullptr) call_on_home(&tls_free_home, context);
}

namespace {

// Files are read.
void set(tls_config& config, tls_setting what, const std::string& file = {},
         const std::string& key_file = {}) {
  tls_setting_request request{&config, what, file.c_str(), key_file.c_str()};
  {
    const blocking_stretch away;
    call_on_home(&tls_set_home, &request);
  }
  if (request.error == 0) return;
  if (what == tls_setting::client || what == tls_setting::server) throw std::bad_alloc();
  throw std::system_error(request.error, tls::category(),
                          "gmp::tls::config" + (file.empty() ? "" : " \"" + file + "\""));
}

}  // namespace
}  // namespace gmp::detail

namespace gmp::tls {

using detail::set;
using detail::tls_setting;

config config::client() {
  config made(std::make_shared<detail::tls_config>());
  set(*made.state_, tls_setting::client);
  set(*made.state_, tls_setting::trust_system);
  return made;
}

config config::client(const std::string& trusted_file) {
  config made(std::make_shared<detail::tls_config>());
  set(*made.state_, tls_setting::client);
  set(*made.state_, tls_setting::trust_file, trusted_file);
  return made;
}

config config::server(const std::string& certificate_file, const std::string& key_file) {
  config made(std::make_shared<detail::tls_config>());
  set(*made.state_, tls_setting::server);
  return made.certificate(certificate_file, key_file);
}

config& config::certificate(const std::string& certificate_file, const std::string& key_file) {
  set(*state_, tls_setting::certificate, certificate_file, key_file);
  return *this;
}

config& config::require_client_certificate(const std::string& trusted_file) {
  set(*state_, tls_setting::trust_clients_of, trusted_file);
  return *this;
}

config& config::accept_any_certificate() {
  set(*state_, tls_setting::any_certificate);
  return *this;
}

config& config::protocols(const std::vector<std::string>& names) {
  std::string wire;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255)
      throw std::invalid_argument("gmp::tls::config::protocols: a name has 1 to 255 bytes");
    wire += static_cast<char>(name.size());
    wire += name;
  }
  state_->protocols = std::move(wire);
  set(*state_, tls_setting::protocols);
  return *this;
}

}  // namespace gmp::tls
