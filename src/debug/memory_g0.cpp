// MS1  Memory is read through /proc/self/mem: what is unmapped meanwhile gives an error, no signal.
//      Pages that were never written are left out, so that address space costs nothing.
// MS2  The room that pages are copied to is unmapped at the end: a later search must not find the
//      copies.
#include "debug/memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "gmp/detail/sanitizers.hpp"

namespace gmp::detail {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t pages_at_once = 256;
constexpr std::uint64_t present_or_swapped = std::uint64_t{3} << 62;
#if GMPSCHED_ASAN || GMPSCHED_TSAN
constexpr std::uintptr_t largest = std::uintptr_t{8} << 30;  // larger ones are the tool's shadow
#else
constexpr std::uintptr_t largest = ~std::uintptr_t{0};
#endif

struct room {
  std::uint64_t entries[pages_at_once];
  std::uintptr_t words[pages_at_once * page / sizeof(std::uintptr_t)];
};

struct reader {
  const word_search* wanted;
  room* copy;
  int memory;
  int map;
};

void look_through(const reader& r, std::uintptr_t at, std::size_t bytes) noexcept {
  const ssize_t got = ::pread(r.memory, r.copy->words, bytes, static_cast<off_t>(at));
  if (got <= 0) return;
  const std::uintptr_t least = r.wanted->least;
  const std::uintptr_t span = r.wanted->most - least;
  const std::size_t n = static_cast<std::size_t>(got) / sizeof(std::uintptr_t);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uintptr_t value = r.copy->words[i];
    if (value - least <= span)
      r.wanted->found(at + i * sizeof(std::uintptr_t), value, r.wanted->arg);
  }
}

// Runs of pages that are in use.
void look_through_mapping(const reader& r, std::uintptr_t low, std::uintptr_t high) noexcept {
  for (std::uintptr_t at = low; at < high;) {
    std::size_t n = (high - at) / page;
    if (n > pages_at_once) n = pages_at_once;
    std::size_t known = 0;
    if (r.map >= 0) {
      const ssize_t got = ::pread(r.map, r.copy->entries, n * sizeof(std::uint64_t),
                                  static_cast<off_t>(at / page * sizeof(std::uint64_t)));
      if (got > 0) known = static_cast<std::size_t>(got) / sizeof(std::uint64_t);
    }
    const auto used = [&](std::size_t i) {
      return i >= known || (r.copy->entries[i] & present_or_swapped) != 0;
    };
    for (std::size_t i = 0; i < n;) {
      std::size_t end = i;
      while (end < n && used(end)) ++end;
      if (end > i) look_through(r, at + i * page, (end - i) * page);
      i = end + 1;
    }
    at += n * page;
  }
}

bool look_through_all(const reader& r) noexcept {
  std::FILE* maps = std::fopen("/proc/self/maps", "re");
  if (maps == nullptr) return false;
  char line[512];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    std::uintptr_t low, high;
    char access[8];
    if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &low, &high, access) != 3) continue;
    const auto mine = reinterpret_cast<std::uintptr_t>(r.copy);
    const bool writable = access[0] == 'r' && access[1] == 'w';
    if (!writable || high - low > largest) continue;
    if (mine < low || mine >= high) {
      look_through_mapping(r, low, high);
      continue;
    }
    look_through_mapping(r, low, mine);
    look_through_mapping(r, mine + (sizeof(room) + page - 1) / page * page, high);
  }
  std::fclose(maps);
  return true;
}

}  // namespace

bool search_memory(const word_search& wanted) noexcept {
  void* copy =
      ::mmap(nullptr, sizeof(room), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED) return false;
  reader r{&wanted, static_cast<room*>(copy), ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC),
           ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)};
  const bool done = r.memory >= 0 && look_through_all(r);
  if (r.map >= 0) ::close(r.map);
  if (r.memory >= 0) ::close(r.memory);
  ::munmap(copy, sizeof(room));
  return done;
}

}  // namespace gmp::detail
