// What the examples share about command lines; nothing of gmpsched is in here.
#pragma once

#include <fmt/core.h>

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace examples {

// Exit codes of all examples.
enum exit_code { success = 0, failed = 1, wrong_use = 2 };

// A program's options and arguments: a name with dashes is an option, one without an argument. The
// value that a variable has when it is named here is the default.
class command_line {
 public:
  explicit command_line(const char* description);
  ~command_line();
  command_line(const command_line&) = delete;
  command_line& operator=(const command_line&) = delete;

  template <std::integral T>
  void number(const char* name, T& value, const char* what, std::uint64_t least = 0,
              std::uint64_t most = std::numeric_limits<T>::max()) {
    const bool shown = value != std::numeric_limits<T>::max();
    add_number(name, what, shown ? std::to_string(value) : "", {least, most},
               [&value](std::uint64_t given) { value = static_cast<T>(given); });
  }
  void number(const char* name, double& value, const char* what);  // 0 or more
  void flag(const char* name, bool& value, const char* what);
  void text(const char* name, std::string& value, const char* what);
  void folder(const char* name, std::string& value, const char* what);              // which exists
  void paths(const char* name, std::vector<std::string>& value, const char* what);  // which exist
  void texts(const char* name, std::vector<std::string>& value, const char* what);  // at least one
  template <class T>
  void choice(const char* name, T& value, const char* what, std::map<std::string, T> choices) {
    std::vector<std::string> names;
    for (const auto& [text, meaning] : choices) names.push_back(text);
    add_choice(name, what, std::move(names),
               [&value, choices](const std::string& given) { value = choices.at(given); });
  }

  // Nothing: go on. Otherwise the program is to end with this code (--help, or a mistake that has
  // been reported).
  std::optional<int> parse(int argc, char** argv);

 private:
  void add_number(const char* name, const char* what, const std::string& shown,
                  std::pair<std::uint64_t, std::uint64_t> range,
                  std::function<void(std::uint64_t)> set);
  void add_choice(const char* name, const char* what, std::vector<std::string> names,
                  std::function<void(const std::string&)> set);

  std::unique_ptr<CLI::App> app_;
};

// Calls body() and makes an exit code of whatever comes out: its own, or an exception's. Output
// that could not be written (a full disk) is a failure too.
template <class F>
int guarded(const char* program, F&& body) {
  try {
    int code = std::forward<F>(body)();
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    fmt::print(stderr, "{}: cannot write to the standard output\n", program);
  } catch (const std::invalid_argument& why) {
    fmt::print(stderr, "{}: {}\n", program, why.what());
    return wrong_use;
  } catch (const std::exception& why) {
    fmt::print(stderr, "{}: {}\n", program, why.what());
  }
  return failed;
}

}  // namespace examples
