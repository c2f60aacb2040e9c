// kv_server: keys and values over the Redis protocol, one G per client.
//
// Prints "listening on HOST:PORT" and serves until SIGTERM or SIGINT: then it takes no more
// clients, answers the commands that have arrived, closes the connections and ends with 0.
#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <gmp/gmp.hpp>

#include <cstdint>
#include <cstdio>
#include <string>

#include "../arguments.hpp"
#include "server.hpp"
#include "stop_signal.hpp"

namespace {

struct plan {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  unsigned procs = 0;
  std::string poller = "automatic";
  unsigned idle_seconds = 0;
  unsigned write_seconds = 10;
};

gmp::options runtime_options(const plan& wanted) {
  gmp::options how{.procs = wanted.procs};
  if (wanted.poller == "epoll") how.poller = gmp::poller_kind::epoll;
  if (wanted.poller == "io_uring") how.poller = gmp::poller_kind::io_uring;
  return how;
}

int serve(const plan& wanted) {
  const kv::timeouts limits{.write = std::chrono::seconds(wanted.write_seconds),
                            .idle = std::chrono::seconds(wanted.idle_seconds)};
  kv::stop_signal stop;
  gmp::run(
      [&] {
        kv::server server(wanted.host, wanted.port, limits);
        fmt::print("listening on {}\n", server.local().to_string());
        std::fflush(stdout);
        stop.call([&server] { server.stop(); });
        const gmp::defer no_more{[&stop] { stop.end(); }};
        server.serve();
      },
      runtime_options(wanted));
  return examples::success;
}

}  // namespace

int main(int argc, char** argv) {
  plan wanted;
  CLI::App app("A store of keys and values that speaks the Redis protocol (version 2).");
  app.add_option("--host", wanted.host, "address to listen on")->capture_default_str();
  app.add_option("--port", wanted.port, "port; 0: any that is free")->capture_default_str();
  app.add_option("--procs", wanted.procs, "Ps; 0: as many as the machine gives");
  app.add_option("--poller", wanted.poller, "how to wait for sockets")
      ->check(CLI::IsMember({"automatic", "epoll", "io_uring"}))
      ->capture_default_str();
  app.add_option("--timeout", wanted.idle_seconds,
                 "seconds after which an idle client is cut off; 0: never")
      ->capture_default_str();
  app.add_option("--write-timeout", wanted.write_seconds,
                 "seconds after which a client that takes no answer is cut off")
      ->check(CLI::Range(1u, 86'400u))
      ->capture_default_str();
  if (auto code = examples::parse(app, argc, argv)) return *code;
  return examples::guarded("kv_server", [&] { return serve(wanted); });
}
