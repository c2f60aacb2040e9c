// Which backend gets a connection, and which of them are up.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../server/server.hpp"

namespace proxy {

struct backend {
  explicit backend(const std::string& name) : at(resolved(name)), name(name) {}
  static gmp::net::endpoint resolved(const std::string& name);

  const gmp::net::endpoint at;
  const std::string name;
  std::atomic<bool> up{true};
  std::atomic<std::uint64_t> open{0};    // connections through it now
  std::atomic<std::uint64_t> served{0};  // connections so far
  std::atomic<std::uint64_t> failed{0};  // dials
};

enum class policy { round_robin, least_connections };

struct balancer_settings {
  std::vector<std::string> backends;
  policy by = policy::round_robin;
  std::chrono::milliseconds dial_limit{1000};
  std::chrono::milliseconds health_interval{1000};
  std::string health_path;  // empty: that it takes connections is enough
};

class balancer {
 public:
  explicit balancer(const balancer_settings& how);

  // A connection to a backend: another one is tried as long as one fails. Null: none took it.
  // Counted in `open` until the caller counts it off.
  backend* dial(gmp::net::tcp_stream& out);

  // Looks after each backend until the channel is closed.
  void watch(gmp::wait_group& watchers, const gmp::recv_chan<void>& over);

  void report() const;

 private:
  backend* pick(const std::vector<bool>& tried);
  bool is_healthy(const backend& one) const;
  static void set_up(backend& one, bool up, const std::string& why);

  const balancer_settings how_;
  std::vector<std::unique_ptr<backend>> backends_;
  std::atomic<std::size_t> turn_{0};
};

}  // namespace proxy
