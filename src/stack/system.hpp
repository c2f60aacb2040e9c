// Raw system calls and last words for the stack layer.
//
// The slow half of __morestack runs with the user's vector and x87 registers live, so these must
// neither touch them nor call libc: inline system calls, and the files that use them in that path
// are compiled with -mgeneral-regs-only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gmp::detail {

// Address space that page faults commit, without huge pages (RSS of a slot must be the slot). Null:
// none.
void* map_pages(std::size_t bytes) noexcept;
// The same from an address aligned to a huge page, with huge pages where the system allows them.
void* map_huge_pages(std::size_t bytes) noexcept;
void unmap_pages(void* base, std::size_t bytes) noexcept;
// Gives the memory back, keeps the address space; the next touch reads zero.
void discard_pages(void* base, std::size_t bytes) noexcept;
// Backs pages with memory at once, which costs a third of faulting them in one by one. A hint.
void populate_pages(void* base, std::size_t bytes) noexcept;
// Makes a touch of [base, base + bytes) a SIGSEGV. False: not possible (vm.max_map_count).
bool guard_pages(void* base, std::size_t bytes) noexcept;

inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

// Writes "gmpsched: <text>" to stderr, async-signal-safe, and aborts.
[[noreturn]] void die(const char* text) noexcept;
// The same with two numbers appended: "<text> <a> <between> <b><after>".
[[noreturn]] void die(const char* text, std::size_t a, const char* between, std::size_t b,
                      const char* after) noexcept;

// The default of stack_overflow_hook.
[[noreturn]] void report_stack_overflow(void* first_top, std::size_t used,
                                        std::size_t max) noexcept;

// What a fault address means to the stack layer; answered by the kind in use.
enum class fault_kind { not_ours, first_guard, big_guard };
struct fault_place {
  fault_kind kind = fault_kind::not_ours;
  void* first_top = nullptr;  // the G's slot, if known
  std::size_t used = 0;
  std::size_t max = 0;
};
fault_place classify_fault(void* address) noexcept;

// The two halves of thread_stacks_enter/leave that both kinds share (report.cpp).
struct signal_stack;
void enter_signal_stack(signal_stack& own) noexcept;
void leave_signal_stack(signal_stack& own) noexcept;

// A lock for short critical sections, usable where libc is not.
class tiny_lock {
 public:
  void lock() noexcept;
  void unlock() noexcept;

 private:
  std::uint32_t word_ = 0;  // 0 free, 1 held, 2 held and somebody sleeps (futex)
};

struct tiny_guard {
  explicit tiny_guard(tiny_lock& lock) noexcept : lock_(lock) { lock_.lock(); }
  ~tiny_guard() { lock_.unlock(); }
  tiny_guard(const tiny_guard&) = delete;
  tiny_guard& operator=(const tiny_guard&) = delete;

 private:
  tiny_lock& lock_;
};

}  // namespace gmp::detail
