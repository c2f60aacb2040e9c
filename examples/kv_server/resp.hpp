// The Redis protocol, version 2: what clients send. Nothing of gmpsched is in here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kv {

// What a client may send at most; the numbers are those of Redis.
struct resp_limits {
  std::int64_t bulk = 512ll * 1024 * 1024;  // bytes of one argument
  std::int64_t arguments = 1024 * 1024;     // of one command
  std::size_t line = 64 * 1024;             // bytes of an inline command
  std::size_t command = 1u << 30;           // bytes of a whole command
};

// Cuts bytes into commands. It copies nothing: arguments are views of the caller's buffer (those of
// inline commands with quotes excepted). However the bytes are split over calls, the same commands
// come out, and no byte of a command is looked at twice.
//
// R1  Offsets count from the first byte of the command, so the buffer may move between calls.
// R2  Memory grows with what has arrived, never with a length that was only announced.
class resp_parser {
 public:
  enum class outcome {
    command,  // arguments() and used() hold; no arguments: an empty line, ignore it
    more,     // call again with the same bytes and some that follow them
    broken,   // complaint() says why; nothing that follows makes sense
  };

  explicit resp_parser(const resp_limits& limits = {}) : limits_(limits) {}

  // `data`: all bytes from the beginning of the current command on; after `command`, from used()
  // bytes further on.
  outcome next(std::string_view data);

  // Until the next call of next(), and as long as the bytes given to it stay where they are.
  std::span<const std::string_view> arguments() const { return views_; }
  std::size_t used() const { return at_; }
  // Without "-ERR " and the end of the line. Empty: end the connection without a word.
  std::string_view complaint() const { return complaint_; }
  // After `more`: how many bytes the command has at least, counted from its first.
  std::size_t wanted() const { return wanted_; }

 private:
  struct piece {
    std::size_t offset;
    std::size_t size;
  };
  enum class step { done, more, broken };

  step read_header(std::string_view data);
  step read_bulk(std::string_view data);
  step read_number(std::string_view data, std::size_t from, std::int64_t& value);
  outcome read_inline(std::string_view data);
  bool split_line(std::string_view line);
  bool unquote(std::string_view line, std::size_t& at);
  outcome finish(std::string_view data);
  outcome fail(std::string_view complaint);

  resp_limits limits_;
  bool fresh_ = true;   // the next byte is the first of a command
  std::size_t at_ = 0;  // everything before has been dealt with [R1]
  std::size_t wanted_ = 0;
  std::int64_t missing_ = -1;  // arguments to come; -1: their number is to come
  std::int64_t bulk_ = -1;     // bytes of the argument at at_; -1: its length is to come
  std::vector<piece> pieces_;  // [R1]
  std::vector<std::string_view> views_;
  std::string unquoted_;  // bytes of arguments that had quotes
  std::string complaint_;
};

}  // namespace kv
