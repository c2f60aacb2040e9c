// Opening, connecting and accepting; what all sockets have.
#include "io/socket.hpp"

#include <string>

#include "gmp/net.hpp"
#include "io/syscall.hpp"

namespace gmp::detail {

void throw_io(std::error_code error, const char* call) { throw std::system_error(error, call); }

void throw_errno(long negative, const char* call) {
  throw_io(std::error_code(static_cast<int>(-negative), std::generic_category()), call);
}

void throw_bad_endpoint(std::string_view text, std::error_code error) {
  throw std::system_error(error, "gmp::net: not an address: \"" + std::string(text) + "\"");
}

descriptor* open_socket(open_request& request, std::error_code& error) noexcept {
  call_on_home(&open_home, &request);
  told(request.error, error);
  return request.d;
}

void close_and_drop(descriptor* d) noexcept {
  io_close(*d);
  call_on_home(&drop_handle_home, d);
}

namespace {

constexpr nanos full_backlog_pause = 1'000'000;

}  // namespace

long connect_to_end(descriptor& d, const net::endpoint& to) {
  const io_stay stay(&d);
  if (!stay) return -EBADF;
  connect_request request{d.fd(), &to};
  for (;;) {
    nanos deadline;
    if (const long error = io_check(d, direction::writing, deadline); error != 0) return error;
    call_on_home(&connect_home, &request);
    if (request.result ==
        -EAGAIN) {  // a unix listener's backlog is full, and nobody tells when not
      const nanos pause = now_on_g() + full_backlog_pause;
      sleep_until_nanos(pause < deadline ? pause : deadline);
      if (g& me = current_g(); must_unwind(me)) return -ECANCELED;
      continue;
    }
    if (request.result != -EINPROGRESS) return request.result;
    request.begun = true;
    if (const long error = io_wait(d, direction::writing, deadline, wait_reason::io_connect);
        error != 0)
      return error;
  }
}

namespace {

// Closes the descriptor unless it is wanted; also when the runtime stops meanwhile.
struct unfinished {
  descriptor* d;
  ~unfinished() {
    if (d != nullptr) close_and_drop(d);
  }
};

}  // namespace

descriptor* connect_socket(descriptor* d, const net::endpoint& to, std::error_code& error) {
  unfinished owner{d};
  told(connect_to_end(*d, to), error);
  if (error.value() != 0) return nullptr;
  owner.d = nullptr;
  return d;
}

descriptor* accept_socket(descriptor* listener, std::error_code& error) {
  long n;
  bool has_marks = false;  // as the listener
  do {
    n = io_receive(
        listener, wait_reason::io_accept,
        [&](int fd) {
          has_marks = listener->has_marks;
          return sys_accept(fd);
        },
        [](long) { return false; });
    // ECONNABORTED and the network's errors belong to a connection that ended in the backlog.
  } while (n == -ECONNABORTED || n == -EPROTO || n == -ENETDOWN || n == -EHOSTDOWN ||
           n == -EHOSTUNREACH || n == -ENETUNREACH);
  told(n, error);
  if (n < 0) return nullptr;
  adopt_request request{static_cast<int>(n), true, has_marks};
  call_on_home(&adopt_home, &request);
  told(request.error, error);
  return request.d;
}

}  // namespace gmp::detail

namespace gmp::net {

using namespace detail;

void socket::reset() noexcept {
  if (d_ != nullptr) close_and_drop(std::exchange(d_, nullptr));
}

void socket::close() noexcept {
  if (d_ != nullptr) io_close(*d_);
}

void socket::close(std::error_code& error) noexcept {
  told(d_ != nullptr && io_close(*d_) ? 0 : -EBADF, error);
}

bool socket::is_open() const noexcept { return d_ != nullptr && !d_->closing(); }

int socket::native_handle() const noexcept { return is_open() ? d_->fd() : -1; }

endpoint socket::local(std::error_code& error) const noexcept {
  endpoint out;
  name_request request{-1, false, &out};
  told(on_descriptor(d_, &name_home, request), error);
  return out;
}

endpoint socket::local() const {
  std::error_code error;
  endpoint out = local(error);
  throw_if(error, "gmp::net::socket::local");
  return out;
}

void socket::set_deadlines(nanoseconds_count when, bool reads, bool writes) noexcept {
  const io_stay stay(d_);
  if (!stay) return;
  if (reads) io_set_deadline(*d_, direction::reading, when);
  if (writes) io_set_deadline(*d_, direction::writing, when);
}

}  // namespace gmp::net
