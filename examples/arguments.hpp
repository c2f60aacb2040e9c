// What the examples share about command lines; nothing of gmpsched is in here.
#pragma once

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

namespace examples {

// Exit codes of all examples.
enum exit_code { success = 0, failed = 1, wrong_use = 2 };

// Nothing: go on. Otherwise the program is to end with this code (--help, or a mistake that has
// been reported).
inline std::optional<int> parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& why) {
    return app.exit(why) == 0 ? success : wrong_use;
  }
}

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
