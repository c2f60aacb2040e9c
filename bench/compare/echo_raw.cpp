// The yardsticks of the echo bench: one thread, no scheduler. A short read means that the socket is
// drained, so a request costs one recv, one send, and its share of a wait.
//
//   echo_raw [epoll|spin|uring]
//
//   epoll   edge-triggered; what others are measured against
//   spin    never sleeps and asks nobody: recv on every connection, round and round. With one
//           connection nothing can answer sooner
//   uring   multishot polls on a ring whose events any thread might take (COOP_TASKRUN), as the
//           library's: what that costs by itself
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#if GMPSCHED_ECHO_URING
#include <liburing.h>
#include <poll.h>
#endif

namespace {

constexpr int events_at_once = 128;
constexpr std::size_t buffer_bytes = 4096;

struct connection {
  int fd;
  char unsent[buffer_bytes];
  std::size_t first = 0;
  std::size_t last = 0;
  bool gone = false;
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

class server {
 public:
  explicit server(int listener) : listener_(listener) {}

 protected:
  // Calls added(connection) for each.
  template <class Added>
  void accept_all(Added added) {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      auto made = std::make_unique<connection>();
      made->fd = fd;
      added(*made);
      connections_[fd] = std::move(made);
    }
  }

  // False: the buffer of the socket is full, or the connection is gone.
  bool flush(connection& c) {
    while (c.first < c.last) {
      const ssize_t n =
          send(c.fd, c.unsent + c.first, c.last - c.first, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0) {
        if (errno != EAGAIN) c.gone = true;
        return false;
      }
      c.first += static_cast<std::size_t>(n);
    }
    c.first = c.last = 0;
    return true;
  }

  // False: it has ended, and is the caller's to drop.
  bool serve(connection& c) {
    while (flush(c)) {
      const ssize_t n = recv(c.fd, c.unsent, sizeof c.unsent, MSG_DONTWAIT);
      if (n <= 0) return n != 0 && errno == EAGAIN;
      c.last = static_cast<std::size_t>(n);
      if (static_cast<std::size_t>(n) < sizeof c.unsent) return flush(c) || !c.gone;
    }
    return !c.gone;
  }

  void drop(int fd) {
    close(fd);
    connections_.erase(fd);
  }

  int listener_;
  std::unordered_map<int, std::unique_ptr<connection>> connections_;
};

class epoll_server : server {
 public:
  explicit epoll_server(int listener) : server(listener), set_(epoll_create1(EPOLL_CLOEXEC)) {
    add(listener, nullptr, EPOLLIN | EPOLLET);
  }

  [[noreturn]] void run() {
    epoll_event events[events_at_once];
    for (;;) {
      const int n = epoll_wait(set_, events, events_at_once, -1);
      for (int i = 0; i < n; ++i) {
        auto* c = static_cast<connection*>(events[i].data.ptr);
        if (c == nullptr) {
          accept_all([this](connection& one) {
            add(one.fd, &one, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
          });
        } else if (!serve(*c)) {
          drop(c->fd);
        }
      }
    }
  }

 private:
  void add(int fd, connection* c, std::uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.ptr = c;
    if (epoll_ctl(set_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  int set_;
};

class spin_server : server {
 public:
  using server::server;

  [[noreturn]] void run() {
    for (;;) {
      accept_all([](connection&) {});
      for (int round = 0; round < rounds_between_accepts; ++round) serve_all();
      if (connections_.empty()) wait_for_the_next();
    }
  }

 private:
  static constexpr int rounds_between_accepts = 1000;

  // It would take its processor from those that are measured next.
  void wait_for_the_next() {
    fd_set one;
    FD_ZERO(&one);
    FD_SET(listener_, &one);
    select(listener_ + 1, &one, nullptr, nullptr, nullptr);
  }

  void serve_all() {
    for (auto at = connections_.begin(); at != connections_.end();) {
      connection& c = *(at++)->second;
      if (!serve(c)) drop(c.fd);
    }
  }
};

#if GMPSCHED_ECHO_URING
class uring_server : server {
 public:
  explicit uring_server(int listener) : server(listener) {
    io_uring_params wanted{};
    wanted.flags = IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    wanted.cq_entries = completions;
    if (io_uring_queue_init_params(entries, &ring_, &wanted) != 0) fail("io_uring");
    arm(listener, nullptr);
  }

  [[noreturn]] void run() {
    for (;;) {
      io_uring_submit_and_wait(&ring_, 1);
      io_uring_cqe* some[events_at_once];
      const unsigned n = io_uring_peek_batch_cqe(&ring_, some, events_at_once);
      std::pair<connection*, bool> ready[events_at_once];
      for (unsigned i = 0; i < n; ++i)
        ready[i] = {static_cast<connection*>(io_uring_cqe_get_data(some[i])),
                    (some[i]->flags & IORING_CQE_F_MORE) == 0};
      io_uring_cq_advance(&ring_, n);
      for (unsigned i = 0; i < n; ++i) handle(ready[i].first, ready[i].second);
    }
  }

 private:
  static constexpr unsigned entries = 4096;
  static constexpr unsigned completions = 16384;

  void arm(int fd, connection* c) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) fail("io_uring: full");
    io_uring_prep_poll_multishot(entry, fd, POLLIN | POLLOUT | POLLRDHUP);
    io_uring_sqe_set_data(entry, c);
  }

  void handle(connection* c, bool ended) {
    if (c == nullptr) {
      accept_all([this](connection& one) { arm(one.fd, &one); });
      if (ended) arm(listener_, nullptr);
    } else if (c->gone) {
      if (ended) drop(c->fd);
    } else if (!serve(*c)) {  // dropped when its poll has ended
      c->gone = true;
      shutdown(c->fd, SHUT_RDWR);
      if (ended) {
        drop(c->fd);
      } else {
        io_uring_sqe* entry = io_uring_get_sqe(&ring_);
        if (entry == nullptr) fail("io_uring: full");
        io_uring_prep_poll_remove(entry, reinterpret_cast<std::uint64_t>(c));
        entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
      }
    } else if (ended) {
      arm(c->fd, c);
    }
  }

  io_uring ring_{};
};
#endif

}  // namespace

int main(int count, char** arguments) {
  const std::string_view kind = count > 1 ? arguments[1] : "epoll";
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), size) != 0) fail("bind");
  if (listen(listener, 4096) != 0) fail("listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  std::printf("%u\n", ntohs(at.sin_port));
  std::fflush(stdout);
#if GMPSCHED_ECHO_URING
  if (kind == "uring") uring_server(listener).run();
#endif
  if (kind == "spin") spin_server(listener).run();
  if (kind == "epoll") epoll_server(listener).run();
  std::fprintf(stderr, "usage: echo_raw [epoll|spin|uring]\n");
  return 2;
}
