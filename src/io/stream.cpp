// Reading from and writing to connected streams.
#include <sys/socket.h>

#include "gmp/net.hpp"
#include "io/socket.hpp"
#include "io/syscall.hpp"

namespace gmp::net {

using namespace detail;

namespace {

constexpr std::size_t most_pieces = 1024;  // of the kernel (UIO_MAXIOV)
constexpr std::size_t most_bytes = 0x7ffff000;
constexpr std::size_t most_batched = 4096;  // others are not to wait for the copying of more

static_assert(sizeof(mutable_buffer) == sizeof(iovec) && sizeof(const_buffer) == sizeof(iovec));
static_assert(offsetof(mutable_buffer, data) == offsetof(iovec, iov_base));
static_assert(offsetof(mutable_buffer, size) == offsetof(iovec, iov_len));

// A result shorter than what was asked for leaves nothing behind; 0 is the end, which stays.
struct short_read {
  std::size_t asked;
  bool operator()(long n) const noexcept { return n > 0 && static_cast<std::size_t>(n) < asked; }
};

long read_bytes(descriptor* d, std::span<std::byte> to) {
  if (to.empty()) return d != nullptr && !d->closing() ? 0 : -EBADF;
  const std::size_t n = to.size() < most_bytes ? to.size() : most_bytes;
  return io_receive(
      d, wait_reason::io_read, [&](int fd) { return sys_recv(fd, to.data(), n, MSG_DONTWAIT); },
      short_read{n});
}

// Kept out of the frames of those that do not use it.
__attribute__((noinline)) long send_in_batch(int fd, const void* data, std::size_t bytes,
                                             const msghdr* message) {
  batched_send op;
  op.fd = fd;
  op.data = data;
  op.bytes = bytes;
  op.message = message;
  return io_send_in_batch(op);
}

long write_bytes(descriptor* d, std::span<const std::byte> from) {
  if (from.empty()) return d != nullptr && !d->closing() ? 0 : -EBADF;
  return io_send(d, wait_reason::io_write, [&](int fd) {
    if (from.size() <= most_batched && sends_in_batches())
      return send_in_batch(fd, from.data(), from.size(), nullptr);
    return sys_send(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

long read_pieces(descriptor* d, std::span<const mutable_buffer> to) {
  std::size_t asked = 0;
  if (to.size() > most_pieces) to = to.first(most_pieces);
  for (const mutable_buffer& piece : to) asked += piece.size;
  if (asked == 0) return d != nullptr && !d->closing() ? 0 : -EBADF;
  msghdr message{};
  message.msg_iov = reinterpret_cast<iovec*>(const_cast<mutable_buffer*>(to.data()));
  message.msg_iovlen = to.size();
  return io_receive(
      d, wait_reason::io_read, [&](int fd) { return sys_recvmsg(fd, &message, MSG_DONTWAIT); },
      short_read{asked});
}

long write_pieces(descriptor* d, std::span<const const_buffer> from) {
  if (from.size() > most_pieces) from = from.first(most_pieces);
  std::size_t asked = 0;
  for (const const_buffer& piece : from) asked += piece.size;
  if (asked == 0) return d != nullptr && !d->closing() ? 0 : -EBADF;
  msghdr message{};
  message.msg_iov = reinterpret_cast<iovec*>(const_cast<const_buffer*>(from.data()));
  message.msg_iovlen = from.size();
  return io_send(d, wait_reason::io_write, [&](int fd) {
    if (asked <= most_batched && sends_in_batches()) return send_in_batch(fd, nullptr, 0, &message);
    return sys_sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

// Fills `to`, or ends early at end of file or with an error; returns how much.
std::size_t read_to_end(descriptor* d, std::span<std::byte> to, long& error) {
  std::size_t done = 0;
  error = 0;
  do {
    const long n = read_bytes(d, to.subspan(done));
    if (n <= 0) {
      error = n;
      break;
    }
    done += static_cast<std::size_t>(n);
  } while (done < to.size());
  return done;
}

std::size_t write_to_end(descriptor* d, std::span<const std::byte> from, long& error) {
  std::size_t done = 0;
  error = 0;
  do {
    const long n = write_bytes(d, from.subspan(done));
    if (n < 0) {
      error = n;
      break;
    }
    done += static_cast<std::size_t>(n);
  } while (done < from.size());
  return done;
}

std::size_t send_file(descriptor* d, int file, std::uint64_t offset, std::size_t n, long& error) {
  std::size_t done = 0;
  auto at = static_cast<std::int64_t>(offset);
  error = 0;
  while (done < n) {
    const std::size_t left = n - done < most_bytes ? n - done : most_bytes;
    const long sent = io_send(d, wait_reason::io_write, [&](int fd) {
      sendfile_request request{fd, file, &at, left};
      call_on_home(&sendfile_home, &request);
      return request.result;
    });
    if (sent <= 0) {
      error = sent;
      break;
    }
    done += static_cast<std::size_t>(sent);
  }
  return done;
}

void shut(descriptor* d, int how, std::error_code& error) noexcept {
  shutdown_request request{-1, how};
  told(on_descriptor(d, &shutdown_home, request), error);
}

}  // namespace

std::size_t stream_socket::read_some(std::span<std::byte> to) {
  return or_throw(read_bytes(d_, to), "gmp::net: read");
}
std::size_t stream_socket::read_some(std::span<std::byte> to, std::error_code& error) {
  return told(read_bytes(d_, to), error);
}
std::size_t stream_socket::write_some(std::span<const std::byte> from) {
  return or_throw(write_bytes(d_, from), "gmp::net: write");
}
std::size_t stream_socket::write_some(std::span<const std::byte> from, std::error_code& error) {
  return told(write_bytes(d_, from), error);
}

std::size_t stream_socket::read_full(std::span<std::byte> to) {
  long error;
  const std::size_t n = read_to_end(d_, to, error);
  or_throw(error, "gmp::net: read");
  return n;
}
std::size_t stream_socket::read_full(std::span<std::byte> to, std::error_code& error) {
  long negative;
  const std::size_t n = read_to_end(d_, to, negative);
  told(negative, error);
  return n;
}
std::size_t stream_socket::write_all(std::span<const std::byte> from) {
  long error;
  const std::size_t n = write_to_end(d_, from, error);
  or_throw(error, "gmp::net: write");
  return n;
}
std::size_t stream_socket::write_all(std::span<const std::byte> from, std::error_code& error) {
  long negative;
  const std::size_t n = write_to_end(d_, from, negative);
  told(negative, error);
  return n;
}

std::size_t stream_socket::readv(std::span<const mutable_buffer> to) {
  return or_throw(read_pieces(d_, to), "gmp::net: readv");
}
std::size_t stream_socket::readv(std::span<const mutable_buffer> to, std::error_code& error) {
  return told(read_pieces(d_, to), error);
}
std::size_t stream_socket::writev(std::span<const const_buffer> from) {
  return or_throw(write_pieces(d_, from), "gmp::net: writev");
}
std::size_t stream_socket::writev(std::span<const const_buffer> from, std::error_code& error) {
  return told(write_pieces(d_, from), error);
}

std::size_t stream_socket::sendfile(int file, std::uint64_t offset, std::size_t n) {
  long error;
  const std::size_t sent = send_file(d_, file, offset, n, error);
  or_throw(error, "gmp::net: sendfile");
  return sent;
}
std::size_t stream_socket::sendfile(int file, std::uint64_t offset, std::size_t n,
                                    std::error_code& error) {
  long negative;
  const std::size_t sent = send_file(d_, file, offset, n, negative);
  told(negative, error);
  return sent;
}

void stream_socket::shutdown_write(std::error_code& error) noexcept { shut(d_, SHUT_WR, error); }
void stream_socket::shutdown_write() {
  std::error_code error;
  shut(d_, SHUT_WR, error);
  throw_if(error, "gmp::net: shutdown_write");
}
void stream_socket::shutdown_read(std::error_code& error) noexcept { shut(d_, SHUT_RD, error); }
void stream_socket::shutdown_read() {
  std::error_code error;
  shut(d_, SHUT_RD, error);
  throw_if(error, "gmp::net: shutdown_read");
}

endpoint stream_socket::remote(std::error_code& error) const noexcept {
  endpoint out;
  name_request request{-1, true, &out};
  told(on_descriptor(d_, &name_home, request), error);
  return out;
}
endpoint stream_socket::remote() const {
  std::error_code error;
  endpoint out = remote(error);
  throw_if(error, "gmp::net: remote");
  return out;
}

}  // namespace gmp::net
