# Thunks for functions outside of split code that must not cost a big segment: src/stack/wrapped.def lists them.
#
# Out: GMPSCHED_WRAP_SOURCES  one small assembly file for each function (each an archive member of its own)
#      GMPSCHED_WRAP_FILE     linker options, --wrap=<function> for each

set(GMPSCHED_WRAP_SOURCES "")
set(GMPSCHED_WRAP_FILE "")
set(gmpsched_wrap_list "${PROJECT_SOURCE_DIR}/src/stack/wrapped.def")
if(GMPSCHED_SPLIT_STACKS)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${gmpsched_wrap_list}")
  set(GMPSCHED_WRAP_FILE "${CMAKE_CURRENT_BINARY_DIR}/wraps.rsp")
  set(gmpsched_wraps "")
  file(STRINGS "${gmpsched_wrap_list}" gmpsched_lines REGEX "^(leaf|home|big) ")
  foreach(line IN LISTS gmpsched_lines)
    string(REGEX MATCH "^([a-z]+) +([^ ]+)" ignored "${line}")
    set(class "${CMAKE_MATCH_1}")
    set(symbol "${CMAKE_MATCH_2}")
    set(file "${CMAKE_CURRENT_BINARY_DIR}/wraps/${symbol}.S")
    file(CONFIGURE OUTPUT "${file}" @ONLY CONTENT "#define GMPSCHED_WRAP_@class@ 1
#define GMPSCHED_WRAPPED @symbol@
#include \"stack/wrapped.S\"
")
    list(APPEND GMPSCHED_WRAP_SOURCES "${file}")
    string(APPEND gmpsched_wraps "--wrap=${symbol}\n")
  endforeach()
  file(CONFIGURE OUTPUT "${GMPSCHED_WRAP_FILE}" CONTENT "${gmpsched_wraps}" @ONLY)
endif()
