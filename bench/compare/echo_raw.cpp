// The yardstick of the echo bench: one thread, edge-triggered epoll, nothing else. A short read
// means that the socket is drained, so a request costs one recv, one send, and its share of an
// epoll_wait.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>

namespace {

constexpr int events_at_once = 128;
constexpr std::size_t buffer_bytes = 4096;

struct connection {
  int fd;
  char unsent[buffer_bytes];
  std::size_t first = 0;
  std::size_t last = 0;
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

class server {
 public:
  explicit server(int listener) : listener_(listener), set_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = nullptr;
    if (epoll_ctl(set_, EPOLL_CTL_ADD, listener_, &event) != 0) fail("epoll_ctl");
  }

  [[noreturn]] void run() {
    epoll_event events[events_at_once];
    for (;;) {
      const int n = epoll_wait(set_, events, events_at_once, -1);
      for (int i = 0; i < n; ++i) {
        if (events[i].data.ptr == nullptr) {
          accept_all();
        } else {
          serve(*static_cast<connection*>(events[i].data.ptr));
        }
      }
    }
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      auto made = std::make_unique<connection>();
      made->fd = fd;
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
      event.data.ptr = made.get();
      if (epoll_ctl(set_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
      connections_[fd] = std::move(made);
    }
  }

  void drop(connection& c) {
    close(c.fd);
    connections_.erase(c.fd);
  }

  // False: the buffer of the socket is full, or the connection is gone.
  bool flush(connection& c) {
    while (c.first < c.last) {
      const ssize_t n =
          send(c.fd, c.unsent + c.first, c.last - c.first, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0) {
        if (errno != EAGAIN) drop(c);
        return false;
      }
      c.first += static_cast<std::size_t>(n);
    }
    c.first = c.last = 0;
    return true;
  }

  void serve(connection& c) {
    if (!flush(c)) return;
    for (;;) {
      const ssize_t n = recv(c.fd, c.unsent, sizeof c.unsent, MSG_DONTWAIT);
      if (n <= 0) {
        if (n == 0 || errno != EAGAIN) drop(c);
        return;
      }
      c.last = static_cast<std::size_t>(n);
      if (!flush(c)) return;
      if (static_cast<std::size_t>(n) < sizeof c.unsent) return;
    }
  }

  int listener_;
  int set_;
  std::unordered_map<int, std::unique_ptr<connection>> connections_;
};

}  // namespace

int main() {
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
  server(listener).run();
}
