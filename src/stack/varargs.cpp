// What gmp/detail/clang_varargs.hpp declares extern. Compiled without split stacks.
#include <cstdarg>
#include <cstddef>
#include <string>

namespace __gnu_cxx {
template std::string __to_xstring<std::string, char>(int (*)(char*, std::size_t, const char*,
                                                             __builtin_va_list),
                                                     std::size_t, const char*, ...);
template std::wstring __to_xstring<std::wstring, wchar_t>(int (*)(wchar_t*, std::size_t,
                                                                  const wchar_t*,
                                                                  __builtin_va_list),
                                                          std::size_t, const wchar_t*, ...);
}  // namespace __gnu_cxx
