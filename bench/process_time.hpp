// How long a program next to this one takes from its start to its end.
#pragma once

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "harness.hpp"

namespace bench {

// The program `name` in this program's folder.
inline std::string neighbour(const char* name) {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  require(length > 0, "cannot read /proc/self/exe");
  const std::string self(path, static_cast<std::size_t>(length));
  return self.substr(0, self.rfind('/') + 1) + name;
}

// Its standard output goes nowhere. Median and 99th percentile of n, milliseconds.
inline report process_time(const char* name, std::uint64_t n) {
  std::string path = neighbour(name);
  char* arguments[] = {path.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<double> times;
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto start = std::chrono::steady_clock::now();  // its processor time is not ours
    pid_t child = 0;
    require(posix_spawn(&child, path.c_str(), &actions, nullptr, arguments, environ) == 0,
            "cannot start the program");
    int status = 0;
    require(waitpid(child, &status, 0) == child && status == 0, "the program failed");
    const auto taken = std::chrono::steady_clock::now() - start;
    times.push_back(std::chrono::duration<double, std::milli>(taken).count());
  }
  posix_spawn_file_actions_destroy(&actions);
  const double middle = median(times);  // sorts
  return {{"process", middle, "ms"}, {"process_p99", times[times.size() * 99 / 100], "ms"}};
}

}  // namespace bench
