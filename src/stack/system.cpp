// Raw system calls and last words: see system.hpp. Compiled with -mgeneral-regs-only when
// segmented.
#include "stack/system.hpp"

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#if !defined(__x86_64__)
#include <unistd.h>
#endif

namespace gmp::detail {
namespace {

constexpr int madv_populate_write = 23;  // Linux 5.14
constexpr int madv_guard_install = 102;  // Linux 6.13; <sys/mman.h> of Debian 12 does not know it

// Returns what the kernel returns: -errno in case of an error.
long system_call(long number, long a, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) noexcept {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#else
  const long result = ::syscall(number, a, b, c, d, e, f);
  return result == -1 ? -errno : result;
#endif
}

long as_long(const void* p) noexcept { return reinterpret_cast<long>(p); }

}  // namespace

void* map_pages(std::size_t bytes) noexcept {
  const long p = system_call(SYS_mmap, 0, static_cast<long>(bytes), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p < 0 && p > -4096) return nullptr;
  void* const base = reinterpret_cast<void*>(p);
  // Fails on kernels without huge pages: nothing lost.
  system_call(SYS_madvise, as_long(base), static_cast<long>(bytes), MADV_NOHUGEPAGE);
  return base;
}

void* map_huge_pages(std::size_t bytes) noexcept {
  char* const base = static_cast<char*>(map_pages(bytes + huge_page_bytes));
  if (base == nullptr) return nullptr;
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(base) % huge_page_bytes;
  if (before != 0) unmap_pages(base, before);
  unmap_pages(base + before + bytes, huge_page_bytes - before);
  // Where it fails the pages are small ones, as everywhere.
  system_call(SYS_madvise, as_long(base + before), static_cast<long>(bytes), MADV_HUGEPAGE);
  return base + before;
}

void unmap_pages(void* base, std::size_t bytes) noexcept {
  system_call(SYS_munmap, as_long(base), static_cast<long>(bytes));
}

void discard_pages(void* base, std::size_t bytes) noexcept {
  system_call(SYS_madvise, as_long(base), static_cast<long>(bytes), MADV_DONTNEED);
}

void populate_pages(void* base, std::size_t bytes) noexcept {
  system_call(SYS_madvise, as_long(base), static_cast<long>(bytes), madv_populate_write);
}

bool guard_pages(void* base, std::size_t bytes) noexcept {
  // A guard that is a page-table entry does not split the mapping, so it costs nothing of
  // vm.max_map_count; older kernels answer EINVAL.
  if (system_call(SYS_madvise, as_long(base), static_cast<long>(bytes), madv_guard_install) == 0)
    return true;
  return system_call(SYS_mprotect, as_long(base), static_cast<long>(bytes), PROT_NONE) == 0;
}

// word_: 0 -> 1 takes it; a sleeper makes it 2 first, so that unlock knows whom to wake. Acquire on
// the exchange pairs with the release in unlock.
void tiny_lock::lock() noexcept {
  std::uint32_t expected = 0;
  if (__atomic_compare_exchange_n(&word_, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return;
  for (int spins = 0; spins < 100; ++spins) {
    expected = 0;
    if (__atomic_load_n(&word_, __ATOMIC_RELAXED) == 0 &&
        __atomic_compare_exchange_n(&word_, &expected, 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
      return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  while (__atomic_exchange_n(&word_, 2, __ATOMIC_ACQUIRE) != 0)
    system_call(SYS_futex, as_long(&word_), FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, 0);
}

void tiny_lock::unlock() noexcept {
  if (__atomic_exchange_n(&word_, 0, __ATOMIC_RELEASE) == 2)
    system_call(SYS_futex, as_long(&word_), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
}

}  // namespace gmp::detail
