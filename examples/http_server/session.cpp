#include "session.hpp"

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

constexpr std::size_t small_input = 2048;      // what a connection keeps
constexpr std::uint32_t most_header = 8192;    // more: 431
constexpr std::size_t most_input = 16 * 1024;  // a header, and what follows it
constexpr std::uint64_t most_body = 64 * 1024;
constexpr std::size_t most_output = 16 * 1024;  // answers of pipelined requests that wait
constexpr std::size_t kept_output = 1024;
constexpr std::size_t file_piece = 1024 * 1024;  // within write_limit

using parser_type = http::request_parser<http::string_body>;

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

unsigned status_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::bad_version) return 505;
  return 400;
}

// "http://host/path?query", as to a proxy, and "/path?query": the path.
std::string_view path_of(std::string_view target) {
  if (const std::size_t scheme = target.find("://");
      scheme != std::string_view::npos && !target.starts_with('/')) {
    target.remove_prefix(scheme + 3);
    target.remove_prefix(std::min(target.find('/'), target.size()));
    if (target.empty()) return "/";
  }
  return target.substr(0, target.find_first_of("?#"));
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

struct session::request {
  std::string_view path;
  unsigned version = 11;
  bool keep_alive = false;
  bool head = false;
  bool get = false;
};

void session::run() {
  site_.connections.fetch_add(1, std::memory_order_relaxed);
  in_.resize(small_input);
  next_step next = next_step::go_on;
  while (next == next_step::go_on) {
    if (begin_ == end_ && !wait_for_request()) return;
    next = one_request();
  }
  if (next == next_step::close && flush()) connection_.close_gently();
}

// Most connections are here most of the time, so nothing that is large may be on the stack, and
// the buffers are small again.
bool session::wait_for_request() {
  begin_ = end_ = 0;
  if (!out_.empty() && !flush()) return false;
  if (out_.capacity() > kept_output) std::string().swap(out_);
  if (in_.size() > small_input) std::vector<char>(small_input).swap(in_);
  std::error_code error;
  end_ = connection_.read_idle(std::as_writable_bytes(std::span(in_)),
                               clock::now() + site_.idle_limit, error);
  if (error == std::errc::timed_out) connection_.close_gently();
  return end_ != 0;
}

__attribute__((noinline)) session::next_step session::one_request() {
  parser_type parser;
  parser.eager(true);
  parser.header_limit(most_header);
  parser.body_limit(most_body);
  if (const auto ended = receive(parser)) return *ended;
  site_.requests.fetch_add(1, std::memory_order_relaxed);

  const auto& message = parser.get();
  request what;
  const std::string_view target(message.target().data(), message.target().size());
  what.path = path_of(target);
  what.version = message.version();
  what.head = message.method() == http::verb::head;
  what.get = message.method() == http::verb::get || what.head;
  if (what.version > 11) return refuse(505);
  if (what.version == 11 && message.count(http::field::host) != 1) return refuse(400);
  // A drain: this is the last answer on this connection, unless more requests are here already.
  what.keep_alive = message.keep_alive() && !(connection_.draining() && begin_ == end_);
  return answer(what);
}

// Nothing: the request is complete. Otherwise what becomes of the connection.
template <class Parser>
std::optional<session::next_step> session::receive(Parser& parser) {
  const clock::time_point until = clock::now() + site_.request_limit;
  bool told_to_continue = false;
  for (;;) {
    boost::system::error_code bad;
    begin_ += parser.put(boost::asio::const_buffer(in_.data() + begin_, end_ - begin_), bad);
    if (bad && bad != http::error::need_more) return refuse(status_of(bad));
    if (parser.is_done()) return std::nullopt;
    if (parser.is_header_done() && !told_to_continue) {
      told_to_continue = true;
      if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue"))
        out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    if (!out_.empty() && !flush()) return next_step::gone;  // nobody waits for us meanwhile
    if (!make_room()) return refuse(431);
    std::error_code error;
    const std::size_t n =
        connection_.read_busy(std::as_writable_bytes(std::span(in_).subspan(end_)), until, error);
    if (error == std::errc::timed_out) return refuse(408);
    if (n == 0) return next_step::gone;
    end_ += n;
  }
}

// For at least one more byte; false: a header is too long.
bool session::make_room() {
  if (end_ < in_.size()) return true;
  if (begin_ > 0) {
    std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    return true;
  }
  if (in_.size() >= most_input) return false;
  in_.resize(in_.size() * 2);
  return true;
}

// After a request that cannot be understood the connection cannot be used any more.
session::next_step session::refuse(unsigned status) {
  request what;
  what.get = true;
  const auto reason = http::obsolete_reason(http::int_to_status(status));
  return answer_text(
      what, status, "text/plain; charset=utf-8",
      fmt::format("{} {}\n", status, std::string_view(reason.data(), reason.size())));
}

session::next_step session::answer(const request& what) {
  constexpr std::string_view plain = "text/plain; charset=utf-8";
  if (!what.get) return answer_text(what, 405, plain, "405 Method Not Allowed\n");
  if (what.path == "/") return answer_text(what, 200, plain, greeting);
  if (what.path == "/debug/stats")
    return answer_text(what, 200, "application/json", stats_text(site_));
  if (!what.path.starts_with('/')) return answer_text(what, 400, plain, "400 Bad Request\n");
  if (site_.root) return answer_file(what, what.path);
  return answer_text(what, 404, plain, "404 Not Found\n");
}

session::next_step session::answer_text(const request& what, unsigned status, std::string_view type,
                                        std::string_view text) {
  if (status >= 400) site_.errors.fetch_add(1, std::memory_order_relaxed);
  add_header(what, status, type, text.size());
  if (!what.head) out_ += text;
  if (!what.keep_alive) return next_step::close;
  if (out_.size() > most_output && !flush()) return next_step::gone;
  return next_step::go_on;
}

session::next_step session::answer_file(const request& what, std::string_view path) {
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

void session::add_header(const request& what, unsigned status, std::string_view type,
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

bool session::flush() {
  std::error_code error;
  auto left = std::as_bytes(std::span(out_));
  while (!left.empty() && !error) {
    connection_.stream().set_write_deadline(clock::now() + site_.write_limit);
    left = left.subspan(connection_.stream().write_some(left, error));
  }
  out_.clear();
  return !error;
}

bool session::send_file(const open_file& file, std::uint64_t size) {
  std::error_code error;
  for (std::uint64_t sent = 0; sent < size;) {
    connection_.stream().set_write_deadline(clock::now() + site_.write_limit);
    const std::size_t piece = std::min<std::uint64_t>(size - sent, file_piece);
    const std::size_t n = connection_.stream().sendfile(file.fd(), sent, piece, error);
    if (error || n == 0) return false;  // the file has become shorter: only an end tells the client
    sent += n;
  }
  return true;
}

}  // namespace http_server
