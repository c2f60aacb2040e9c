#include "files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include <gmp/go.hpp>

#include "request.hpp"

namespace http_server {

namespace {

std::string_view content_type_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> known{{
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".txt", "text/plain; charset=utf-8"},
      {".md", "text/plain; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".gif", "image/gif"},
      {".pdf", "application/pdf"},
      {".wasm", "application/wasm"},
  }};
  for (const auto& [ending, type] : known)
    if (name.ends_with(ending)) return type;
  return "application/octet-stream";
}

// Not waiting for the other end of a pipe, and not following a link.
int open_step(int folder, const std::string& name) {
  int fd;
  do {
    fd = ::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

find_result why_not(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
      return find_result::missing;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return find_result::shortage;
    default:
      return find_result::forbidden;
  }
}

found_file open_steps(const open_file& root, std::vector<std::string> steps) {
  found_file found;
  open_file at(::dup(root.fd()));
  if (!at) return {why_not(errno), {}, 0, {}};
  for (std::size_t i = 0;; ++i) {
    struct stat about {};
    if (::fstat(at.fd(), &about) != 0) return {find_result::forbidden, {}, 0, {}};
    if (S_ISDIR(about.st_mode) && i == steps.size()) steps.emplace_back("index.html");
    if (i == steps.size()) {
      if (!S_ISREG(about.st_mode)) return {find_result::forbidden, {}, 0, {}};
      found.result = find_result::found;
      found.size = static_cast<std::uint64_t>(about.st_size);
      found.content_type = content_type_of(steps.back());
      found.file = std::move(at);
      return found;
    }
    open_file next(open_step(at.fd(), steps[i]));
    if (!next) return {why_not(errno), {}, 0, {}};
    at = std::move(next);
  }
}

}  // namespace

open_file::~open_file() {
  if (fd_ >= 0) ::close(fd_);
}

open_file open_folder(const std::string& path) {
  open_file folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) throw std::system_error(errno, std::generic_category(), path);
  return folder;
}

found_file find_file(const open_file& root, std::string_view path) {
  target_steps way = steps_of(path);
  if (!way.good) return {find_result::bad_target, {}, 0, {}};
  if (way.leads_up) return {find_result::forbidden, {}, 0, {}};
  return gmp::blocking([&] { return open_steps(root, std::move(way.steps)); });
}

}  // namespace http_server
