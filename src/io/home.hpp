// The halves of I/O calls that run on a thread's own stack: everything that is rare or needs libc.
// Each takes the address of its request.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gmp/endpoint.hpp"
#include "netpoll/descriptor.hpp"

namespace gmp::detail {

// --- thread_wait_g0.cpp: a plain thread blocks in poll()
struct thread_wait_request {
  descriptor* d;
  direction dir;
  nanos deadline;
  long result;  // 0: look again; or a negative errno
};
void thread_wait_home(void* request);
void release_thread_home(void* waiter);  // an io_waiter of a plain thread; gone afterwards

// --- socket_g0.cpp
void close_home(void* d);        // the descriptor's last user has left
void drop_handle_home(void* d);  // the handle goes

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
void open_home(void* request);

// A file that is open already (accepted), into a descriptor; closes it on failure.
struct adopt_request {
  int fd;
  bool nonblocking = true;  // it is so already
  descriptor* d = nullptr;
  long error = 0;
};
void adopt_home(void* request);

// connect(2), and what became of it.
struct connect_request {
  int fd;
  const net::endpoint* to;
  bool begun = false;  // look at the outcome only
  long result = 0;     // 0, -EINPROGRESS, -EAGAIN (unix: the backlog is full), or what went wrong
};
void connect_home(void* request);

struct name_request {
  int fd;
  bool peer;
  net::endpoint* out;
  long error = 0;
};
void name_home(void* request);

struct option_request {
  int fd;
  int level;
  int name;
  int value;
  long error = 0;
};
void option_home(void* request);

struct shutdown_request {
  int fd;
  int how;
  long error = 0;
};
void shutdown_home(void* request);

struct sendfile_request {
  int to;
  int from;
  std::int64_t* offset;  // null: the file's own position
  std::size_t n;
  long result = 0;
};
void sendfile_home(void* request);  // never a SIGPIPE

void unlink_home(void* path);  // of a unix socket: an endpoint

}  // namespace gmp::detail
