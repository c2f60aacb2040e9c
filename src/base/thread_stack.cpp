#include "base/thread_stack.hpp"

#include <pthread.h>

namespace gmp::detail {

thread_stack own_thread_stack() noexcept {
  thread_stack own;
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return own;
  ::pthread_attr_getstack(&attributes, &own.low, &own.size);
  ::pthread_attr_destroy(&attributes);
  return own;
}

}  // namespace gmp::detail
