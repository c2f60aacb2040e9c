// Waking plain threads that wait for a descriptor.
#pragma once

#include "netpoll/descriptor.hpp"

namespace gmp::detail {

// On a thread's own stack. The waiter is gone afterwards.
void release_thread(io_waiter& w) noexcept;

}  // namespace gmp::detail
