// Would an exception thrown here meet a function that lets none through?
#pragma once

#include <cstddef>
#include <cstdint>

namespace gmp::detail {

// True when the nearest function up the stack that would stop an exception of no declared type ends
// the process instead: a noexcept one, as every destructor is. Reads the language data of the
// frames (the Itanium C++ ABI's exception tables), down to the G's first function. A handler whose
// kind it cannot tell counts as one; a frame that cannot be unwound ends the process. Slow; for
// shutdown only.
bool throw_would_terminate();  // not noexcept: it looks at its own frame, too

// What a landing pad comes to, by the first call in it that decides that.
enum class pad_end : std::uint8_t {
  unknown,
  resumes,     // _Unwind_Resume: a cleanup; the exception leaves the function
  catches,     // __cxa_begin_catch: a handler
  terminates,  // std::terminate, or clang's __clang_call_terminate
};

// Looks through `reach` bytes of code from `pad` on for the deciding call. `typed`: there are
// handlers for other types, whose branches are passed by; `skip_catches`: there are no others.
pad_end follow_pad(const std::uint8_t* pad, std::size_t reach, bool typed,
                   bool skip_catches) noexcept;

}  // namespace gmp::detail
