// Stacks as return addresses, and as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gmp::detail {

inline constexpr std::size_t most_frames = 32;  // of a report

struct raw_stack {
  std::uint32_t n = 0;
  void* at[most_frames + 16];  // those of throwing come on top; they are not reported
};

// Of a G that does not run: from its saved context, without running it. Its stack must stay as it
// is meanwhile. On a thread's own stack.
void backtrace_parked(const void* ctx, raw_stack& found) noexcept;

// Of the caller, down to the first function of the G or thread.
void backtrace_here(raw_stack& found) noexcept;

// One line per frame, newest first. What carries no information is left out: the ways onto other
// segments, the G's own first functions, and what the runtime calls to park or to throw. On a
// thread's own stack; allocates.
std::vector<std::string> stack_lines(const raw_stack& found);

}  // namespace gmp::detail
