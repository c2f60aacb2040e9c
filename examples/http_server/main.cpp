// http_server: HTTP/1.1 with Boost.Beast: a greeting at "/", the runtime's counters at
// "/debug/stats", files below --root at all other targets.
#include "session.hpp"

namespace {

using std::chrono::milliseconds;

}  // namespace

int main(int argc, char** argv) {
  examples::server_settings how;
  std::string root;
  http_server::site site;
  unsigned request_ms = 10'000;
  unsigned idle_ms = 60'000;
  unsigned write_ms = 30'000;
  examples::command_line options(
      "Serves HTTP/1.1: / is a greeting, /debug/stats counters, the rest files of --root.");
  examples::add_server_options(options, how);
  options.folder("--root", root, "folder of static files; none: no files");
  options.number("--request-ms", request_ms, "a request must arrive within, else 408");
  options.number("--idle-ms", idle_ms, "between two requests, else the connection is closed");
  options.number("--write-ms", write_ms, "a client must take something within, else it is cut");
  if (auto code = options.parse(argc, argv)) return *code;

  site.request_limit = milliseconds(request_ms);
  site.idle_limit = milliseconds(idle_ms);
  site.write_limit = milliseconds(write_ms);
  return examples::run_server("http_server", how, [&](const auto& stopping) {
    if (!root.empty()) site.root = http_server::open_folder(root);
    return examples::serve_tcp("http_server", how, http_server::service(site), stopping);
  });
}
