// Where the calling thread's own stack lies.
#pragma once

#include <cstddef>

namespace gmp::detail {

struct thread_stack {
  void* low = nullptr;
  std::size_t size = 0;  // 0: unknown
};
thread_stack own_thread_stack() noexcept;

}  // namespace gmp::detail
