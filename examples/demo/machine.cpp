#include "machine.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

namespace demo {

namespace {

constexpr auto unlimited = std::numeric_limits<std::uint64_t>::max();

// The number a file begins with; nothing when there is no such file or it says "max".
std::optional<std::uint64_t> number_in(const char* path) {
  std::ifstream in(path);
  std::uint64_t number = 0;
  if (in >> number) return number;
  return std::nullopt;
}

std::uint64_t machine_has_free() {
  std::ifstream in("/proc/meminfo");
  std::string name, unit;
  std::uint64_t kibibytes = 0;
  while (in >> name >> kibibytes && std::getline(in, unit))
    if (name == "MemAvailable:") return kibibytes * 1024;
  return unlimited;
}

std::uint64_t left_of(std::optional<std::uint64_t> limit, std::optional<std::uint64_t> used) {
  if (!limit) return unlimited;
  return *limit - std::min(*limit, used.value_or(0));
}

// Control groups of version 2 and 1, as a container sees its own.
std::uint64_t container_leaves() {
  return std::min(
      left_of(number_in("/sys/fs/cgroup/memory.max"), number_in("/sys/fs/cgroup/memory.current")),
      left_of(number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
              number_in("/sys/fs/cgroup/memory/memory.usage_in_bytes")));
}

}  // namespace

std::uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  in >> all >> resident;
  return in ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

std::uint64_t available_bytes() { return std::min(machine_has_free(), container_leaves()); }

std::vector<std::string> files_below(const std::string& path) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  if (!fs::is_directory(path)) return {path};
  for (auto entry = fs::recursive_directory_iterator(path); entry != fs::end(entry); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && (name.starts_with(".") || name.starts_with("build"))) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && !name.starts_with(".")) {
      files.push_back(entry->path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace demo
