#include "base/check.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace gmp::detail {
namespace {

// A line that is written at once: other threads may be writing, too.
class line {
 public:
  void add(const char* text) noexcept {
    const std::size_t n = std::min(std::strlen(text), sizeof text_ - 1 - used_);
    std::memcpy(text_ + used_, text, n);
    used_ += n;
  }
  void write() noexcept {
    text_[used_++] = '\n';
    for (std::size_t at = 0; at < used_;) {
      const ssize_t done = ::write(2, text_ + at, used_ - at);
      if (done <= 0) return;
      at += static_cast<std::size_t>(done);
    }
  }

 private:
  char text_[1024];
  std::size_t used_ = 0;
};

}  // namespace

void fatal(const char* what) noexcept { fatal(what, nullptr); }

void fatal(const char* what, const char* detail) noexcept {
  line report;
  report.add("gmpsched: fatal: ");
  report.add(what);
  if (detail != nullptr) {
    report.add(": ");
    report.add(detail);
  }
  report.write();
  std::abort();
}

}  // namespace gmp::detail
