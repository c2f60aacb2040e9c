// What the server examples share: their command line, the accept loop, one G per connection, and
// the drain when SIGTERM or SIGINT comes.
//
// A drain: connections that arrived are still taken for a moment, then nobody listens any more. Who
// is idle (connection::read_idle) gets a grace to send one more request, since it may be on its way
// already; who is not may finish. What is left after the drain's limit is cut.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <gmp/gmp.hpp>

#include "../arguments.hpp"

namespace examples {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct server_settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  unsigned procs = 0;
  gmp::poller_kind poller = gmp::poller_kind::automatic;
  unsigned drain_ms = 10'000;  // after which a drain cuts connections
  unsigned grace_ms = 500;     // in which idle connections may send one more request
};

inline void add_server_options(command_line& options, server_settings& wanted) {
  options.text("--host", wanted.host, "address to listen on");
  options.number("--port", wanted.port, "0: any, which is printed");
  options.number("--procs", wanted.procs, "Ps; 0: as many as the machine gives");
  options.choice<gmp::poller_kind>("--poller", wanted.poller, "what waits for the sockets",
                                   {{"automatic", gmp::poller_kind::automatic},
                                    {"epoll", gmp::poller_kind::epoll},
                                    {"io_uring", gmp::poller_kind::io_uring}});
  options.number("--drain-ms", wanted.drain_ms, "at most so long to finish after SIGTERM");
  options.number("--grace-ms", wanted.grace_ms,
                 "idle connections may still send a request so long after SIGTERM");
}

// As many descriptors as this process may have.
inline void raise_descriptor_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

// The descriptors or the memory for one more connection are not there now, but may be soon.
inline bool is_shortage(const std::error_code& error) {
  return error == std::errc::too_many_files_open ||
         error == std::errc::too_many_files_open_in_system ||
         error == std::errc::not_enough_memory || error == std::errc::no_buffer_space ||
         error == std::errc::resource_unavailable_try_again;
}

// A line of the log. A function of its own: one that prints and also waits for a socket would keep
// the big stack that printing needs while it waits.
[[gnu::noinline]] inline void log_line(const char* program, const char* what,
                                       const char* why = "") {
  fmt::print(stderr, "{}: {}{}{}\n", program, what, *why != 0 ? ": " : "", why);
}

// Whether, and since when, a server drains. Shared by all its Gs.
class drain_state {
 public:
  bool begun() const { return begun_.load(); }
  clock::time_point grace_end() const { return grace_end_; }  // once it has begun
  void begin(clock::time_point grace_end) {
    grace_end_ = grace_end;
    begun_ = true;
  }

 private:
  clock::time_point grace_end_;
  std::atomic<bool> begun_{false};
};

// One connection of a server, on the stack of its G.
template <class Stream>
class connection {
 public:
  connection(Stream& stream, const drain_state& drain) : stream_(stream), drain_(drain) {}
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  Stream& stream() { return stream_; }
  bool draining() const { return drain_.begun(); }

  // Waits for what comes between two requests. A drain shortens the wait: timed_out.
  std::size_t read_idle(std::span<std::byte> to, clock::time_point until, std::error_code& error) {
    idle_ = true;
    stream_.set_read_deadline(until);
    // Either this sees that a drain has begun, or shorten() comes after the line above.
    if (draining()) stream_.set_read_deadline(std::min(until, drain_.grace_end()));
    const std::size_t n = stream_.read_some(to, error);
    idle_ = false;
    return n;
  }

  // Waits for the rest of a request, drain or not.
  std::size_t read_busy(std::span<std::byte> to, clock::time_point until, std::error_code& error) {
    for (;;) {
      stream_.set_read_deadline(until);
      const std::size_t n = stream_.read_some(to, error);
      // A shorten() that came late has moved the deadline.
      if (error != std::errc::timed_out || clock::now() >= until) return n;
    }
  }

  // Ends the sending half, and lets the peer read what was sent before anything is reset: closing
  // with unread input would make the kernel throw the answer away.
  void close_gently(std::chrono::milliseconds limit = milliseconds(1000)) {
    std::error_code error;
    stream_.shutdown_write(error);
    const clock::time_point until = clock::now() + limit;
    std::byte unread[512];
    while (!error && read_busy(unread, until, error) != 0) {
    }
    stream_.close();
  }

  // By the server, when its drain begins.
  void shorten() {
    if (idle_) stream_.set_read_deadline(drain_.grace_end());
  }

  connection* next = nullptr;  // in the server's list, under its mutex
  connection* previous = nullptr;

 private:
  Stream& stream_;
  const drain_state& drain_;
  std::atomic<bool> idle_{false};
};

// Accepts until it is told to stop; each connection is served by a G of its own.
template <class Listener>
class server {
 public:
  using stream_type = decltype(std::declval<Listener&>().accept());
  using connection_type = connection<stream_type>;

  server(const char* name, Listener listener, const server_settings& how)
      : name_(name), how_(how), listener_(std::move(listener)) {}

  // Serves with serve_one(connection_type&) until a value comes through `stopping`; returns when
  // all connections have ended. False: some had to be cut.
  template <class F, class Stopping>
  bool run(F serve_one, Stopping stopping) {
    auto stopper = gmp::spawn([this, stopping] {
      stopping.recv();
      begin_drain();
    });
    accept_all(serve_one);
    listener_.close();
    const bool complete = wait_for_all();
    stopper.get();
    return complete;
  }

  std::size_t connections() {
    const std::lock_guard hold(mutex_);
    return count_;
  }

 private:
  void begin_drain() {
    const clock::time_point now = clock::now();
    drain_end_ = now + milliseconds(how_.drain_ms);
    drain_.begin(now + milliseconds(how_.grace_ms));
    {
      const std::lock_guard hold(mutex_);
      for (connection_type* one = first_; one != nullptr; one = one->next) one->shorten();
    }
    listener_.set_deadline(now + milliseconds(20));
  }

  template <class F>
  void accept_all(F& serve_one) {
    milliseconds pause(0);
    for (;;) {
      std::error_code error;
      stream_type stream = listener_.accept(error);
      if (!error) error = start(std::move(stream), serve_one);
      if (!error) {
        if (pause.count() != 0) fmt::print(stderr, "{}: accepting again\n", name_);
        pause = milliseconds(0);
        continue;
      }
      if (!is_shortage(error)) {
        if (drain_.begun()) return;
        throw std::system_error(error, "accept");
      }
      // Nobody is lost: who is not accepted waits in the kernel's queue.
      if (pause.count() == 0)
        fmt::print(stderr, "{}: accept: {}; waiting\n", name_, error.message());
      pause = std::clamp(pause * 2, milliseconds(2), milliseconds(100));
      gmp::this_g::sleep_for(pause);
      if (drain_.begun() && clock::now() >= drain_end_) return;
    }
  }

  template <class F>
  std::error_code start(stream_type stream, F& serve_one) {
    {
      const std::lock_guard hold(mutex_);
      ++count_;
    }
    try {
      gmp::go([this, &serve_one, mine = std::move(stream)]() mutable { serve(mine, serve_one); });
    } catch (const std::system_error& why) {
      gone(nullptr);
      return why.code();
    }
    return {};
  }

  // The G of one connection.
  template <class F>
  void serve(stream_type& stream, F& serve_one) {
    connection_type one(stream, drain_);
    {
      const std::lock_guard hold(mutex_);
      one.next = first_;
      if (first_ != nullptr) first_->previous = &one;
      first_ = &one;
    }
    const gmp::defer at_exit{[&] { gone(&one); }};
    try {
      serve_one(one);
    } catch (const std::exception& why) {  // ends this connection, nobody else's
      log_line(name_, "a connection failed", why.what());
    }
  }

  void gone(connection_type* one) {
    const std::lock_guard hold(mutex_);
    if (one != nullptr) {
      (one->previous != nullptr ? one->previous->next : first_) = one->next;
      if (one->next != nullptr) one->next->previous = one->previous;
    }
    if (--count_ == 0) none_left_.notify_all();
  }

  bool wait_for_all() {
    std::unique_lock hold(mutex_);
    const auto none = [this] { return count_ == 0; };
    if (none_left_.wait_until(hold, drain_end_, none)) return true;
    fmt::print(stderr, "{}: cutting {} connections\n", name_, count_);
    for (connection_type* each = first_; each != nullptr; each = each->next) each->stream().close();
    none_left_.wait(hold, none);
    return false;
  }

  const char* name_;
  const server_settings how_;
  Listener listener_;
  drain_state drain_;
  clock::time_point drain_end_;
  gmp::mutex mutex_;
  gmp::condition_variable none_left_;
  connection_type* first_ = nullptr;
  std::size_t count_ = 0;  // with those whose G has not begun yet
};

// SIGTERM and SIGINT as a channel, until the process has ended: were they given back before, a
// second one that comes at the end of a drain would kill a server that has done all it was to do.
inline gmp::recv_chan<int> stop_signals() {
  static const auto* kept = new gmp::signals::subscription(gmp::signals::notify({SIGTERM, SIGINT}));
  return kept->channel();
}

// The main program of a server: runtime, signals, the line that says where it listens. The body
// gets the channel of SIGTERM and SIGINT and returns an exit code.
template <class F>
int run_server(const char* name, const server_settings& how, F&& body) {
  raise_descriptor_limit();
  return guarded(name, [&] {
    const gmp::recv_chan<int> stopping = stop_signals();
    return gmp::run([&] { return body(stopping); }, {.procs = how.procs, .poller = how.poller});
  });
}

inline std::string host_and_port(const server_settings& how) {
  const bool v6 = how.host.find(':') != std::string::npos && !how.host.starts_with('[');
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", how.host, v6 ? "]" : "", how.port);
}

template <class Listener>
void announce(const Listener& listener) {
  fmt::print("listening on {}\n", listener.local().to_string());
  std::fflush(stdout);
}

// Serves at that listener until SIGTERM. The code to exit with.
template <class Listener, class F, class Stopping>
int serve_at(const char* name, const server_settings& how, Listener listener, F serve_one,
             Stopping stopping) {
  announce(listener);
  server<Listener> serving(name, std::move(listener), how);
  return serving.run(std::move(serve_one), std::move(stopping)) ? success : failed;
}

// Listens where the settings say and serves until SIGTERM. The code to exit with.
template <class F, class Stopping>
int serve_tcp(const char* name, const server_settings& how, F serve_one, Stopping stopping) {
  return serve_at(name, how, gmp::net::tcp_listener::listen(host_and_port(how)),
                  std::move(serve_one), std::move(stopping));
}

}  // namespace examples
