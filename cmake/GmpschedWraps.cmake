# Thunks for functions outside of split code that must not cost a big segment: src/stack/wrapped.def lists them and
# wrapped.S is made of them.
#
# Out: GMPSCHED_WRAP_FILE  linker options, --wrap=<function> for each

set(GMPSCHED_WRAP_FILE "")
if(GMPSCHED_SPLIT_STACKS)
  set(gmpsched_wrap_list "${PROJECT_SOURCE_DIR}/src/stack/wrapped.def")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${gmpsched_wrap_list}")
  set_source_files_properties(src/stack/wrapped.S PROPERTIES OBJECT_DEPENDS "${gmpsched_wrap_list}")
  file(STRINGS "${gmpsched_wrap_list}" gmpsched_wraps REGEX "^(leaf|home|throw|big|jump) ")
  list(TRANSFORM gmpsched_wraps REPLACE "^[a-z]+ +([^ ]+).*$" "--wrap=\\1\n")
  string(JOIN "" gmpsched_wraps ${gmpsched_wraps} "--undefined=gmpsched_wrapped\n")
  set(GMPSCHED_WRAP_FILE "${CMAKE_CURRENT_BINARY_DIR}/wraps.rsp")
  file(CONFIGURE OUTPUT "${GMPSCHED_WRAP_FILE}" CONTENT "${gmpsched_wraps}" @ONLY)

  # A throw without __cxa_throw (throw.cpp) needs libstdc++, since gcc 7.
  include(CheckCXXSourceCompiles)
  check_cxx_source_compiles("
    #include <exception>
    #include <cxxabi.h>
    #if !defined(__GLIBCXX__) || !defined(__x86_64__) || defined(__ILP32__)
    #error another runtime library
    #endif
    int main() { return abi::__cxa_init_primary_exception(nullptr, nullptr, nullptr) != nullptr; }" GMPSCHED_HAVE_PRIMARY_EXCEPTION)
  if(GMPSCHED_HAVE_PRIMARY_EXCEPTION)
    set_source_files_properties(src/stack/wrapped.S src/stack/morestack.S src/stack/throw.cpp PROPERTIES
      COMPILE_DEFINITIONS GMPSCHED_THROWS=1)
  endif()
endif()
