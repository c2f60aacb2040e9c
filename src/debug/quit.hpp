// SIGQUIT: a dump of all Gs to stderr.
#pragma once

#include <cstdint>

namespace gmp::detail {

// From the first call on. Throws std::system_error: no thread to be had.
void dump_on_quit();

// How many dumps were written.
std::uint32_t quit_dumps() noexcept;

}  // namespace gmp::detail
