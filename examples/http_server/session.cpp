#include "session.hpp"

#include <unistd.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include <cstring>
#include <ctime>
#include <limits>

namespace http_server {

namespace http = boost::beast::http;
using examples::clock;

namespace {

constexpr std::size_t most_output = 16 * 1024;  // answers of pipelined requests that wait
constexpr std::size_t kept_output = 1024;
constexpr std::size_t file_piece = 1024 * 1024;  // within write_limit
constexpr std::size_t copied_piece = 64 * 1024;  // where sendfile cannot be used

// The header Date, made once a second by each thread. Does not park, so the thread stays the same.
__attribute__((noinline)) std::string_view date_now() {
  thread_local std::time_t made_at = -1;
  thread_local char text[40];
  const std::time_t now = std::time(nullptr);
  if (now != made_at) {
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    made_at = now;
  }
  return text;
}

std::string stats_text(const site& all) {
  const gmp::runtime_stats now = gmp::stats();
  const nlohmann::json report{
      {"procs", now.procs},
      {"threads", now.threads},
      {"gs", {{"spawned", now.spawned}, {"finished", now.finished}, {"live", now.live}}},
      {"switches", now.switches},
      {"steals", now.steals},
      {"stolen", now.stolen},
      {"busy_seconds", std::chrono::duration<double>(now.busy).count()},
      {"wall_seconds", std::chrono::duration<double>(now.wall).count()},
      {"utilisation", now.utilisation()},
      {"http",
       {{"connections", all.connections.load()},
        {"requests", all.requests.load()},
        {"errors", all.errors.load()}}}};
  return report.dump(2) + "\n";
}

}  // namespace

template <class Stream>
void session<Stream>::run() {
  site_.connections.fetch_add(1, std::memory_order_relaxed);
  next_step next = next_step::go_on;
  while (next == next_step::go_on) {
    if (in_.empty() && !wait_for_request()) return;
    next = one_request();
  }
  if (next == next_step::close && flush()) connection_.close_gently();
}

// Most connections are here most of the time, so nothing that is large may be on the stack, and
// the buffers are small again.
template <class Stream>
bool session<Stream>::wait_for_request() {
  in_.shrink();
  if (!out_.empty() && !flush()) return false;
  if (out_.capacity() > kept_output) std::string().swap(out_);
  std::error_code error;
  in_.arrived(connection_.read_idle(in_.room(), clock::now() + site_.idle_limit, error));
  if (error == std::errc::timed_out) connection_.close_gently();
  return !in_.empty();
}

template <class Stream>
__attribute__((noinline)) next_step session<Stream>::one_request() {
  request_parser parser;
  if (const auto ended = receive(parser)) return *ended;
  site_.requests.fetch_add(1, std::memory_order_relaxed);
  request what = parser.result();
  // A drain: this is the last answer on this connection, unless more requests are here already.
  what.keep_alive = what.keep_alive && !(connection_.draining() && in_.empty());
  return answer(what);
}

// Nothing: the request is complete. Otherwise what becomes of the connection.
template <class Stream>
std::optional<next_step> session<Stream>::receive(request_parser& parser) {
  const clock::time_point until = clock::now() + site_.request_limit;
  for (;;) {
    const request_parser::outcome found = parser.parse(in_);
    if (found == request_parser::outcome::refused) return refuse(parser.status());
    if (found == request_parser::outcome::complete) return std::nullopt;
    if (parser.take_expectation()) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    if (!out_.empty() && !flush()) return next_step::gone;  // nobody waits for us meanwhile
    const std::span<std::byte> room = in_.room();
    if (room.empty()) return refuse(431);
    std::error_code error;
    const std::size_t n = connection_.read_busy(room, until, error);
    if (error == std::errc::timed_out) return refuse(408);
    if (n == 0) return next_step::gone;
    in_.arrived(n);
  }
}

// After a request that cannot be understood the connection cannot be used any more.
template <class Stream>
next_step session<Stream>::refuse(unsigned status) {
  request what;
  what.get = true;
  const auto reason = http::obsolete_reason(http::int_to_status(status));
  return answer_text(
      what, status, "text/plain; charset=utf-8",
      fmt::format("{} {}\n", status, std::string_view(reason.data(), reason.size())));
}

template <class Stream>
next_step session<Stream>::answer(const request& what) {
  constexpr std::string_view plain = "text/plain; charset=utf-8";
  if (!what.get) return answer_text(what, 405, plain, "405 Method Not Allowed\n");
  if (what.path == "/") return answer_text(what, 200, plain, greeting);
  if (what.path == "/debug/stats")
    return answer_text(what, 200, "application/json", stats_text(site_));
  if (!what.path.starts_with('/')) return answer_text(what, 400, plain, "400 Bad Request\n");
  if (site_.root) return answer_file(what, what.path);
  return answer_text(what, 404, plain, "404 Not Found\n");
}

template <class Stream>
next_step session<Stream>::answer_text(const request& what, unsigned status, std::string_view type,
                                       std::string_view text) {
  if (status >= 400) site_.errors.fetch_add(1, std::memory_order_relaxed);
  add_header(what, status, type, text.size());
  if (!what.head) out_ += text;
  if (!what.keep_alive) return next_step::close;
  if (out_.size() > most_output && !flush()) return next_step::gone;
  return next_step::go_on;
}

template <class Stream>
next_step session<Stream>::answer_file(const request& what, std::string_view path) {
  constexpr std::string_view plain = "text/plain; charset=utf-8";
  found_file found = find_file(site_.root, path);
  switch (found.result) {
    case find_result::found:
      break;
    case find_result::missing:
      return answer_text(what, 404, plain, "404 Not Found\n");
    case find_result::forbidden:
      return answer_text(what, 403, plain, "403 Forbidden\n");
    case find_result::bad_target:
      return answer_text(what, 400, plain, "400 Bad Request\n");
    case find_result::shortage:
      return answer_text(what, 503, plain, "503 Service Unavailable\n");
  }
  add_header(what, 200, found.content_type, found.size);
  if (!what.head && (!flush() || !send_file(found.file, found.size))) return next_step::gone;
  return what.keep_alive ? next_step::go_on : next_step::close;
}

template <class Stream>
void session<Stream>::add_header(const request& what, unsigned status, std::string_view type,
                                 std::uint64_t length) {
  http::response<http::empty_body> head{http::int_to_status(status), what.version};
  head.set(http::field::server, "gmpsched");
  head.set(http::field::date, boost::string_view(date_now().data(), date_now().size()));
  head.set(http::field::content_type, boost::string_view(type.data(), type.size()));
  head.content_length(length);
  if (status == 405) head.set(http::field::allow, "GET, HEAD");
  head.keep_alive(what.keep_alive);
  http::response_serializer<http::empty_body> serializer(head);
  boost::system::error_code error;
  while (!serializer.is_done() && !error) {
    serializer.next(error, [&](boost::system::error_code&, const auto& buffers) {
      std::size_t n = 0;
      for (const boost::asio::const_buffer piece : boost::beast::buffers_range_ref(buffers)) {
        out_.append(static_cast<const char*>(piece.data()), piece.size());
        n += piece.size();
      }
      serializer.consume(n);
    });
  }
}

template <class Stream>
bool session<Stream>::flush() {
  std::error_code error;
  auto left = std::as_bytes(std::span(out_));
  while (!left.empty() && !error) {
    connection_.stream().set_write_deadline(clock::now() + site_.write_limit);
    left = left.subspan(connection_.stream().write_some(left, error));
  }
  out_.clear();
  return !error;
}

// Up to n bytes of the file from that offset; 0: it has become shorter, or there is an error.
template <class Stream>
std::size_t session<Stream>::send_piece(const open_file& file, std::uint64_t offset, std::size_t n,
                                        std::error_code& error) {
  if constexpr (requires { connection_.stream().sendfile(file.fd(), offset, n, error); }) {
    return connection_.stream().sendfile(file.fd(), offset, n, error);
  } else {  // what is encrypted has to be looked at
    std::vector<std::byte> bytes(std::min(n, copied_piece));
    const ssize_t got = gmp::blocking(
        [&] { return ::pread(file.fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (got <= 0) return 0;
    return connection_.stream().write_all(
        std::span<const std::byte>(bytes).first(static_cast<std::size_t>(got)), error);
  }
}

template <class Stream>
bool session<Stream>::send_file(const open_file& file, std::uint64_t size) {
  std::error_code error;
  for (std::uint64_t sent = 0; sent < size;) {
    connection_.stream().set_write_deadline(clock::now() + site_.write_limit);
    const std::size_t piece = std::min<std::uint64_t>(size - sent, file_piece);
    const std::size_t n = send_piece(file, sent, piece, error);
    if (error || n == 0) return false;  // the file has become shorter: only an end tells the client
    sent += n;
  }
  return true;
}

template class session<gmp::net::tcp_stream>;
#if GMPSCHED_EXAMPLES_TLS
template class session<gmp::tls::stream<gmp::net::tcp_stream>>;
#endif

}  // namespace http_server
