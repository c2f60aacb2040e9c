// echo_server: sends back what it gets, over TCP or a unix socket (--host unix:/path).
#include <memory>

#include "../server/server.hpp"

namespace {

constexpr std::size_t buffer_size = 4096;

// Lives on its G's stack; the buffer does not, so that an idle connection keeps to a small one.
template <class Stream>
void echo(examples::connection<Stream>& one) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
  std::error_code error;
  for (;;) {
    const std::size_t n =
        one.read_idle({buffer.get(), buffer_size}, examples::clock::time_point::max(), error);
    if (n == 0) break;
    one.stream().write_all({buffer.get(), n}, error);
    if (error) return;
  }
  if (error == std::errc::timed_out) one.close_gently();  // a drain
}

template <class Stopping>
int serve(const examples::server_settings& how, const Stopping& stopping) {
  constexpr const char* name = "echo_server";
  if (!how.host.starts_with("unix:"))
    return examples::serve_tcp(name, how, echo<gmp::net::tcp_stream>, stopping);
  auto listener = gmp::net::unix_listener::listen(gmp::net::endpoint(how.host));
  examples::announce(listener);
  examples::server<gmp::net::unix_listener> serving(name, std::move(listener), how);
  return serving.run(echo<gmp::net::unix_stream>, stopping) ? examples::success : examples::failed;
}

}  // namespace

int main(int argc, char** argv) {
  examples::server_settings how;
  examples::command_line options("Sends back what it gets. --host may be unix:/path.");
  examples::add_server_options(options, how);
  if (auto code = options.parse(argc, argv)) return *code;
  return examples::run_server("echo_server", how,
                              [&](const auto& stopping) { return serve(how, stopping); });
}
