// What must hold for any bytes that reach http_server, wherever they are cut.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../../examples/http_server/request.hpp"

namespace http_check {

struct request {
  std::string path;
  unsigned version = 0;
  bool keep_alive = false;
  bool head = false;
  bool get = false;
  bool good_path = false;
  bool leads_up = false;
  std::vector<std::string> steps;
  friend bool operator==(const request&, const request&) = default;
};

// Everything that a client's bytes led to.
struct result {
  std::vector<request> requests;
  unsigned refused = 0;       // the status; nothing counts after it
  std::string contradiction;  // a promise was broken; empty: no
  // A header that is wrong and too long is refused for what is seen first.
  friend bool operator==(const result& a, const result& b) {
    return a.requests == b.requests && (a.refused != 0) == (b.refused != 0) &&
           a.contradiction == b.contradiction;
  }
};

inline request describe(const http_server::request& from, result& all) {
  const http_server::target_steps way = http_server::steps_of(from.path);
  for (const std::string& step : way.steps) {
    const bool bad = step.empty() || step == "." || step.find('/') != step.npos ||
                     step.find('\0') != step.npos || (step == ".." && !way.leads_up);
    if (bad) all.contradiction = "a step that is none: " + step;
  }
  return {std::string(from.path), from.version, from.keep_alive, from.head, from.get, way.good,
          way.leads_up,           way.steps};
}

// Gives the bytes to the parser as a connection does, in pieces whose sizes `next_size` tells.
inline result parse(std::string_view bytes, const std::function<std::size_t()>& next_size) {
  result all;
  http_server::input_buffer in;
  auto parser = std::make_unique<http_server::request_parser>();
  while (!bytes.empty() || !in.empty()) {
    using outcome = http_server::request_parser::outcome;
    const std::size_t before = in.text().size();
    const outcome found = in.empty() ? outcome::more : parser->parse(in);
    if (in.text().size() > before) all.contradiction = "consumes what is not there";
    if (found == outcome::refused) {
      all.refused = parser->status();
      return all;
    }
    if (found == outcome::complete) {
      all.requests.push_back(describe(parser->result(), all));
      parser = std::make_unique<http_server::request_parser>();
      if (in.empty()) in.shrink();
      continue;
    }
    parser->take_expectation();
    if (bytes.empty()) return all;
    const std::span<std::byte> room = in.room();
    if (room.empty()) {
      all.refused = 431;
      return all;
    }
    const std::size_t n =
        std::min({std::max<std::size_t>(next_size(), 1), room.size(), bytes.size()});
    std::memcpy(room.data(), bytes.data(), n);
    in.arrived(n);
    bytes.remove_prefix(n);
  }
  return all;
}

inline result parse_whole(std::string_view bytes) {
  return parse(bytes, [&] { return bytes.size(); });
}

}  // namespace http_check
