#include "request.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <cstring>

namespace http_server {

namespace http = boost::beast::http;

namespace {

constexpr std::size_t last_chunk_size = 5;

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

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    out += c;
  }
  return out;
}

}  // namespace

std::span<std::byte> input_buffer::room() {
  if (end_ == bytes_.size()) {
    if (begin_ > 0) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    } else if (bytes_.size() >= most_size) {
      return {};
    } else {
      bytes_.resize(bytes_.size() * 2);
    }
  }
  return std::as_writable_bytes(std::span(bytes_).subspan(end_));
}

void input_buffer::shrink() {
  begin_ = end_ = 0;
  if (bytes_.size() > small_size) std::vector<char>(small_size).swap(bytes_);
}

request_parser::request_parser() {
  parser_.eager(true);
  parser_.header_limit(most_header);
  parser_.body_limit(most_body);
}

request_parser::outcome request_parser::refuse(unsigned status) {
  status_ = status;
  return outcome::refused;
}

request_parser::outcome request_parser::parse(input_buffer& in) {
  const std::string_view text = in.text();
  // Beast 1.74 asserts that it sees the last chunk ("0\r\n\r\n", at least) whole when it looks at
  // it for the second time: a client that sends it bytewise would end the server.
  if (parser_.is_header_done() && parser_.chunked() && text.size() < last_chunk_size)
    return outcome::more;
  boost::system::error_code bad;
  in.consume(parser_.put(boost::asio::const_buffer(text.data(), text.size()), bad));
  if (bad && bad != http::error::need_more) return refuse(status_of(bad));
  return parser_.is_done() ? finish() : outcome::more;
}

request_parser::outcome request_parser::finish() {
  const auto& message = parser_.get();
  result_.path = path_of({message.target().data(), message.target().size()});
  result_.version = message.version();
  result_.head = message.method() == http::verb::head;
  result_.get = message.method() == http::verb::get || result_.head;
  result_.keep_alive = message.keep_alive();
  if (result_.version > 11) return refuse(505);
  if (result_.version == 11 && message.count(http::field::host) != 1) return refuse(400);
  return outcome::complete;
}

bool request_parser::take_expectation() {
  if (told_to_continue_ || !parser_.is_header_done()) return false;
  told_to_continue_ = true;
  return boost::beast::iequals(parser_.get()[http::field::expect], "100-continue");
}

target_steps steps_of(std::string_view path) {
  target_steps out;
  const std::optional<std::string> plain = percent_decoded(path);
  if (!plain) return out;
  out.good = true;
  for (std::string_view left = *plain; !left.empty();) {
    const std::size_t end = std::min(left.find('/'), left.size());
    const std::string_view step = left.substr(0, end);
    if (step == "..") out.leads_up = true;
    if (!step.empty() && step != ".") out.steps.emplace_back(step);
    left.remove_prefix(end == left.size() ? end : end + 1);
  }
  return out;
}

}  // namespace http_server
