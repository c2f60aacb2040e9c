// http_server: HTTP/1.1 with Boost.Beast: a greeting at "/", the runtime's counters at
// "/debug/stats", files below --root at all other targets.
#include "session.hpp"

namespace {

using std::chrono::milliseconds;

#if GMPSCHED_EXAMPLES_TLS
// Each connection agrees on its keys when it reads for the first time, on its own G.
class tls_listener {
 public:
  tls_listener(gmp::net::tcp_listener below, gmp::tls::config config)
      : below_(std::move(below)), config_(std::move(config)) {}
  gmp::tls::stream<gmp::net::tcp_stream> accept() { return {below_.accept(), config_}; }
  gmp::tls::stream<gmp::net::tcp_stream> accept(std::error_code& error) {
    return {below_.accept(error), config_};
  }
  gmp::net::endpoint local() const { return below_.local(); }
  void set_deadline(examples::clock::time_point t) { below_.set_deadline(t); }
  void close() { below_.close(); }

 private:
  gmp::net::tcp_listener below_;
  gmp::tls::config config_;
};
#endif

// As examples::serve_tcp.
template <class Stopping>
int serve(const examples::server_settings& how, http_server::site& site,
          [[maybe_unused]] const std::string& certificate, [[maybe_unused]] const std::string& key,
          const Stopping& stopping) {
#if GMPSCHED_EXAMPLES_TLS
  if (!certificate.empty()) {
    const auto config = gmp::tls::config::server(certificate, key.empty() ? certificate : key)
                            .protocols({"http/1.1"});
    auto below = gmp::net::tcp_listener::listen(examples::host_and_port(how));
    return examples::serve_at("http_server", how, tls_listener(std::move(below), config),
                              http_server::service(site), stopping);
  }
#endif
  if (!key.empty()) throw std::invalid_argument("--key without --cert");
  return examples::serve_tcp("http_server", how, http_server::service(site), stopping);
}

}  // namespace

int main(int argc, char** argv) {
  examples::server_settings how;
  std::string root;
  http_server::site site;
  unsigned request_ms = 10'000;
  unsigned idle_ms = 60'000;
  unsigned write_ms = 30'000;
  examples::command_line options(
      "Serves HTTP/1.1: / is a greeting, /debug/stats counters, the rest files of --root.");
  examples::add_server_options(options, how);
  options.folder("--root", root, "folder of static files; none: no files");
  options.number("--request-ms", request_ms, "a request must arrive within, else 408");
  options.number("--idle-ms", idle_ms, "between two requests, else the connection is closed");
  options.number("--write-ms", write_ms, "a client must take something within, else it is cut");
  std::string certificate;
  std::string key;
#if GMPSCHED_EXAMPLES_TLS
  options.text("--cert", certificate, "serve HTTPS with this certificate chain (PEM)");
  options.text("--key", key, "its private key (PEM); none: in the same file");
#endif
  if (auto code = options.parse(argc, argv)) return *code;

  site.request_limit = milliseconds(request_ms);
  site.idle_limit = milliseconds(idle_ms);
  site.write_limit = milliseconds(write_ms);
  return examples::run_server("http_server", how, [&](const auto& stopping) {
    if (!root.empty()) site.root = http_server::open_folder(root);
    return serve(how, site, certificate, key, stopping);
  });
}
