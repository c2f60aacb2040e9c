// Files in blocking style: whatever may wait for a disk runs with the P handed off, so that other
// Gs go on meanwhile. Go: os.File.
//
// Reads and writes of regular files are tried first in a form that fails rather than waits (the
// page cache, usually a microsecond); what that does not do, and opening, asking and syncing, is
// done by the G's thread as a plain thread would do it, without a P (gmp::blocking).
//
// All of it works in Gs, and on plain threads, which block, with or without a runtime. One object
// may be used by several Gs and threads at once, and closed meanwhile: the file is closed when the
// last call on it has ended. Only moving and destroying it need that nobody else uses the object.
// Not for signal handlers. No call raises SIGPIPE.
//
// A call on a file cannot be taken back once the disk has it: there are no deadlines and no
// contexts here, and a G in such a call ends, when its runtime stops, after the call. What can wait
// for ever (pipes, terminals, FIFOs) belongs into gmp/pipe.hpp.
//
// Each call has two forms: one throws std::system_error, one sets a std::error_code. Errors are the
// system's (generic category); bad_file_descriptor: the file was closed, or never open. Paths are
// taken as they are, at most 4,095 bytes (filename_too_long), without zero bytes
// (invalid_argument); p.native() of a std::filesystem::path.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>

#include <gmp/net.hpp>

namespace gmp::fs {

// How a file is opened; combine with |. Go: os.O_RDONLY and its kin.
enum class open_mode : unsigned {
  read = 1,
  write = 2,
  read_write = 3,
  append = 4,      // every write goes to the end
  create = 8,      // make it if it is not there
  truncate = 16,   // throw away what was in it
  exclusive = 32,  // with create: file_exists if it is there
};
constexpr open_mode operator|(open_mode a, open_mode b) noexcept {
  return static_cast<open_mode>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(open_mode all, open_mode one) noexcept {
  return (static_cast<unsigned>(all) & static_cast<unsigned>(one)) == static_cast<unsigned>(one);
}

enum class file_kind { regular, folder, link, pipe, socket, character_device, block_device, other };

// What is known of a file. Go: os.FileInfo.
struct file_status {
  file_kind kind = file_kind::other;
  unsigned permissions = 0;  // the lower twelve bits, as for chmod
  std::uint64_t size = 0;    // bytes
  std::uint64_t device = 0;  // with inode: which file it is
  std::uint64_t inode = 0;
  std::uint64_t links = 0;
  std::chrono::system_clock::time_point modified;
};

enum class seek_from { begin, current, end };

// An open file; movable, the destructor closes. It is not inherited by other programs. Reads and
// writes without an offset move the position, which all users of the object share.
class file : private net::socket {
 public:
  file() noexcept = default;  // not open

  // `permissions` are those of a new file, less the process's umask. Go: os.OpenFile.
  static file open(std::string_view path, open_mode how = open_mode::read,
                   unsigned permissions = 0666);
  static file open(std::string_view path, open_mode how, unsigned permissions,
                   std::error_code& error);
  static file open(std::string_view path, std::error_code& error) {
    return open(path, open_mode::read, 0666, error);
  }
  // For reading and writing, empty. Go: os.Create.
  static file create(std::string_view path) {
    return open(path, open_mode::read_write | open_mode::create | open_mode::truncate);
  }
  static file create(std::string_view path, std::error_code& error) {
    return open(path, open_mode::read_write | open_mode::create | open_mode::truncate, 0666, error);
  }
  // Takes over a descriptor that is open, and closes it on an error as well. Go: os.NewFile.
  static file adopt(int descriptor);
  static file adopt(int descriptor, std::error_code& error);

  // Ends it: calls from now on give bad_file_descriptor; those under way finish. Idempotent; may be
  // called while others use it. What was written may not be on the disk: see sync(). Go: Close.
  using socket::close;
  using socket::is_open;
  // The file descriptor, -1 when closed. It stays the file's: do not close it.
  using socket::native_handle;

  // Up to to.size() bytes; returns how many, 0: end of file (or an empty span). Go: Read.
  std::size_t read_some(std::span<std::byte> to);
  std::size_t read_some(std::span<std::byte> to, std::error_code& error);
  std::size_t read_some(void* to, std::size_t n) {
    return read_some({static_cast<std::byte*>(to), n});
  }
  std::size_t read_some(void* to, std::size_t n, std::error_code& error) {
    return read_some({static_cast<std::byte*>(to), n}, error);
  }
  // Writes at least one byte; returns how many.
  std::size_t write_some(std::span<const std::byte> from);
  std::size_t write_some(std::span<const std::byte> from, std::error_code& error);
  std::size_t write_some(const void* from, std::size_t n) {
    return write_some({static_cast<const std::byte*>(from), n});
  }
  std::size_t write_some(const void* from, std::size_t n, std::error_code& error) {
    return write_some({static_cast<const std::byte*>(from), n}, error);
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
  // Writes all of it; fewer bytes only with an error. Go: Write.
  std::size_t write_all(std::span<const std::byte> from);
  std::size_t write_all(std::span<const std::byte> from, std::error_code& error);
  std::size_t write_all(const void* from, std::size_t n) {
    return write_all({static_cast<const std::byte*>(from), n});
  }
  std::size_t write_all(const void* from, std::size_t n, std::error_code& error) {
    return write_all({static_cast<const std::byte*>(from), n}, error);
  }

  // The same at an offset in bytes, which leaves the position alone: fewer bytes only at end of
  // file, or with an error. A file opened with append writes at its end all the same. Go: ReadAt,
  // WriteAt.
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> to);
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> to, std::error_code& error);
  std::size_t read_at(std::uint64_t offset, void* to, std::size_t n) {
    return read_at(offset, {static_cast<std::byte*>(to), n});
  }
  std::size_t read_at(std::uint64_t offset, void* to, std::size_t n, std::error_code& error) {
    return read_at(offset, {static_cast<std::byte*>(to), n}, error);
  }
  std::size_t write_at(std::uint64_t offset, std::span<const std::byte> from);
  std::size_t write_at(std::uint64_t offset, std::span<const std::byte> from,
                       std::error_code& error);
  std::size_t write_at(std::uint64_t offset, const void* from, std::size_t n) {
    return write_at(offset, {static_cast<const std::byte*>(from), n});
  }
  std::size_t write_at(std::uint64_t offset, const void* from, std::size_t n,
                       std::error_code& error) {
    return write_at(offset, {static_cast<const std::byte*>(from), n}, error);
  }

  // Moves the position; returns it, in bytes from the beginning. Go: Seek.
  std::uint64_t seek(std::int64_t offset, seek_from from = seek_from::begin);
  std::uint64_t seek(std::int64_t offset, seek_from from, std::error_code& error);

  // Go: Stat.
  file_status stat() const;
  file_status stat(std::error_code& error) const;
  // In bytes.
  std::uint64_t size() const { return stat().size; }

  // Makes it so long: cuts it off, or adds zeros. The position stays. Go: Truncate.
  void truncate(std::uint64_t bytes);
  void truncate(std::uint64_t bytes, std::error_code& error);

  // Returns when what was written is on the disk, data and everything known of it. Go: Sync.
  void sync();
  void sync(std::error_code& error);
  // The data, and what it takes to find it again: faster.
  void sync_data();
  void sync_data(std::error_code& error);

 private:
  file(detail::descriptor* d, bool regular) noexcept : socket(d), regular_(regular) {}
  bool regular_ = false;  // can be tried without waiting
};

// Of the file at that path, links followed. Go: os.Stat.
file_status stat(std::string_view path);
file_status stat(std::string_view path, std::error_code& error);

}  // namespace gmp::fs

namespace gmp {
using fs::file;
}  // namespace gmp
