// Calls on files and pipes, and the halves of them that run on a thread's own stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gmp/file.hpp"
#include "io/home.hpp"

namespace gmp::detail {

enum class file_call : std::uint8_t {
  open,
  adopt,
  read,
  write,
  seek,
  stat,
  stat_path,
  truncate,
  sync,
  sync_data
};

inline constexpr std::int64_t at_position = -1;  // in place of an offset

struct file_request {
  file_call what;
  int fd = -1;
  void* data = nullptr;
  std::size_t n = 0;
  std::int64_t offset = at_position;
  int flags = 0;  // of open(2); of lseek(2)
  unsigned permissions = 0;
  std::string_view path{};
  fs::file_status* status = nullptr;
  descriptor* d = nullptr;  // of open and adopt
  bool regular = false;     // found out by open and adopt, told to the others
  long result = 0;          // or a negative errno
};
GMPSCHED_IO_HOME(file_call);

// Both ends of a new pipe.
struct pipe_request {
  descriptor* reader = nullptr;
  descriptor* writer = nullptr;
  long error = 0;
};
GMPSCHED_IO_HOME(pipe);

// One write to a pipe, which raises no SIGPIPE.
struct pipe_write_request {
  int fd;
  const void* from;
  std::size_t n;
  long result = 0;
};
GMPSCHED_IO_HOME(pipe_write);

}  // namespace gmp::detail
