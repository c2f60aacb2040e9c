#include "progress.hpp"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;

namespace demo {

namespace {

bool can_rewrite_lines() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

// A line that wraps cannot be rewritten.
std::string cut_to_terminal(std::string line) {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 &&
      line.size() >= size.ws_col)
    line.resize(size.ws_col - 1U);
  return line;
}

void write(std::string_view before, std::string_view line, std::string_view after) {
  fmt::print("{}{}{}", before, line, after);
  std::fflush(stdout);
}

constexpr const char* to_line_start = "\r\033[K";  // and erases the line

}  // namespace

std::string grouped(unsigned long long number) {
  std::string digits = std::to_string(number);
  for (std::size_t from_end = 3; from_end < digits.size(); from_end += 4)
    digits.insert(digits.size() - from_end, 1, ',');
  return digits;
}

progress::progress(std::function<std::string()> line)
    : terminal_(can_rewrite_lines()),
      line_(std::move(line)),
      thread_([this](const std::stop_token& stop) { show_until(stop); }) {}

progress::~progress() {
  thread_.request_stop();
  thread_.join();
  write(terminal_ ? to_line_start : "", line_(), "\n");
}

void progress::show_until(const std::stop_token& stop) {
  const auto interval = terminal_ ? 100ms : 2000ms;
  std::unique_lock lock(mutex_);
  for (;;) {
    stopped_.wait_for(lock, stop, interval, [] { return false; });
    if (stop.stop_requested()) return;
    if (terminal_) {
      write(to_line_start, cut_to_terminal(line_()), "");
    } else {
      write("", line_(), "\n");
    }
  }
}

}  // namespace demo
