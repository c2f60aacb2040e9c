// A variable per G, as thread_local is a variable per thread.
#pragma once

#include <cstddef>

namespace gmp {

namespace detail {
struct g;
g& current_g() noexcept;
std::size_t local_number() noexcept;
void* local_get(g& me, std::size_t number, void* (*make)(), void (*destroy)(void*));
}  // namespace detail

// Value-initialised at a G's first use, destroyed when that G ends; a plain thread has its own,
// destroyed when the thread ends. Objects of this class are meant to be static: each takes a number
// that is not reused. Copying is not possible.
//
// Any G or thread may call; not from a signal handler. Go has no counterpart (and no wish for one):
// use it for what must follow a request through code that cannot pass it along. A reference stays
// valid until the G ends.
template <class T>
class g_local {
 public:
  g_local() : number_(detail::local_number()) {}
  g_local(const g_local&) = delete;
  g_local& operator=(const g_local&) = delete;

  // The caller's own value. Throws what T's constructor throws, or std::bad_alloc.
  T& get() const {
    return *static_cast<T*>(detail::local_get(
        detail::current_g(), number_, []() -> void* { return new T(); },
        [](void* value) { delete static_cast<T*>(value); }));
  }
  T& operator*() const { return get(); }
  T* operator->() const { return &get(); }

 private:
  std::size_t number_;
};

}  // namespace gmp
