// The halves of I/O calls that run on a thread's own stack: everything that is rare or needs libc.
// Each takes the address of its request, or what the comment beside it says.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/attributes.hpp"
#include "gmp/endpoint.hpp"
#include "netpoll/descriptor.hpp"

namespace gmp::detail {

// name_home() is what code on a G hands to call_on_home (home.cpp); name_at_home() does it.
#define GMPSCHED_IO_HOME(name)           \
  GMPSCHED_HOME void name##_home(void*); \
  void name##_at_home(void*)

// --- thread_wait_g0.cpp: a plain thread blocks in poll()
struct thread_wait_request {
  descriptor* d;
  direction dir;
  nanos deadline;
  long result;  // 0: look again; or a negative errno
};
GMPSCHED_IO_HOME(thread_wait);
GMPSCHED_IO_HOME(release_thread);  // an io_waiter of a plain thread; gone afterwards

// --- socket_g0.cpp
GMPSCHED_IO_HOME(close);        // the descriptor's last user has left
GMPSCHED_IO_HOME(drop_handle);  // the handle goes

// A socket that does what was asked for, in a descriptor. The results: d, or a negative errno.
struct open_request {
  const net::endpoint* at;
  int type;           // SOCK_STREAM or SOCK_DGRAM
  bool bind = false;  // else left unbound
  bool listen = false;
  int backlog = 0;
  bool reuse_port = false;
  bool reuse_address = false;
  bool only_v6 = false;
  descriptor* d = nullptr;
  long error = 0;
};
GMPSCHED_IO_HOME(open);

// A file that is open already (accepted), into a descriptor; closes it on failure.
struct adopt_request {
  int fd;
  bool nonblocking = true;  // it is so already
  bool has_marks = false;   // see descriptor
  descriptor* d = nullptr;
  long error = 0;
};
GMPSCHED_IO_HOME(adopt);

// connect(2), and what became of it.
struct connect_request {
  int fd;
  const net::endpoint* to;
  bool begun = false;  // look at the outcome only
  long result = 0;     // 0, -EINPROGRESS, -EAGAIN (unix: the backlog is full), or what went wrong
};
GMPSCHED_IO_HOME(connect);

struct name_request {
  int fd;
  bool peer;
  net::endpoint* out;
  long error = 0;
};
GMPSCHED_IO_HOME(name);

struct option_request {
  int fd;
  int level;
  int name;
  int value;
  long error = 0;
};
GMPSCHED_IO_HOME(option);

struct shutdown_request {
  int fd;
  int how;
  long error = 0;
};
GMPSCHED_IO_HOME(shutdown);

struct sendfile_request {
  int to;
  int from;
  std::int64_t* offset;  // null: the file's own position
  std::size_t n;
  long result = 0;
};
GMPSCHED_IO_HOME(sendfile);  // never a SIGPIPE

GMPSCHED_IO_HOME(unlink);  // of a unix socket: an endpoint

}  // namespace gmp::detail
