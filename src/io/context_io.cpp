// Connecting and looking up until a context is cancelled.
#include <stop_token>

#include <cerrno>
#include <utility>

#include "gmp/context.hpp"
#include "gmp/net.hpp"
#include "io/lookup.hpp"
#include "io/names.hpp"
#include "io/socket.hpp"

namespace gmp::net {

using namespace detail;

namespace {

// Wakes the connecting G, which finds that its time is up.
struct cancel_connect {
  descriptor* d;
  void operator()() const noexcept { io_set_deadline(*d, direction::writing, 0); }
};

struct cancel_lookup {
  lookup* what;
  void operator()() const noexcept {
    what->lock.lock();
    g* waiter = std::exchange(what->waiter, nullptr);
    what->given_up = true;
    what->lock.unlock();
    if (waiter != nullptr) ready(*waiter);
  }
};

std::error_code error_of(const context& until, std::error_code otherwise) {
  const std::error_code cancelled = until.err();
  return cancelled ? cancelled : otherwise;
}

}  // namespace

std::vector<endpoint> resolve(std::string_view host, std::string_view service, const context& until,
                              std::error_code& error) {
  if (error = until.err(); error) return {};
  const lookup_holder holder{lookup_begin(host, service, error)};
  if (holder.what == nullptr) return {};
  bool done = false;
  {
    const std::stop_callback cancel(until.token(), cancel_lookup{holder.what});
    done = lookup_await(*holder.what);
  }
  if (!done) {
    error = error_of(until, std::make_error_code(std::errc::operation_canceled));
    return {};
  }
  return lookup_result(*holder.what, error);
}

tcp_stream tcp_stream::connect(const endpoint& to, const context& until, std::error_code& error) {
  if (error = until.err(); error) return {};
  descriptor* d = open_tcp(to, error);
  if (d == nullptr) return {};
  tcp_stream made(d);  // closes it on every way out but the last
  long result;
  {
    // Ends before the descriptor may be somebody else's.
    const std::stop_callback cancel(until.token(), cancel_connect{d});
    result = connect_to_end(*d, to);
  }
  if (result == 0) {
    io_set_deadline(*d, direction::writing, never);
    error.clear();
    return made;
  }
  told(result, error);
  if (result == -ETIMEDOUT) error = error_of(until, error);
  return {};
}

tcp_stream tcp_stream::connect(const endpoint& to, const context& until) {
  std::error_code error;
  tcp_stream made = connect(to, until, error);
  throw_if(error, "gmp::net::tcp_stream::connect");
  return made;
}

tcp_stream tcp_stream::connect(std::string_view host_and_port, const context& until,
                               std::error_code& error) {
  std::string_view host;
  std::string_view port;
  if (!split_host_port_on_g(host_and_port, host, port)) {
    told(-EINVAL, error);
    return {};
  }
  for (const endpoint& to : resolve(host, port, until, error)) {
    tcp_stream made = connect(to, until, error);
    if (!error) return made;
  }
  return {};
}

tcp_stream tcp_stream::connect(std::string_view host_and_port, const context& until) {
  std::error_code error;
  tcp_stream made = connect(host_and_port, until, error);
  throw_if(error, "gmp::net::tcp_stream::connect");
  return made;
}

}  // namespace gmp::net
