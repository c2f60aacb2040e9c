// What std::terminate does on a G.
#pragma once

namespace gmp::detail {

// Sets the process's terminate handler, once; the one before is called for what is not ours.
void terminate_handler_install() noexcept;

}  // namespace gmp::detail
