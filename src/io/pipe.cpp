// Pipes, on the poller.
#include "gmp/pipe.hpp"

#include "io/file.hpp"
#include "io/socket.hpp"
#include "io/syscall.hpp"

namespace gmp::detail {

void pipe_home(void* request) { pipe_at_home(request); }
void pipe_write_home(void* request) { pipe_write_at_home(request); }

namespace {

constexpr std::size_t most_bytes = 0x7ffff000;

// What was less than asked for has emptied the pipe; 0 is the end, which stays.
struct short_read {
  std::size_t asked;
  bool operator()(long n) const noexcept { return n > 0 && static_cast<std::size_t>(n) < asked; }
};

long read_pipe(descriptor* d, std::span<std::byte> to) {
  if (to.empty()) return d != nullptr && !d->closing() ? 0 : -EBADF;
  const std::size_t n = to.size() < most_bytes ? to.size() : most_bytes;
  return io_receive(
      d, wait_reason::io_read, [&](int fd) { return sys_read(fd, to.data(), n); }, short_read{n});
}

long write_pipe(descriptor* d, std::span<const std::byte> from) {
  if (from.empty()) return d != nullptr && !d->closing() ? 0 : -EBADF;
  return io_send(d, wait_reason::io_write, [&](int fd) {
    pipe_write_request request{fd, from.data(), from.size()};
    call_on_home(&pipe_write_home, &request);
    return request.result;
  });
}

// Calls `once` until the span is done; fewer bytes at the end or with an error.
template <class Once, class Span>
std::size_t to_end(Once once, descriptor* d, Span all, std::error_code& error) {
  std::size_t done = 0;
  long n;
  do {
    n = once(d, all.subspan(done));
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  } while (done < all.size());
  told(n < 0 ? n : 0, error);
  return done;
}

descriptor* adopt_end(int fd, std::error_code& error) {
  adopt_request request{fd, false, true};
  call_on_home(&adopt_home, &request);
  told(request.error, error);
  return request.d;
}

}  // namespace
}  // namespace gmp::detail

namespace gmp {

using namespace detail;

pipe_reader pipe_reader::adopt(int descriptor, std::error_code& error) {
  return pipe_reader(adopt_end(descriptor, error));
}
pipe_reader pipe_reader::adopt(int descriptor) {
  std::error_code error;
  pipe_reader adopted = adopt(descriptor, error);
  throw_if(error, "gmp::pipe_reader::adopt");
  return adopted;
}
std::size_t pipe_reader::read_some(std::span<std::byte> to) {
  return or_throw(read_pipe(d_, to), "gmp::pipe: read");
}
std::size_t pipe_reader::read_some(std::span<std::byte> to, std::error_code& error) {
  return told(read_pipe(d_, to), error);
}
std::size_t pipe_reader::read_full(std::span<std::byte> to, std::error_code& error) {
  return to_end(&read_pipe, d_, to, error);
}
std::size_t pipe_reader::read_full(std::span<std::byte> to) {
  std::error_code error;
  const std::size_t n = read_full(to, error);
  throw_if(error, "gmp::pipe: read");
  return n;
}

pipe_writer pipe_writer::adopt(int descriptor, std::error_code& error) {
  return pipe_writer(adopt_end(descriptor, error));
}
pipe_writer pipe_writer::adopt(int descriptor) {
  std::error_code error;
  pipe_writer adopted = adopt(descriptor, error);
  throw_if(error, "gmp::pipe_writer::adopt");
  return adopted;
}
std::size_t pipe_writer::write_some(std::span<const std::byte> from) {
  return or_throw(write_pipe(d_, from), "gmp::pipe: write");
}
std::size_t pipe_writer::write_some(std::span<const std::byte> from, std::error_code& error) {
  return told(write_pipe(d_, from), error);
}
std::size_t pipe_writer::write_all(std::span<const std::byte> from, std::error_code& error) {
  return to_end(&write_pipe, d_, from, error);
}
std::size_t pipe_writer::write_all(std::span<const std::byte> from) {
  std::error_code error;
  const std::size_t n = write_all(from, error);
  throw_if(error, "gmp::pipe: write");
  return n;
}

pipe::pipe(std::error_code& error) {
  pipe_request request;
  call_on_home(&pipe_home, &request);
  told(request.error, error);
  reader = pipe_reader(request.reader);
  writer = pipe_writer(request.writer);
}
pipe::pipe() {
  std::error_code error;
  *this = pipe(error);
  throw_if(error, "gmp::pipe");
}

}  // namespace gmp
