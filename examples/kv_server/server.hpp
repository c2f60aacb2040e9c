// Accepts clients until it is told to stop, then lets them finish.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include <gmp/chan.hpp>
#include <gmp/mutex.hpp>
#include <gmp/net.hpp>

#include "commands.hpp"
#include "connection.hpp"

namespace kv {

class server {
 public:
  // Listens; throws std::system_error.
  server(const std::string& host, std::uint16_t port, const timeouts& limits);

  gmp::net::endpoint local() const { return listener_.local(); }
  // Until stop(). Returns when every client has got its answers and left, or was cut off because
  // that took it too long.
  void serve();
  // From any G or thread; idempotent.
  void stop() noexcept { listener_.close(); }

 private:
  void accept_all();
  void start(gmp::net::tcp_stream stream);
  void ended(std::uint64_t id);
  void sweep_until(gmp::recv_chan<void> end);
  void drain();

  gmp::net::tcp_listener listener_;
  timeouts limits_;
  world all_;
  std::uint64_t next_id_ = 1;
  gmp::mutex lock_;  // of what follows
  std::unordered_map<std::uint64_t, std::shared_ptr<connection>> clients_;
  bool draining_ = false;
  gmp::chan<void> drained_ = gmp::make_chan<void>();  // closed: draining, and nobody is left
};

}  // namespace kv
