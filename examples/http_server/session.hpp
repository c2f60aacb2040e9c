// HTTP/1.1 on one connection: keep-alive, pipelining, files, limits.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../server/server.hpp"
#include "files.hpp"
#include "request.hpp"

#if GMPSCHED_EXAMPLES_TLS
#include <gmp/tls.hpp>
#endif

namespace http_server {

// What all connections of a server have in common.
struct site {
  open_file root;                                   // none: no files
  std::chrono::milliseconds request_limit{10'000};  // from its first byte to its last
  std::chrono::milliseconds idle_limit{60'000};     // between two requests
  std::chrono::milliseconds write_limit{30'000};    // for some progress
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> errors{0};  // answers of 400 and above
};

// The target "/": always the same, for measuring.
inline constexpr std::string_view greeting = "Hello, world!\n";

enum class next_step { go_on, close, gone };

// Over TCP, or TLS where it was built.
template <class Stream>
class session {
 public:
  using connection = examples::connection<Stream>;

  session(connection& one, site& common) : connection_(one), site_(common) {}
  // Until the client or a limit ends it.
  void run();

 private:
  bool wait_for_request();
  next_step one_request();
  std::optional<next_step> receive(request_parser& parser);
  next_step refuse(unsigned status);
  next_step answer(const request& what);
  next_step answer_text(const request& what, unsigned status, std::string_view type,
                        std::string_view text);
  next_step answer_file(const request& what, std::string_view path);
  void add_header(const request& what, unsigned status, std::string_view type,
                  std::uint64_t length);
  bool flush();
  std::size_t send_piece(const open_file& file, std::uint64_t offset, std::size_t n,
                         std::error_code& error);
  bool send_file(const open_file& file, std::uint64_t size);

  connection& connection_;
  site& site_;
  input_buffer in_;
  std::string out_;  // answers that are to be sent together
};

// All of a connection, for examples::server::run.
inline auto service(site& common) {
  return [&common]<class Stream>(examples::connection<Stream>& one) {
    session<Stream>(one, common).run();
  };
}

}  // namespace http_server
