// Puts an echo server under load and tells how it did.
//
//   echo_load PORT --connections N --depth D --milliseconds T [--bytes B] [--reconnect 1]
//
// Every connection keeps D requests of B bytes in flight; with --reconnect it ends with the answer
// and another takes its place, so that a request stands for a connection. One thread, epoll. Prints
//   requests/s  p50_us  p99_us  requests (with those of the warm-up)
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

struct load {
  int port = 0;
  int connections = 1;
  int depth = 1;
  int bytes = 64;
  int milliseconds = 500;
  bool reconnect = false;
};

struct connection {
  int fd = -1;
  std::size_t received = 0;  // of the oldest request
  std::deque<clock_type::time_point> sent;
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int number(const char* text) { return std::atoi(text); }

load parse(int count, char** arguments) {
  load wanted;
  if (count < 2) {
    std::fprintf(stderr,
                 "usage: echo_load PORT [--connections N] [--depth D] [--milliseconds T]\n");
    std::exit(2);
  }
  wanted.port = number(arguments[1]);
  for (int i = 2; i + 1 < count; i += 2) {
    const std::string name = arguments[i];
    if (name == "--connections") wanted.connections = number(arguments[i + 1]);
    if (name == "--depth") wanted.depth = number(arguments[i + 1]);
    if (name == "--bytes") wanted.bytes = number(arguments[i + 1]);
    if (name == "--milliseconds") wanted.milliseconds = number(arguments[i + 1]);
    if (name == "--reconnect") wanted.reconnect = number(arguments[i + 1]) != 0;
  }
  return wanted;
}

class client {
 public:
  explicit client(const load& wanted)
      : wanted_(wanted),
        out_(static_cast<std::size_t>(wanted.bytes) * static_cast<std::size_t>(wanted.depth), 'x'),
        in_(1 << 16),
        set_(epoll_create1(0)),
        connections_(static_cast<std::size_t>(wanted.connections)) {
    for (connection& c : connections_) open(c);
  }

  void run(int milliseconds, bool measure) {
    measure_ = measure;
    for (connection& c : connections_) send_requests(c, wanted_.depth);
    const auto start = clock_type::now();
    const auto end = start + std::chrono::milliseconds(milliseconds);
    epoll_event events[128];
    while (clock_type::now() < end) {
      const int n = epoll_wait(set_, events, 128, 1000);
      if (n == 0) fail("the server is stuck");
      for (int i = 0; i < n; ++i) receive(*static_cast<connection*>(events[i].data.ptr), true);
    }
    seconds_ = std::chrono::duration<double>(clock_type::now() - start).count();
    const std::size_t counted = latencies_.size();
    drain(events);
    latencies_.resize(counted);
  }

  void report() {
    if (latencies_.empty()) fail("no answers");
    std::sort(latencies_.begin(), latencies_.end());
    const std::size_t n = latencies_.size();
    std::printf("%.0f %.1f %.1f %zu\n", static_cast<double>(n) / seconds_, latencies_[n / 2],
                latencies_[n * 99 / 100], answers_);
  }

 private:
  void open(connection& c) {
    c.fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(wanted_.port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c.fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) fail("connect");
    const int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Reset when closed: ports that wait for stragglers would run out.
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (wanted_.reconnect) setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = &c;
    if (epoll_ctl(set_, EPOLL_CTL_ADD, c.fd, &event) != 0) fail("epoll_ctl");
  }

  // One request on a connection of its own; its time begins before it is opened.
  void replace(connection& c) {
    close(c.fd);
    const auto begun = clock_type::now();
    open(c);
    send_requests(c, 1);
    c.sent.back() = begun;
  }

  void send_requests(connection& c, int n) {
    if (n == 0) return;
    const auto bytes = static_cast<std::size_t>(n) * static_cast<std::size_t>(wanted_.bytes);
    const auto now = clock_type::now();
    if (send(c.fd, out_.data(), bytes, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes)) fail("send");
    for (int i = 0; i < n; ++i) c.sent.push_back(now);
  }

  void receive(connection& c, bool again) {
    const ssize_t n = recv(c.fd, in_.data(), in_.size(), MSG_DONTWAIT);
    if (n == 0) fail("the server hung up");
    if (n < 0) return;
    c.received += static_cast<std::size_t>(n);
    const auto now = clock_type::now();
    int answered = 0;
    while (c.received >= static_cast<std::size_t>(wanted_.bytes)) {
      c.received -= static_cast<std::size_t>(wanted_.bytes);
      if (measure_)
        latencies_.push_back(
            std::chrono::duration<float, std::micro>(now - c.sent.front()).count());
      c.sent.pop_front();
      ++answered;
      ++answers_;
    }
    if (!again || answered == 0) return;
    if (wanted_.reconnect) {
      replace(c);
    } else {
      send_requests(c, answered);
    }
  }

  void drain(epoll_event* events) {
    auto busy = [](const connection& c) { return !c.sent.empty(); };
    while (std::any_of(connections_.begin(), connections_.end(), busy)) {
      const int n = epoll_wait(set_, events, 128, 1000);
      if (n == 0) fail("the server is stuck");
      for (int i = 0; i < n; ++i) receive(*static_cast<connection*>(events[i].data.ptr), false);
    }
  }

  load wanted_;
  std::string out_;
  std::vector<char> in_;
  int set_;
  std::vector<connection> connections_;
  std::vector<float> latencies_;
  double seconds_ = 0;
  std::size_t answers_ = 0;  // with those of the warm-up
  bool measure_ = false;
};

}  // namespace

int main(int count, char** arguments) {
  const load wanted = parse(count, arguments);
  client one(wanted);
  one.run(wanted.milliseconds / 5, false);
  one.run(wanted.milliseconds, true);
  one.report();
}
