// Files: tried at once, then without a P.
#include "io/file.hpp"

#include <fcntl.h>

#include <string>

#include "gmp/detail/blocking.hpp"
#include "io/socket.hpp"
#include "io/syscall.hpp"

namespace gmp::detail {

void file_call_home(void* request) { file_call_at_home(request); }

namespace {

constexpr std::size_t most_bytes = 0x7ffff000;

// Where it may wait for a disk.
__attribute__((noinline)) long without_p(file_request& request) {
  const blocking_stretch away;
  call_on_home(&file_call_home, &request);
  return request.result;
}

// The page cache alone; negative: it takes more than that, or is no use.
long at_once(const file_request& request) noexcept {
  const iovec piece{request.data, request.n};
  return request.what == file_call::read ? sys_preadv2(request.fd, piece, request.offset)
                                         : sys_pwritev2(request.fd, piece, request.offset);
}

long transfer(descriptor* d, bool regular, file_request& request) {
  const io_stay stay(d);
  if (!stay) return -EBADF;
  if (request.n == 0) return 0;
  if (request.n > most_bytes) request.n = most_bytes;
  request.fd = d->fd();
  request.regular = regular;
  if (regular) {
    if (const long n = at_once(request); n >= 0) return n;
  }
  return without_p(request);
}

long read_once(descriptor* d, bool regular, std::span<std::byte> to, std::int64_t offset) {
  file_request request{file_call::read};
  request.data = to.data();
  request.n = to.size();
  request.offset = offset;
  return transfer(d, regular, request);
}

long write_once(descriptor* d, bool regular, std::span<const std::byte> from, std::int64_t offset) {
  file_request request{file_call::write};
  request.data = const_cast<std::byte*>(from.data());
  request.n = from.size();
  request.offset = offset;
  return transfer(d, regular, request);
}

// All of the span; fewer bytes at the end of the file or with an error.
template <class Once, class Span>
std::size_t to_end(Once once, descriptor* d, bool regular, Span all, std::int64_t offset,
                   long& error) {
  std::size_t done = 0;
  error = 0;
  do {
    const long n =
        once(d, regular, all.subspan(done),
             offset == at_position ? at_position : offset + static_cast<std::int64_t>(done));
    if (n <= 0) {
      error = n;
      break;
    }
    done += static_cast<std::size_t>(n);
  } while (done < all.size());
  return done;
}

// Offsets past what files can have; those of at_position's sign would mean something else.
constexpr bool good_offset(std::uint64_t offset) noexcept {
  return offset <= static_cast<std::uint64_t>(INT64_MAX);
}

long on_file(descriptor* d, file_request& request) {
  const io_stay stay(d);
  if (!stay) return -EBADF;
  request.fd = d->fd();
  return without_p(request);
}

long call_on_file(descriptor* d, file_call what) {
  file_request request{what};
  return on_file(d, request);
}

int flags_of(fs::open_mode how) noexcept {
  using fs::open_mode;
  const bool reads = has(how, open_mode::read);
  const bool writes = has(how, open_mode::write) || has(how, open_mode::append);
  int flags = writes ? reads ? O_RDWR : O_WRONLY : O_RDONLY;
  if (has(how, open_mode::append)) flags |= O_APPEND;
  if (has(how, open_mode::create)) flags |= O_CREAT;
  if (has(how, open_mode::truncate)) flags |= O_TRUNC;
  if (has(how, open_mode::exclusive)) flags |= O_EXCL;
  return flags;
}

[[noreturn]] void throw_of_path(std::error_code error, const char* call, std::string_view path) {
  throw std::system_error(error, std::string(call) + " \"" + std::string(path) + "\"");
}

}  // namespace
}  // namespace gmp::detail

namespace gmp::fs {

using namespace detail;

file file::open(std::string_view path, open_mode how, unsigned permissions,
                std::error_code& error) {
  file_request request{file_call::open};
  request.path = path;
  request.flags = flags_of(how);
  request.permissions = permissions;
  told(without_p(request), error);
  return {request.d, request.regular};
}
file file::open(std::string_view path, open_mode how, unsigned permissions) {
  std::error_code error;
  file opened = open(path, how, permissions, error);
  if (error) throw_of_path(error, "gmp::fs::file::open", path);
  return opened;
}

file file::adopt(int descriptor, std::error_code& error) {
  file_request request{file_call::adopt};
  request.fd = descriptor;
  call_on_home(&file_call_home, &request);
  told(request.result, error);
  return {request.d, request.regular};
}
file file::adopt(int descriptor) {
  std::error_code error;
  file adopted = adopt(descriptor, error);
  throw_if(error, "gmp::fs::file::adopt");
  return adopted;
}

std::size_t file::read_some(std::span<std::byte> to) {
  return or_throw(read_once(d_, regular_, to, at_position), "gmp::fs: read");
}
std::size_t file::read_some(std::span<std::byte> to, std::error_code& error) {
  return told(read_once(d_, regular_, to, at_position), error);
}
std::size_t file::write_some(std::span<const std::byte> from) {
  return or_throw(write_once(d_, regular_, from, at_position), "gmp::fs: write");
}
std::size_t file::write_some(std::span<const std::byte> from, std::error_code& error) {
  return told(write_once(d_, regular_, from, at_position), error);
}

std::size_t file::read_full(std::span<std::byte> to, std::error_code& error) {
  long negative;
  const std::size_t n = to_end(&read_once, d_, regular_, to, at_position, negative);
  told(negative, error);
  return n;
}
std::size_t file::read_full(std::span<std::byte> to) {
  std::error_code error;
  const std::size_t n = read_full(to, error);
  throw_if(error, "gmp::fs: read");
  return n;
}
std::size_t file::write_all(std::span<const std::byte> from, std::error_code& error) {
  long negative;
  const std::size_t n = to_end(&write_once, d_, regular_, from, at_position, negative);
  told(negative, error);
  return n;
}
std::size_t file::write_all(std::span<const std::byte> from) {
  std::error_code error;
  const std::size_t n = write_all(from, error);
  throw_if(error, "gmp::fs: write");
  return n;
}

std::size_t file::read_at(std::uint64_t offset, std::span<std::byte> to, std::error_code& error) {
  long negative = -EINVAL;
  std::size_t n = 0;
  if (good_offset(offset))
    n = to_end(&read_once, d_, regular_, to, static_cast<std::int64_t>(offset), negative);
  told(negative, error);
  return n;
}
std::size_t file::read_at(std::uint64_t offset, std::span<std::byte> to) {
  std::error_code error;
  const std::size_t n = read_at(offset, to, error);
  throw_if(error, "gmp::fs: read");
  return n;
}
std::size_t file::write_at(std::uint64_t offset, std::span<const std::byte> from,
                           std::error_code& error) {
  long negative = -EFBIG;
  std::size_t n = 0;
  if (good_offset(offset))
    n = to_end(&write_once, d_, regular_, from, static_cast<std::int64_t>(offset), negative);
  told(negative, error);
  return n;
}
std::size_t file::write_at(std::uint64_t offset, std::span<const std::byte> from) {
  std::error_code error;
  const std::size_t n = write_at(offset, from, error);
  throw_if(error, "gmp::fs: write");
  return n;
}

std::uint64_t file::seek(std::int64_t offset, seek_from from, std::error_code& error) {
  file_request request{file_call::seek};
  request.offset = offset;
  request.flags = from == seek_from::begin     ? SEEK_SET
                  : from == seek_from::current ? SEEK_CUR
                                               : SEEK_END;
  const io_stay stay(d_);
  if (!stay) return told(-EBADF, error);
  request.fd = d_->fd();
  call_on_home(&file_call_home, &request);  // the disk has no part in it
  return told(request.result, error);
}
std::uint64_t file::seek(std::int64_t offset, seek_from from) {
  std::error_code error;
  const std::uint64_t position = seek(offset, from, error);
  throw_if(error, "gmp::fs: seek");
  return position;
}

file_status file::stat(std::error_code& error) const {
  file_status status;
  file_request request{file_call::stat};
  request.status = &status;
  told(on_file(d_, request), error);
  return status;
}
file_status file::stat() const {
  std::error_code error;
  const file_status status = stat(error);
  throw_if(error, "gmp::fs: stat");
  return status;
}

void file::truncate(std::uint64_t bytes, std::error_code& error) {
  file_request request{file_call::truncate};
  request.offset = good_offset(bytes) ? static_cast<std::int64_t>(bytes) : -1;
  told(on_file(d_, request), error);
}
void file::truncate(std::uint64_t bytes) {
  std::error_code error;
  truncate(bytes, error);
  throw_if(error, "gmp::fs: truncate");
}

void file::sync(std::error_code& error) { told(call_on_file(d_, file_call::sync), error); }
void file::sync() { or_throw(call_on_file(d_, file_call::sync), "gmp::fs: sync"); }
void file::sync_data(std::error_code& error) {
  told(call_on_file(d_, file_call::sync_data), error);
}
void file::sync_data() { or_throw(call_on_file(d_, file_call::sync_data), "gmp::fs: sync_data"); }

file_status stat(std::string_view path, std::error_code& error) {
  file_status status;
  file_request request{file_call::stat_path};
  request.path = path;
  request.status = &status;
  told(without_p(request), error);
  return status;
}
file_status stat(std::string_view path) {
  std::error_code error;
  const file_status status = stat(path, error);
  if (error) throw_of_path(error, "gmp::fs::stat", path);
  return status;
}

}  // namespace gmp::fs
