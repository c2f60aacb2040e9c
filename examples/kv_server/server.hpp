// Accepts clients until it is told to stop, then lets them finish.
//
// The other servers share server/server.hpp. Clients of this one are reached from elsewhere, too,
// by those who publish: it keeps them as shared objects.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include <gmp/chan.hpp>
#include <gmp/mutex.hpp>
#include <gmp/net.hpp>

#include "commands.hpp"
#include "connection.hpp"

namespace kv {

class server {
 public:
  server(gmp::net::tcp_listener listener, const settings& how);

  // Until stop(). Returns when every client has got its answers and left; false: some took too long
  // and were cut off.
  bool serve();
  // From any G or thread; idempotent.
  void stop() noexcept { listener_.close(); }

 private:
  void accept_all();
  std::error_code start(gmp::net::tcp_stream stream);
  void ended(std::uint64_t id);
  void sweep_until(gmp::recv_chan<void> end);
  bool drain();
  bool all_left(std::chrono::milliseconds within);

  gmp::net::tcp_listener listener_;
  settings how_;
  world all_;
  std::uint64_t next_id_ = 1;
  gmp::mutex lock_;  // of what follows
  std::unordered_map<std::uint64_t, std::shared_ptr<connection>> clients_;
  bool draining_ = false;
  gmp::chan<void> drained_ = gmp::make_chan<void>();  // closed: draining, and nobody is left
};

}  // namespace kv
