#include "server.hpp"

#include <fmt/core.h>
#include <gmp/gmp.hpp>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

namespace kv {

using namespace std::chrono_literals;

server::server(gmp::net::tcp_listener listener, const settings& how)
    : listener_(std::move(listener)), how_(how) {
  all_.port = listener_.local().port();
}

bool server::serve() {
  auto end = gmp::make_chan<void>();
  gmp::wait_group sweeping;
  sweeping.go([this, end] { sweep_until(end); });
  accept_all();
  const bool complete = drain();
  end.close();
  sweeping.wait();
  return complete;
}

// Out of descriptors or memory: those who are connected go on, those who knock wait in the backlog.
void server::accept_all() {
  constexpr auto shortest = 5ms;
  constexpr auto longest = 200ms;
  auto pause = shortest;
  for (;;) {
    std::error_code error;
    gmp::net::tcp_stream stream = listener_.accept(error);
    if (error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor) return;
    if (!error) error = start(std::move(stream));
    if (!error) {
      pause = shortest;
    } else if (error != std::errc::connection_aborted) {
      if (pause == shortest)
        fmt::print(stderr, "kv_server: cannot accept, trying again: {}\n", error.message());
      gmp::this_g::sleep_for(pause);
      pause = std::min(2 * pause, longest);
    }
  }
}

std::error_code server::start(gmp::net::tcp_stream stream) {
  const std::uint64_t id = next_id_++;
  auto client = std::make_shared<connection>(std::move(stream), all_, id, how_);
  {
    const std::lock_guard hold(lock_);
    clients_.emplace(id, client);
  }
  all_.accepted.fetch_add(1, std::memory_order_relaxed);
  all_.connections.fetch_add(1, std::memory_order_relaxed);
  try {
    gmp::go([this, id, client = std::move(client)]() mutable {
      client->serve();
      client.reset();
      ended(id);
    });
  } catch (const std::system_error& why) {  // no memory for a G
    ended(id);
    return why.code();
  }
  return {};
}

void server::ended(std::uint64_t id) {
  all_.connections.fetch_sub(1, std::memory_order_relaxed);
  std::shared_ptr<connection> last;  // ends after the lock
  const std::lock_guard hold(lock_);
  const auto at = clients_.find(id);
  last = std::move(at->second);
  clients_.erase(at);
  if (draining_ && clients_.empty()) drained_.close();
}

void server::sweep_until(gmp::recv_chan<void> end) {
  constexpr auto period = 100ms;
  while (end.recv_for(period) == gmp::chan_status::would_block) all_.db.sweep(now());
}

bool server::all_left(std::chrono::milliseconds within) {
  return drained_.recv_for(within) == gmp::chan_status::closed;
}

bool server::drain() {
  std::vector<std::shared_ptr<connection>> left;
  {
    const std::lock_guard hold(lock_);
    draining_ = true;
    if (clients_.empty()) return true;
  }
  if (all_left(how_.grace)) return true;
  const auto list_clients = [&] {
    const std::lock_guard hold(lock_);
    for (const auto& [id, client] : clients_) left.push_back(client);
  };
  list_clients();
  for (const auto& each : left) each->finish();
  left.clear();
  if (all_left(how_.drain)) return true;
  list_clients();
  fmt::print(stderr, "kv_server: cutting {} connections\n", left.size());
  for (const auto& each : left) each->cut_off();
  left.clear();
  drained_.recv();
  return false;
}

}  // namespace kv
