// Waiting for a name lookup.
#include <netdb.h>

#include <cerrno>
#include <string>
#include <utility>

#include "gmp/endpoint.hpp"
#include "io/lookup.hpp"
#include "io/names.hpp"
#include "io/socket.hpp"

namespace gmp::detail {
namespace {

bool cancel_lookup(void* arg) {
  auto& what = *static_cast<lookup*>(arg);
  what.lock.lock();
  const bool mine = std::exchange(what.waiter, nullptr) != nullptr;
  what.lock.unlock();
  return mine;
}

struct split_request {
  std::string_view text;
  std::string_view host;
  std::string_view port;
  bool good;
};

GMPSCHED_HOME_FUNCTION(split_home)(void* arg) {
  auto& request = *static_cast<split_request*>(arg);
  request.good = split_host_port(request.text, request.host, request.port);
}

}  // namespace

bool lookup_await(lookup& what) {
  g& me = current_g();
  if (must_unwind(me)) {
    unwind(me);
    return false;
  }
  what.lock.lock();
  if (what.done || what.given_up) {
    const bool done = what.done;
    what.lock.unlock();
    return done;
  }
  what.waiter = &me;
  park(me, what.lock, wait_reason::resolve, &cancel_lookup, &what);
  if (me.unwinding) {
    unwind(me);
    return false;
  }
  what.lock.lock();
  const bool done = what.done;
  what.lock.unlock();
  return done;
}

lookup_holder::~lookup_holder() {
  if (what != nullptr) call_on_home(&lookup_drop_home, what);
}

lookup* lookup_begin(std::string_view host, std::string_view service, std::error_code& error) {
  error.clear();
  if (host.find('\0') != std::string_view::npos || service.find('\0') != std::string_view::npos) {
    told(-EINVAL, error);
    return nullptr;
  }
  lookup_request request{host, service};
  call_on_home(&lookup_begin_home, &request);
  if (request.made == nullptr) told(-ENOMEM, error);
  return request.made;
}

std::vector<net::endpoint> lookup_result(lookup& what, std::error_code& error) {
  if (what.gai_error == EAI_SYSTEM) {
    told(-what.system_error, error);
  } else if (what.gai_error != 0) {
    error = std::error_code(what.gai_error, net::resolve_category());
  }
  return std::move(what.found);
}

bool split_host_port_on_g(std::string_view text, std::string_view& host, std::string_view& port) {
  split_request request{text, {}, {}, false};
  call_on_home(&split_home, &request);
  host = request.host;
  port = request.port;
  return request.good;
}

}  // namespace gmp::detail

namespace gmp::net {

using namespace detail;

const std::error_category& resolve_category() noexcept {
  const std::error_category* instance;
  call_on_home(&resolve_category_home, &instance);
  return *instance;
}

std::vector<endpoint> resolve(std::string_view host, std::string_view service,
                              std::error_code& error) {
  const lookup_holder holder{lookup_begin(host, service, error)};
  if (holder.what == nullptr) return {};
  if (!lookup_await(*holder.what)) {
    told(-ECANCELED, error);
    return {};
  }
  return lookup_result(*holder.what, error);
}

std::vector<endpoint> resolve(std::string_view host, std::string_view service) {
  std::error_code error;
  std::vector<endpoint> found = resolve(host, service, error);
  throw_if(error, "gmp::net::resolve");
  return found;
}

std::vector<endpoint> resolve(std::string_view host_and_port, std::error_code& error) {
  std::string_view host;
  std::string_view port;
  if (!split_host_port_on_g(host_and_port, host, port)) {
    told(-EINVAL, error);
    return {};
  }
  return resolve(host, port, error);
}

std::vector<endpoint> resolve(std::string_view host_and_port) {
  std::error_code error;
  std::vector<endpoint> found = resolve(host_and_port, error);
  if (error.category() == std::generic_category() && error.value() == EINVAL)
    throw_bad_endpoint(host_and_port, error);
  throw_if(error, "gmp::net::resolve");
  return found;
}

}  // namespace gmp::net
