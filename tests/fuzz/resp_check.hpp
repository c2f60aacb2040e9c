// What must hold for any bytes that reach the parser of the Redis protocol, wherever they are cut.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../../examples/kv_server/resp.hpp"

namespace resp_check {

using command = std::vector<std::string>;

// Everything that a client's bytes led to.
struct result {
  std::vector<command> commands;
  bool broken = false;
  std::string complaint;
  std::size_t left = 0;       // bytes of a command that is not complete
  std::string contradiction;  // the parser broke a promise; empty: no
  friend bool operator==(const result&, const result&) = default;
};

// Gives the bytes to the parser in pieces whose sizes `next_size` tells, from a fresh block of
// memory of exactly their size each time: views into old ones, or beyond, are seen by sanitizers.
inline result parse(std::string_view bytes, const kv::resp_limits& limits,
                    const std::function<std::size_t()>& next_size) {
  result all;
  kv::resp_parser parser(limits);
  std::size_t begin = 0;
  std::size_t end = 0;
  while (end < bytes.size()) {
    end = std::min(bytes.size(), end + std::max<std::size_t>(next_size(), 1));
    for (;;) {
      const std::size_t size = end - begin;
      const auto block = std::make_unique<char[]>(size);
      if (size != 0) std::memcpy(block.get(), bytes.data() + begin, size);
      const auto found = parser.next({block.get(), size});
      if (found == kv::resp_parser::outcome::broken) {
        all.broken = true;
        all.complaint = parser.complaint();
        return all;
      }
      if (found == kv::resp_parser::outcome::more) {
        if (parser.wanted() <= size) all.contradiction = "wants what it has";
        break;
      }
      if (parser.used() == 0 || parser.used() > size) {
        all.contradiction = "uses what it has not";
        return all;
      }
      all.commands.emplace_back(parser.arguments().begin(), parser.arguments().end());
      begin += parser.used();
    }
  }
  all.left = end - begin;
  return all;
}

inline result parse_whole(std::string_view bytes, const kv::resp_limits& limits) {
  return parse(bytes, limits, [&] { return bytes.size(); });
}

}  // namespace resp_check
