// What the demo asks the machine: memory, and which files there are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace demo {

// Bytes of memory this process occupies; 0: unknown.
std::uint64_t resident_bytes();

// Bytes it can still get: what is free, or what the container's limit leaves, whichever is less.
std::uint64_t available_bytes();

// The regular files at and below a path, sorted; of a folder without hidden entries and what is
// called build*. Throws std::filesystem::filesystem_error.
std::vector<std::string> files_below(const std::string& path);

}  // namespace demo
