// proxy: a load balancer for TCP. Each connection goes to one of the backends that are up; bytes
// and half-closes are passed on both ways until both ends have finished. A drain lets connections
// at work go on and ends those that have become quiet.
#include <memory>

#include "balancer.hpp"

namespace {

using connection = examples::connection<gmp::net::tcp_stream>;
using examples::clock;
using std::chrono::milliseconds;

constexpr std::size_t buffer_size = 16 * 1024;

struct limits {
  milliseconds idle{600'000};  // without a byte in either direction
  milliseconds write{30'000};  // for a peer to take something
  milliseconds grace{500};     // without a byte in either direction, during a drain
};

bool write_all(gmp::net::tcp_stream& to, std::span<const std::byte> from, milliseconds limit) {
  std::error_code error;
  while (!from.empty() && !error) {
    to.set_write_deadline(clock::now() + limit);
    from = from.subspan(to.write_some(from, error));
  }
  return !error;
}

// A connection through the proxy: two Gs, each copies one way.
class relay {
 public:
  relay(connection& client, gmp::net::tcp_stream& server, const limits& limit)
      : client_(client), server_(server), limit_(limit) {}

  void run() {
    auto back = gmp::spawn([this] { to_client(); });
    const gmp::defer at_exit{[&] { back.wait(); }};
    try {
      to_server();
    } catch (...) {
      cut();
      throw;
    }
  }

 private:
  void to_server() {
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    std::error_code error;
    while (const std::size_t n = next_from_client({buffer.get(), buffer_size}, error)) {
      asked_ = true;
      moved_.fetch_add(1, std::memory_order_relaxed);
      if (!write_all(server_, {buffer.get(), n}, limit_.write)) return cut();
    }
    // An end, or a drain that finds nothing under way: the backend may finish what it has.
    if (error && error != std::errc::timed_out) return cut();
    server_.shutdown_write(error);
  }

  // Nothing (0 bytes) when neither way has moved for the idle limit; in a drain, for the grace,
  // and the client is owed no answer.
  std::size_t next_from_client(std::span<std::byte> to, std::error_code& error) {
    for (;;) {
      const auto moved = moved_.load(std::memory_order_relaxed);
      const std::size_t n = client_.draining()
                                ? client_.read_busy(to, clock::now() + limit_.grace, error)
                                : client_.read_idle(to, clock::now() + limit_.idle, error);
      if (error != std::errc::timed_out) return n;
      const bool waits = client_.draining() && asked_ && !server_ended_;
      if (!waits && moved == moved_.load(std::memory_order_relaxed)) return 0;
    }
  }

  void to_client() {
    try {
      const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
      std::error_code error;
      while (const std::size_t n = server_.read_some({buffer.get(), buffer_size}, error)) {
        moved_.fetch_add(1, std::memory_order_relaxed);
        if (!write_all(client_.stream(), {buffer.get(), n}, limit_.write)) return cut();
        asked_ = false;
      }
      server_ended_ = true;
      if (error) return cut();
      client_.stream().shutdown_write(error);
    } catch (const std::exception& why) {
      examples::log_line("proxy", "a connection failed", why.what());
      cut();
    }
  }

  // Ends both, and so both Gs.
  void cut() {
    server_ended_ = true;
    server_.close();
    client_.stream().close();
  }

  connection& client_;
  gmp::net::tcp_stream& server_;
  const limits& limit_;
  std::atomic<bool> asked_{false};  // the client sent something and has had no answer yet
  std::atomic<bool> server_ended_{false};
  std::atomic<std::uint64_t> moved_{0};
};

template <class Stopping>
int serve(const examples::server_settings& how, const proxy::balancer_settings& backends,
          const limits& limit, const Stopping& stopping) {
  proxy::balancer balancer(backends);
  const auto over = gmp::make_chan<void>();
  gmp::wait_group watchers;
  balancer.watch(watchers, over);
  const gmp::defer at_exit{[&] {
    over.close();
    watchers.wait();
  }};
  const int code = examples::serve_tcp(
      "proxy", how,
      [&](connection& client) {
        gmp::net::tcp_stream server;
        proxy::backend* const to = balancer.dial(server);
        if (to == nullptr) {
          examples::log_line("proxy", "no backend for a connection");
          return;
        }
        const gmp::defer counted_off{[to] { to->open.fetch_sub(1); }};
        relay(client, server, limit).run();
      },
      stopping);
  balancer.report();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  examples::server_settings how;
  proxy::balancer_settings backends;
  limits limit;
  unsigned dial_ms = 1000;
  unsigned health_ms = 1000;
  unsigned idle_ms = 600'000;
  bool least = false;
  examples::command_line options("Balances TCP connections among backends.");
  examples::add_server_options(options, how);
  options.texts("--backend", backends.backends, "H:P of a server; repeated for more");
  options.flag("--least", least, "to the one with the fewest connections, not in turn");
  options.number("--dial-ms", dial_ms, "a backend must accept within");
  options.number("--health-ms", health_ms, "time between two checks of a backend", 1);
  options.text("--health-path", backends.health_path, "a check asks for this over HTTP too");
  options.number("--idle-ms", idle_ms, "without a byte in either direction, a connection ends");
  if (auto code = options.parse(argc, argv)) return *code;

  if (least) backends.by = proxy::policy::least_connections;
  backends.dial_limit = milliseconds(dial_ms);
  backends.health_interval = milliseconds(health_ms);
  limit.idle = milliseconds(idle_ms);
  limit.grace = milliseconds(how.grace_ms);
  return examples::run_server(
      "proxy", how, [&](const auto& stopping) { return serve(how, backends, limit, stopping); });
}
