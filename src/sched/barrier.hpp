// Would an exception thrown here meet a function that lets none through?
#pragma once

namespace gmp::detail {

// True when the nearest function up the stack that would stop an exception of no declared type ends
// the process instead: a noexcept one, as every destructor is. Reads the language data of the
// frames (the Itanium C++ ABI's exception tables), down to the G's first function. gcc's form of
// noexcept is recognised; clang makes a handler of it, which looks like any catch (...). Slow; for
// shutdown only.
bool throw_would_terminate();  // not noexcept: it looks at its own frame, too

}  // namespace gmp::detail
