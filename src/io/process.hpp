// Children, and the halves of calls on them that run on a thread's own stack.
//
// PR1  The status is taken without taking the child away (WNOWAIT), stored, and then the child is
//      reaped: whoever finds no child finds the status.
// PR2  The child is this process's until it is reaped, so its pidfd never means another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>

#include "base/atomic.hpp"
#include "gmp/process.hpp"
#include "io/home.hpp"

namespace gmp::detail {

// When its context is cancelled; anybody's stack.
struct kill_child {
  descriptor* d;
  void operator()() const noexcept;
};

struct process_state {
  descriptor* d;  // of the pidfd
  int pid;
  atomic<std::uint32_t> ended{0};  // how, see pack(); 0: not that anybody knows [PR1]
  std::optional<std::stop_callback<kill_child>> on_cancel{};
};

// A status in a word that is not 0.
constexpr std::uint32_t pack(const exit_status& how) noexcept {
  return 0x80000000u | (how.core_dumped ? 0x10000u : 0u) |
         (static_cast<std::uint32_t>(how.signal & 0xff) << 8) |
         static_cast<std::uint32_t>(how.code & 0xff);
}
constexpr exit_status unpack(std::uint32_t word) noexcept {
  return {static_cast<int>(word & 0xff), static_cast<int>(word >> 8 & 0xff),
          (word & 0x10000u) != 0};
}

struct spawn_request {
  const char* program;
  char* const* arguments;
  char* const* environment;  // null: this process's
  const char* directory;     // null: this process's
  stdio streams[3];
  int pid = 0;
  descriptor* d = nullptr;
  descriptor* ends[3] = {};  // of the streams that are pipes
  long error = 0;
};
GMPSCHED_IO_HOME(spawn);

// Has it ended? result: 0, -EAGAIN, or what went wrong.
struct look_request {
  int fd;
  atomic<std::uint32_t>* ended;
  bool block;  // the thread, until it has
  long result = 0;
};
GMPSCHED_IO_HOME(look);

struct signal_request {
  int fd;
  int signal;
  long error = 0;
};
GMPSCHED_IO_HOME(signal_child);

// The same file in another descriptor, which has deadlines of its own.
struct duplicate_request {
  int fd;
  descriptor* d = nullptr;
  long error = 0;
};
GMPSCHED_IO_HOME(duplicate);

// A file in memory, with `text` in it and the position at its beginning.
struct memory_request {
  const void* text;
  std::size_t n;
  int fd = -1;
  long error = 0;
};
GMPSCHED_IO_HOME(memory);

}  // namespace gmp::detail
