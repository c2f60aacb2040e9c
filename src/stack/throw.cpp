// What __cxa_throw does besides raising, for throws on a G (wrapped.S): they raise from the frame
// of the thunk, with __cxa_throw's own the unwinder would pass one more than on a thread. libstdc++
// only; elsewhere the thunk calls __cxa_throw.
#if GMPSCHED_SPLIT_STACKS && defined(GMPSCHED_THROWS)
#include <cxxabi.h>
#include <unwind.h>

#include <cstddef>
#include <exception>
#include <typeinfo>

namespace gmp::detail {
namespace {

// The Itanium C++ ABI and libstdc++'s: fixed since gcc 4.5.
struct eh_globals {
  void* caught;
  unsigned uncaught;
};
constexpr std::size_t header_bytes = 128;  // __cxa_refcounted_exception: the object follows

}  // namespace

extern "C" {

// Runs on the M's own stack. The exception's header is complete and owned by who catches it; what
// it returns is to be raised.
_Unwind_Exception* gmpsched_begin_throw(void* object, std::type_info* type,
                                        void (*destroy)(void*)) noexcept {
  reinterpret_cast<eh_globals*>(abi::__cxa_get_globals())->uncaught += 1;
  void* const header = abi::__cxa_init_primary_exception(object, type, destroy);
  *static_cast<int*>(header) = 1;  // references
  char* const end = static_cast<char*>(header) + header_bytes;
  return reinterpret_cast<_Unwind_Exception*>(end - sizeof(_Unwind_Exception));
}

// Nobody catches it, or the stack cannot be walked. std::terminate is a handler of it.
[[noreturn]] void gmpsched_throw_failed(_Unwind_Exception* raised) noexcept {
  abi::__cxa_begin_catch(raised);
  std::terminate();
}

}  // extern "C"
}  // namespace gmp::detail
#endif
