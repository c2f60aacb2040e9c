#include "base/check.hpp"

#include <unistd.h>
#include <cstdlib>
#include <cstring>

namespace gmp::detail {
namespace {

void put(const char* text) noexcept {
  std::size_t left = std::strlen(text);
  while (left > 0) {
    ssize_t done = ::write(2, text, left);
    if (done <= 0) return;
    text += done;
    left -= static_cast<std::size_t>(done);
  }
}

}  // namespace

void fatal(const char* what) noexcept { fatal(what, nullptr); }

void fatal(const char* what, const char* detail) noexcept {
  put("gmpsched: fatal: ");
  put(what);
  if (detail != nullptr) {
    put(": ");
    put(detail);
  }
  put("\n");
  std::abort();
}

}  // namespace gmp::detail
