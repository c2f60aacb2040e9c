// Memory for what comes in and goes out, and the answers of the protocol.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace kv {

// Bytes that are added at the end and taken from the front.
class buffer {
 public:
  std::string_view text() const { return {bytes_.get() + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::size_t room() const { return capacity_ - end_; }

  // Room for at least n bytes behind the last one. What is there may move.
  char* reserve(std::size_t n) {
    if (room() < n) [[unlikely]]
      make_room(n);
    return bytes_.get() + end_;
  }
  std::span<std::byte> space() {
    return {reinterpret_cast<std::byte*>(bytes_.get() + end_), room()};
  }
  void added(std::size_t n) { end_ += n; }
  void append(std::string_view text) {
    std::copy(text.begin(), text.end(), reserve(text.size()));
    end_ += text.size();
  }
  void taken(std::size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Gives memory back when nothing is in it and it has more than `most`.
  void shrink(std::size_t most) {
    if (empty() && capacity_ > most) {
      bytes_.reset();
      begin_ = end_ = capacity_ = 0;
    }
  }

 private:
  [[gnu::noinline]] void make_room(std::size_t n) {
    const std::size_t used = size();
    if (capacity_ - used >= n && begin_ >= used) {  // cheaper than to grow
      std::memcpy(bytes_.get(), bytes_.get() + begin_, used);
    } else {
      const std::size_t capacity = std::max(used + n, 2 * capacity_);
      auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
      if (used != 0) std::memcpy(bytes.get(), bytes_.get() + begin_, used);
      bytes_ = std::move(bytes);
      capacity_ = capacity;
    }
    begin_ = 0;
    end_ = used;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

// Answers, in the order of the commands.
class reply : public buffer {
 public:
  void ok() { append("+OK\r\n"); }
  void simple(std::string_view text) {
    append("+");
    append(text);
    append("\r\n");
  }
  // With its code: "ERR no such thing". Bytes that would end the line become blanks.
  void error(std::string_view text) {
    char* to = reserve(text.size() + 3);
    *to++ = '-';
    for (const char c : text) *to++ = c == '\r' || c == '\n' ? ' ' : c;
    *to++ = '\r';
    *to = '\n';
    added(text.size() + 3);
  }
  void integer(std::int64_t value) { number(':', value); }
  void array(std::size_t n) { number('*', static_cast<std::int64_t>(n)); }
  void null() { append("$-1\r\n"); }
  void null_array() { append("*-1\r\n"); }
  void bulk(std::string_view text) {
    char* to = reserve(text.size() + number_size + 2);
    char* const start = to;
    to = put_number(to, '$', static_cast<std::int64_t>(text.size()));
    to = std::copy(text.begin(), text.end(), to);
    *to++ = '\r';
    *to++ = '\n';
    added(static_cast<std::size_t>(to - start));
  }
  void bulk(std::int64_t value) {
    char digits[24];
    const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    bulk(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }

 private:
  static constexpr std::size_t number_size = 24;
  static char* put_number(char* to, char type, std::int64_t value) {
    *to++ = type;
    to = std::to_chars(to, to + 21, value).ptr;
    *to++ = '\r';
    *to++ = '\n';
    return to;
  }
  void number(char type, std::int64_t value) {
    char* const start = reserve(number_size);
    added(static_cast<std::size_t>(put_number(start, type, value) - start));
  }
};

}  // namespace kv
