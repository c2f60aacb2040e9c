// What code address belongs to which function.
#pragma once

#include <string>

namespace gmp::detail {

// "name+0x1a (module+0x1234)" for the call before a return address; "?? (module+0x1234)" where no
// symbol is known. Names come from the module's full symbol table when it has one, so static
// functions have theirs. The offset is what addr2line -e module takes. Reads files, allocates,
// takes a lock: not for signal handlers, and on a thread's own stack.
std::string describe_return_address(const void* address);

}  // namespace gmp::detail
