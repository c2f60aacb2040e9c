// Files below a root folder, found by the target of a request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace http_server {

// An open file; the descriptor is closed at the end.
class open_file {
 public:
  open_file() = default;
  explicit open_file(int fd) : fd_(fd) {}
  open_file(open_file&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  open_file& operator=(open_file&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~open_file();
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

enum class find_result { found, missing, forbidden, bad_target, shortage };

struct found_file {
  find_result result = find_result::missing;
  open_file file;
  std::uint64_t size = 0;
  std::string_view content_type;
};

// Opens `path` (the target's path: "/a%20b/c.txt") below the folder `root`. No way leads out of it:
// ".." is refused, and links are not followed. A folder means its index.html.
found_file find_file(const open_file& root, std::string_view path);

// A folder. Throws std::system_error.
open_file open_folder(const std::string& path);

}  // namespace http_server
