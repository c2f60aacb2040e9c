// kv_server: keys and values over the Redis protocol, one G per client.
//
// Prints "listening on HOST:PORT" and serves until SIGTERM or SIGINT: then it takes no more
// clients, answers the commands that have arrived, closes the connections and ends with 0.
#include "../server/server.hpp"
#include "server.hpp"

namespace {

struct plan {
  examples::server_settings how{.port = 6379};
  unsigned idle_seconds = 0;
  unsigned write_seconds = 10;
};

template <class Stopping>
int serve(const plan& wanted, Stopping stopping) {
  const kv::settings how{.write = std::chrono::seconds(wanted.write_seconds),
                         .idle = std::chrono::seconds(wanted.idle_seconds),
                         .grace = std::chrono::milliseconds(wanted.how.grace_ms),
                         .drain = std::chrono::milliseconds(wanted.how.drain_ms)};
  auto listener = gmp::net::tcp_listener::listen(examples::host_and_port(wanted.how));
  examples::announce(listener);
  kv::server server(std::move(listener), how);
  auto stopper = gmp::spawn([&server, stopping] {
    stopping.recv();
    server.stop();
  });
  const bool complete = server.serve();
  stopper.get();
  return complete ? examples::success : examples::failed;
}

}  // namespace

int main(int argc, char** argv) {
  plan wanted;
  examples::command_line options(
      "A store of keys and values that speaks the Redis protocol (version 2).");
  examples::add_server_options(options, wanted.how);
  options.number("--timeout", wanted.idle_seconds,
                 "seconds after which a client that says nothing is cut off; 0: never");
  options.number("--write-timeout", wanted.write_seconds,
                 "seconds after which a client that takes no answer is cut off", 1, 86'400);
  if (auto code = options.parse(argc, argv)) return *code;
  return examples::run_server("kv_server", wanted.how,
                              [&](auto stopping) { return serve(wanted, stopping); });
}
