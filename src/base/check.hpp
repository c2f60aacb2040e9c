// Checks for bugs in the runtime and for misuse that cannot be an exception: a constant text to
// stderr, then abort.
#pragma once

namespace gmp::detail {

// Writes "gmpsched: fatal: <what>" (and the place) and aborts. Allocates nothing; callable on any
// stack.
[[noreturn, gnu::cold]] void fatal(const char* what) noexcept;
[[noreturn, gnu::cold]] void fatal(const char* what, const char* detail) noexcept;

}  // namespace gmp::detail

// A runtime bug or a misuse that leaves no way on.
#define GMPSCHED_CHECK(condition, what) \
  (__builtin_expect(!(condition), 0) ? ::gmp::detail::fatal(what) : static_cast<void>(0))

// The same, in builds with debug checks only: conditions on hot paths.
#ifdef GMPSCHED_DEBUG_CHECKS
#define GMPSCHED_ASSERT(condition, what) GMPSCHED_CHECK(condition, what)
#else
#define GMPSCHED_ASSERT(condition, what) static_cast<void>(0)
#endif
