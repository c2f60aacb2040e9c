// clang 16 compiles no vararg function with -fsplit-stack ("Segmented stacks do not support vararg
// functions"), and std::to_string(double) is made of one. Declared extern here, defined in the
// library. A vararg function of one's own belongs in a file that is compiled with -fno-split-stack.
#pragma once

#include <cstddef>  // defines __GLIBCXX__

#if defined(__clang__) && defined(__GLIBCXX__) && GMPSCHED_SPLIT_STACKS
#include <cstdarg>
#include <string>

namespace __gnu_cxx {
extern template std::string __to_xstring<std::string, char>(int (*)(char*, std::size_t, const char*,
                                                                    __builtin_va_list),
                                                            std::size_t, const char*, ...);
extern template std::wstring __to_xstring<std::wstring, wchar_t>(int (*)(wchar_t*, std::size_t,
                                                                         const wchar_t*,
                                                                         __builtin_va_list),
                                                                 std::size_t, const wchar_t*, ...);
}  // namespace __gnu_cxx
#endif
