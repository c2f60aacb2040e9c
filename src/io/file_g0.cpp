// Files and pipes: what runs on a thread's own stack.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/file.hpp"
#include "io/sigpipe.hpp"

namespace gmp::detail {
namespace {

long result_or_errno(long n) noexcept { return n >= 0 ? n : -static_cast<long>(errno); }

template <class Call>
long repeated(Call call) noexcept {
  long n;
  do {
    n = result_or_errno(call());
  } while (n == -EINTR);
  return n;
}

// A path with its zero.
class path_text {
 public:
  explicit path_text(std::string_view path) noexcept {
    if (path.size() >= sizeof text_) {
      error_ = -ENAMETOOLONG;
    } else if (path.empty()) {  // perhaps without an address
      error_ = -ENOENT;
    } else if (std::memchr(path.data(), '\0', path.size()) != nullptr) {
      error_ = -EINVAL;
    } else {
      std::memcpy(text_, path.data(), path.size());
      text_[path.size()] = '\0';
    }
  }
  long error() const noexcept { return error_; }
  const char* c_str() const noexcept { return text_; }

 private:
  long error_ = 0;
  char text_[PATH_MAX];
};

fs::file_kind kind_of(mode_t mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return fs::file_kind::regular;
    case S_IFDIR:
      return fs::file_kind::folder;
    case S_IFLNK:
      return fs::file_kind::link;
    case S_IFIFO:
      return fs::file_kind::pipe;
    case S_IFSOCK:
      return fs::file_kind::socket;
    case S_IFCHR:
      return fs::file_kind::character_device;
    case S_IFBLK:
      return fs::file_kind::block_device;
    default:
      return fs::file_kind::other;
  }
}

void tell(const struct stat& from, fs::file_status& to) noexcept {
  to.kind = kind_of(from.st_mode);
  to.permissions = from.st_mode & 07777;
  to.size = static_cast<std::uint64_t>(from.st_size);
  to.device = from.st_dev;
  to.inode = from.st_ino;
  to.links = from.st_nlink;
  to.modified = std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::seconds(from.st_mtim.tv_sec) +
          std::chrono::nanoseconds(from.st_mtim.tv_nsec)));
}

// An open file into a descriptor; it is closed on an error.
void adopt_file(file_request& request) noexcept {
  struct stat about {};
  if (::fstat(request.fd, &about) != 0) {
    request.result = -errno;
    if (request.fd >= 0 && errno != EBADF) ::close(request.fd);
    return;
  }
  request.regular = S_ISREG(about.st_mode);
  request.d = descriptor::make(request.fd);
  if (request.d == nullptr) {
    ::close(request.fd);
    request.result = -ENOMEM;
  }
}

void open_file(file_request& request) noexcept {
  const path_text path(request.path);
  request.result = path.error();
  if (request.result != 0) return;
  const long fd = repeated([&] {
    return ::open(path.c_str(), request.flags | O_CLOEXEC | O_NOCTTY, request.permissions);
  });
  if (fd < 0) {
    request.result = fd;
    return;
  }
  request.fd = static_cast<int>(fd);
  adopt_file(request);
}

long stat_path(const file_request& request) noexcept {
  const path_text path(request.path);
  if (path.error() != 0) return path.error();
  struct stat about {};
  const long error = result_or_errno(::stat(path.c_str(), &about));
  if (error == 0) tell(about, *request.status);
  return error;
}

long stat_open(const file_request& request) noexcept {
  struct stat about {};
  const long error = result_or_errno(::fstat(request.fd, &about));
  if (error == 0) tell(about, *request.status);
  return error;
}

long read_file(const file_request& request) noexcept {
  return repeated([&] {
    return request.offset == at_position
               ? ::read(request.fd, request.data, request.n)
               : ::pread(request.fd, request.data, request.n, request.offset);
  });
}

long write_bytes(const file_request& request) noexcept {
  return repeated([&] {
    return request.offset == at_position
               ? ::write(request.fd, request.data, request.n)
               : ::pwrite(request.fd, request.data, request.n, request.offset);
  });
}

long write_file(const file_request& request) noexcept {
  if (request.regular) return write_bytes(request);
  sigpipe_guard guard;  // it may be a pipe
  const long n = write_bytes(request);
  guard.came = n == -EPIPE;
  return n;
}

// Of a descriptor that nobody has seen; null: the file alone.
void discard(descriptor* d, int fd) noexcept {
  if (d == nullptr) {
    ::close(fd);
    return;
  }
  if (d->begin_close() && d->leave()) d->finish_close();
  if (d->drop_handle()) d->give();
}

}  // namespace

void file_call_at_home(void* arg) {
  auto& request = *static_cast<file_request*>(arg);
  switch (request.what) {
    case file_call::open:
      return open_file(request);
    case file_call::adopt:
      return adopt_file(request);
    case file_call::read:
      request.result = read_file(request);
      return;
    case file_call::write:
      request.result = write_file(request);
      return;
    case file_call::seek:
      request.result = result_or_errno(::lseek(request.fd, request.offset, request.flags));
      return;
    case file_call::stat:
      request.result = stat_open(request);
      return;
    case file_call::stat_path:
      request.result = stat_path(request);
      return;
    case file_call::truncate:
      request.result = repeated([&] { return ::ftruncate(request.fd, request.offset); });
      return;
    case file_call::sync:
      request.result = repeated([&] { return ::fsync(request.fd); });
      return;
    case file_call::sync_data:
      request.result = repeated([&] { return ::fdatasync(request.fd); });
      return;
  }
}

void pipe_at_home(void* arg) {
  auto& request = *static_cast<pipe_request*>(arg);
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
    request.error = -errno;
    return;
  }
  request.reader = descriptor::make(ends[0]);
  request.writer = descriptor::make(ends[1]);
  if (request.reader != nullptr && request.writer != nullptr) return;
  discard(request.reader, ends[0]);
  discard(request.writer, ends[1]);
  request.reader = request.writer = nullptr;
  request.error = -ENOMEM;
}

void pipe_write_at_home(void* arg) {
  auto& request = *static_cast<pipe_write_request*>(arg);
  sigpipe_guard guard;
  request.result = result_or_errno(::write(request.fd, request.from, request.n));
  guard.came = request.result == -EPIPE;
}

}  // namespace gmp::detail
