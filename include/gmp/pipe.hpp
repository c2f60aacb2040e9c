// Pipes: bytes from one end to the other, between Gs, threads and processes. Go: os.Pipe.
//
// The rules are those of sockets (gmp/net.hpp): calls that cannot go on park their G, plain threads
// block; one object may be used by several Gs and threads at once and closed meanwhile, which ends
// the calls that wait with operation_canceled; deadlines give timed_out; each call has a form that
// throws std::system_error and one that sets a std::error_code. No call raises SIGPIPE.
#pragma once

#include <cstddef>
#include <span>
#include <system_error>

#include <gmp/net.hpp>

namespace gmp {

// The end to read from; movable, the destructor closes.
class pipe_reader : private net::socket {
 public:
  pipe_reader() noexcept = default;  // not open
  // Takes over the end of a pipe, a FIFO or a terminal that is open for reading, makes it
  // non-blocking, and closes it on an error as well. Regular files: operation_not_permitted from
  // the first call that would wait.
  static pipe_reader adopt(int descriptor);
  static pipe_reader adopt(int descriptor, std::error_code& error);

  using socket::clear_read_deadline;
  using socket::close;
  using socket::is_open;
  using socket::native_handle;
  using socket::set_read_deadline;
  template <class Clock, class Duration>
  void set_deadline(std::chrono::time_point<Clock, Duration> t) noexcept {
    set_read_deadline(t);
  }
  void clear_deadline() noexcept { clear_read_deadline(); }

  // Waits for at least one byte; returns how many were read, 0: every writer has closed (or an
  // empty span).
  std::size_t read_some(std::span<std::byte> to);
  std::size_t read_some(std::span<std::byte> to, std::error_code& error);
  std::size_t read_some(void* to, std::size_t n) {
    return read_some({static_cast<std::byte*>(to), n});
  }
  std::size_t read_some(void* to, std::size_t n, std::error_code& error) {
    return read_some({static_cast<std::byte*>(to), n}, error);
  }
  // Fills the span; fewer bytes only at end of file, or with an error. Go: io.ReadFull.
  std::size_t read_full(std::span<std::byte> to);
  std::size_t read_full(std::span<std::byte> to, std::error_code& error);
  std::size_t read_full(void* to, std::size_t n) {
    return read_full({static_cast<std::byte*>(to), n});
  }
  std::size_t read_full(void* to, std::size_t n, std::error_code& error) {
    return read_full({static_cast<std::byte*>(to), n}, error);
  }

 private:
  friend class pipe;
  friend class process;
  using socket::socket;
};

// The end to write to; movable, the destructor closes.
class pipe_writer : private net::socket {
 public:
  pipe_writer() noexcept = default;  // not open
  // As pipe_reader::adopt, open for writing.
  static pipe_writer adopt(int descriptor);
  static pipe_writer adopt(int descriptor, std::error_code& error);

  using socket::clear_write_deadline;
  using socket::close;
  using socket::is_open;
  using socket::native_handle;
  using socket::set_write_deadline;
  template <class Clock, class Duration>
  void set_deadline(std::chrono::time_point<Clock, Duration> t) noexcept {
    set_write_deadline(t);
  }
  void clear_deadline() noexcept { clear_write_deadline(); }

  // Waits for room for at least one byte; returns how many were written. No reader is left:
  // broken_pipe.
  std::size_t write_some(std::span<const std::byte> from);
  std::size_t write_some(std::span<const std::byte> from, std::error_code& error);
  std::size_t write_some(const void* from, std::size_t n) {
    return write_some({static_cast<const std::byte*>(from), n});
  }
  std::size_t write_some(const void* from, std::size_t n, std::error_code& error) {
    return write_some({static_cast<const std::byte*>(from), n}, error);
  }
  // Writes all of it; fewer bytes only with an error.
  std::size_t write_all(std::span<const std::byte> from);
  std::size_t write_all(std::span<const std::byte> from, std::error_code& error);
  std::size_t write_all(const void* from, std::size_t n) {
    return write_all({static_cast<const std::byte*>(from), n});
  }
  std::size_t write_all(const void* from, std::size_t n, std::error_code& error) {
    return write_all({static_cast<const std::byte*>(from), n}, error);
  }

 private:
  friend class pipe;
  friend class process;
  using socket::socket;
};

// A new pipe: auto [reader, writer] = gmp::pipe(); the kernel holds 64 KiB between the ends.
// Neither is inherited by other programs. Errors: too_many_files_open and its kin. Go: os.Pipe.
class pipe {
 public:
  pipe();
  explicit pipe(std::error_code& error);  // both ends not open on an error

  pipe_reader reader;
  pipe_writer writer;
};

}  // namespace gmp
