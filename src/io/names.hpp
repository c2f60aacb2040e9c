// Text and addresses: the halves that run on a thread's own stack.
#pragma once

#include <cstddef>
#include <string_view>
#include <system_error>

#include "gmp/endpoint.hpp"
#include "io/home.hpp"

namespace gmp::detail {

struct parse_request {
  std::string_view text;
  net::endpoint out;
  int error;
};
GMPSCHED_IO_HOME(parse);

struct format_request {
  const net::endpoint* at;
  bool whole;  // with port, brackets, prefix
  char text[160];
};
GMPSCHED_IO_HOME(format);

// "host:port" taken apart, brackets removed. False: there is no port, or the brackets are odd.
bool split_host_port(std::string_view text, std::string_view& host,
                     std::string_view& port) noexcept;

// The same for code on a G.
bool split_host_port_on_g(std::string_view text, std::string_view& host, std::string_view& port);

[[noreturn]] void throw_bad_endpoint(std::string_view text, std::error_code error);

}  // namespace gmp::detail
