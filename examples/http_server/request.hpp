// HTTP requests out of bytes: the edge that strangers reach. Knows nothing of connections, so that
// tests can give it anything.
#pragma once

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace http_server {

// What has arrived and is not parsed yet.
class input_buffer {
 public:
  static constexpr std::size_t small_size = 2048;      // what an idle connection keeps
  static constexpr std::size_t most_size = 16 * 1024;  // a header, and what follows it

  input_buffer() : bytes_(small_size) {}

  bool empty() const { return begin_ == end_; }
  std::string_view text() const { return {bytes_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t n) { begin_ += n; }
  // Where the next bytes go, one at least; empty: more than is taken lies there already.
  std::span<std::byte> room();
  void arrived(std::size_t n) { end_ += n; }
  // Nothing is there: the memory of large requests goes.
  void shrink();

 private:
  std::vector<char> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// What is answered.
struct request {
  std::string_view path;  // of the parser
  unsigned version = 11;
  bool keep_alive = false;
  bool head = false;
  bool get = false;  // GET or HEAD
};

// One request.
class request_parser {
 public:
  static constexpr std::uint32_t most_header = 8192;     // more: 431
  static constexpr std::uint64_t most_body = 64 * 1024;  // more: 413

  enum class outcome { more, complete, refused };

  request_parser();
  // Consumes what is there of it. After `refused` the connection cannot be used any more.
  outcome parse(input_buffer& in);
  unsigned status() const { return status_; }  // after `refused`
  // After `complete`; valid as long as this object.
  const request& result() const { return result_; }
  // The client waits to be told to send the body; true once.
  bool take_expectation();

 private:
  outcome refuse(unsigned status);
  outcome finish();

  boost::beast::http::request_parser<boost::beast::http::string_body> parser_;
  request result_;
  unsigned status_ = 0;
  bool told_to_continue_ = false;
};

// The target's path without its escapes, cut at the slashes; nothing when there is an escape that
// is none, or a zero byte; false: a step leads up.
struct target_steps {
  bool good = false;
  bool leads_up = false;
  std::vector<std::string> steps;
};
target_steps steps_of(std::string_view path);

}  // namespace http_server
