#include "balancer.hpp"

#include <string_view>

namespace proxy {

using examples::clock;

gmp::net::endpoint backend::resolved(const std::string& name) {
  return gmp::net::resolve(name).front();
}

balancer::balancer(const balancer_settings& how) : how_(how) {
  for (const std::string& name : how.backends) backends_.push_back(std::make_unique<backend>(name));
}

// Those that are up first; when none is, the checks may be behind, and any other is worth a try.
backend* balancer::pick(const std::vector<bool>& tried) {
  const std::size_t n = backends_.size();
  const std::size_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  for (const bool wanted_up : {true, false}) {
    backend* best = nullptr;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t index = (turn + i) % n;
      backend& one = *backends_[index];
      if (tried[index] || one.up != wanted_up) continue;
      if (how_.by == policy::round_robin) return &one;
      if (best == nullptr || one.open < best->open) best = &one;
    }
    if (best != nullptr) return best;
  }
  return nullptr;
}

backend* balancer::dial(gmp::net::tcp_stream& out) {
  std::vector<bool> tried(backends_.size());
  while (backend* one = pick(tried)) {
    std::error_code error;
    one->open.fetch_add(1);
    out = gmp::net::tcp_stream::connect_until(one->at, clock::now() + how_.dial_limit, error);
    if (!error) {
      one->served.fetch_add(1);
      return one;
    }
    one->open.fetch_sub(1);
    one->failed.fetch_add(1);
    // A shortage of ours says nothing of the backend.
    if (!examples::is_shortage(error)) set_up(*one, false, error.message());
    for (std::size_t i = 0; i < backends_.size(); ++i)
      if (backends_[i].get() == one) tried[i] = true;
  }
  return nullptr;
}

void balancer::set_up(backend& one, bool up, const std::string& why) {
  if (one.up.exchange(up) != up)
    fmt::print(stderr, "proxy: backend {} is {}: {}\n", one.name, up ? "up" : "down", why);
}

void balancer::watch(gmp::wait_group& watchers, const gmp::recv_chan<void>& over) {
  for (const auto& one : backends_) {
    watchers.go([this, over, &one = *one] {
      do {
        const bool healthy = is_healthy(one);
        set_up(one, healthy, "health check");
      } while (over.recv_for(how_.health_interval) == gmp::chan_status::would_block);
    });
  }
}

bool balancer::is_healthy(const backend& one) const {
  std::error_code error;
  const auto until = clock::now() + how_.dial_limit;
  auto stream = gmp::net::tcp_stream::connect_until(one.at, until, error);
  if (error) return examples::is_shortage(error) && one.up;
  if (how_.health_path.empty()) return true;
  stream.set_deadline(until);
  const std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", how_.health_path, one.name);
  stream.write_all(request.data(), request.size(), error);
  if (error) return false;
  char line[12];  // "HTTP/1.1 200"
  const std::size_t n = stream.read_full(line, sizeof line, error);
  return !error && std::string_view(line, n).starts_with("HTTP/1.") && line[9] == '2';
}

void balancer::report() const {
  for (const auto& one : backends_)
    fmt::print("backend {}: {} connections, {} failed dials\n", one->name, one->served.load(),
               one->failed.load());
}

}  // namespace proxy
