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

server::server(const std::string& host, std::uint16_t port, const timeouts& limits)
    : limits_(limits) {
  const bool v6 = host.find(':') != std::string::npos && host.front() != '[';
  const std::string shown = v6 ? "[" + host + "]" : host;
  listener_ = gmp::net::tcp_listener::listen(fmt::format("{}:{}", shown, port));
  all_.port = listener_.local().port();
}

void server::serve() {
  auto end = gmp::make_chan<void>();
  gmp::wait_group sweeping;
  sweeping.go([this, end] { sweep_until(end); });
  accept_all();
  drain();
  end.close();
  sweeping.wait();
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
    if (!error) {
      start(std::move(stream));
      pause = shortest;
    } else if (error != std::errc::connection_aborted) {
      if (pause == shortest)
        fmt::print(stderr, "kv_server: cannot accept, trying again: {}\n", error.message());
      gmp::this_g::sleep_for(pause);
      pause = std::min(2 * pause, longest);
    }
  }
}

void server::start(gmp::net::tcp_stream stream) {
  const std::uint64_t id = next_id_++;
  auto client = std::make_shared<connection>(std::move(stream), all_, id, limits_);
  {
    const std::lock_guard hold(lock_);
    clients_.emplace(id, client);
  }
  all_.accepted.fetch_add(1, std::memory_order_relaxed);
  all_.connections.fetch_add(1, std::memory_order_relaxed);
  gmp::go([this, client = std::move(client)]() mutable {
    client->serve();
    const std::uint64_t number = client->id;
    client.reset();
    ended(number);
  });
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

void server::drain() {
  constexpr auto patience = 5s;
  std::vector<std::shared_ptr<connection>> left;
  const auto list_clients = [&] {
    const std::lock_guard hold(lock_);
    draining_ = true;
    left.clear();
    for (const auto& [id, client] : clients_) left.push_back(client);
    return !left.empty();
  };
  if (!list_clients()) return;
  for (const auto& each : left) each->finish();
  left.clear();
  if (drained_.recv_for(patience) == gmp::chan_status::closed) return;
  if (!list_clients()) return;
  fmt::print(stderr, "kv_server: {} clients did not finish in time\n", left.size());
  for (const auto& each : left) each->cut_off();
  left.clear();
  drained_.recv();
}

}  // namespace kv
