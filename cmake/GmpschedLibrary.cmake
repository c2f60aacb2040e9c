# The targets. In src/, folder and name decide how a file is compiled (GMPSCHED_ORDINARY below).
#
#   gmpsched             static: the library itself. shared: both of the next two, in this order
#   gmpsched_nonshared   (shared, segmented) what must be inside every linked program: stubs, thunks
#   gmpsched_shared      (shared) libgmpsched.so
#   gmpsched_g_objects   the files that run on Gs

file(GLOB_RECURSE gmpsched_sources CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
     "${PROJECT_SOURCE_DIR}/src/*.cpp" "${PROJECT_SOURCE_DIR}/src/*.S")

list(FILTER gmpsched_sources EXCLUDE REGEX "^src/tls/")  # a library of its own: GmpschedTls.cmake
if(NOT gmpsched_uring_sources)
  list(REMOVE_ITEM gmpsched_sources src/netpoll/uring.cpp)
endif()

# The two kinds of stacks are files of their own.
if(GMPSCHED_SPLIT_STACKS)
  list(REMOVE_ITEM gmpsched_sources src/stack/reserved.cpp)
else()
  list(FILTER gmpsched_sources EXCLUDE REGEX "^src/stack/((segment|segment_pool|slab)\\.cpp$|.*\\.S$)")
endif()

# What belongs inside every linked program, a shared library's copy would not do: __morestack and the thunks.
set(gmpsched_program_sources ${gmpsched_sources})
list(FILTER gmpsched_program_sources INCLUDE REGEX "\\.S$")

# Compiled without split stacks: code that runs on a thread's own stack. All other files of src/ run
# on Gs, and so does user code.
set(GMPSCHED_ORDINARY "^src/(base|stack|queue|netpoll)/|_g0\\.cpp$|\\.S$")
set(gmpsched_g_sources ${gmpsched_sources})
list(FILTER gmpsched_g_sources EXCLUDE REGEX "${GMPSCHED_ORDINARY}")
set(gmpsched_home_sources ${gmpsched_sources})
list(FILTER gmpsched_home_sources INCLUDE REGEX "${GMPSCHED_ORDINARY}")

set_source_files_properties(src/sched/gdb_script.S PROPERTIES
  OBJECT_DEPENDS "${PROJECT_SOURCE_DIR}/src/debug/gmpsched-gdb.py")

# Runs between a caller and its callee, whose vector arguments are live.
if(GMPSCHED_SPLIT_STACKS)
  set_source_files_properties(src/stack/leaf.cpp src/stack/segment.cpp src/stack/segment_pool.cpp src/stack/system.cpp PROPERTIES
    COMPILE_OPTIONS "-mgeneral-regs-only" SKIP_PRECOMPILE_HEADERS ON)
endif()

# Warnings for this project's own code: never part of the interface.
add_library(gmpsched_warnings INTERFACE)
target_compile_options(gmpsched_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra> $<$<BOOL:${GMPSCHED_WERROR}>:-Werror>)

# What user code must be compiled and linked with, by every way of getting at this library.
function(gmpsched_user_requirements target)
  target_include_directories(${target} INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_compile_definitions(${target} INTERFACE GMPSCHED_SPLIT_STACKS=${GMPSCHED_SPLIT_STACKS})
  if(NOT GMPSCHED_SPLIT_STACKS)
    return()
  endif()
  target_compile_options(${target} INTERFACE
    "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:${gmpsched_gcc_split}>"
    "$<$<COMPILE_LANG_AND_ID:C,GNU>:${gmpsched_gcc_split}>"
    "$<$<COMPILE_LANG_AND_ID:CXX,Clang>:${gmpsched_clang_split}>"
    "$<$<COMPILE_LANG_AND_ID:C,Clang>:${gmpsched_clang_split}>")
  target_link_options(${target} INTERFACE ${GMPSCHED_SPLIT_LINK_OPTIONS})
  if(GMPSCHED_WRAP_FILE)
    target_link_options(${target} INTERFACE
      "$<BUILD_INTERFACE:-Wl,@${GMPSCHED_WRAP_FILE}>"
      "$<INSTALL_INTERFACE:-Wl,@$<INSTALL_PREFIX>/${CMAKE_INSTALL_LIBDIR}/gmpsched/wraps.rsp>")
  endif()
endfunction()

function(gmpsched_library target)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    # The switch pushes onto the stack behind the compiler's back (src/context/fiber.hpp).
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-mno-red-zone>)
  endif()
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_compile_definitions(${target} PRIVATE
    GMPSCHED_VERSION="${PROJECT_VERSION}"
    GMPSCHED_SPLIT_STACKS=${GMPSCHED_SPLIT_STACKS}
    $<$<BOOL:${GMPSCHED_DEBUG_CHECKS}>:GMPSCHED_DEBUG_CHECKS=1>
    $<$<BOOL:${GMPSCHED_BENCH_WITHOUT_PIN}>:GMPSCHED_BENCH_WITHOUT_PIN=1>
    $<$<BOOL:${gmpsched_uring_sources}>:GMPSCHED_IO_URING=1>)
  target_link_libraries(${target} PUBLIC Threads::Threads PRIVATE "$<BUILD_INTERFACE:gmpsched_warnings>")
  set_target_properties(${target} PROPERTIES OUTPUT_NAME gmpsched
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
    VERSION "${PROJECT_VERSION}" SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
  # Reading these is most of a file's time. Each file still includes what it uses.
  target_precompile_headers(${target} PRIVATE
    <algorithm> <chrono> <exception> <functional> <memory> <mutex> <new> <optional> <stdexcept> <stop_token> <string>
    <system_error> <thread> <tuple> <utility> <vector>)
endfunction()

function(gmpsched_link_dependencies target)
  target_link_libraries(${target} PRIVATE Boost::context)
  if(gmpsched_uring_sources AND GMPSCHED_LIBURING_FOUND)
    target_link_libraries(${target} PRIVATE PkgConfig::GMPSCHED_LIBURING)
  endif()
endfunction()

# Code for a shared library that still inlines its own functions and reaches its thread_locals in one instruction.
function(gmpsched_position_independent target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-semantic-interposition;-ftls-model=initial-exec>)
endfunction()

# All files that run on Gs, compiled alike. A precompiled header counts among the objects.
set(gmpsched_g_object_files "$<FILTER:$<TARGET_OBJECTS:gmpsched_g_objects>,EXCLUDE,[.](gch|pch)$>")
function(gmpsched_add_g_objects)
  add_library(gmpsched_g_objects OBJECT ${gmpsched_g_sources})
  gmpsched_library(gmpsched_g_objects)
  target_compile_options(gmpsched_g_objects PRIVATE ${GMPSCHED_SPLIT_COMPILE_OPTIONS})
  gmpsched_link_dependencies(gmpsched_g_objects)
endfunction()

function(gmpsched_add_static)
  gmpsched_add_g_objects()
  add_library(gmpsched STATIC ${gmpsched_home_sources} ${gmpsched_g_object_files})
  gmpsched_library(gmpsched)
  gmpsched_link_dependencies(gmpsched)
  gmpsched_user_requirements(gmpsched)
  set(GMPSCHED_TARGETS gmpsched PARENT_SCOPE)
endfunction()

# The archive that goes with the shared library: forwarding stubs made from the library's objects, and per-program code.
function(gmpsched_add_nonshared)
  set(out "${CMAKE_CURRENT_BINARY_DIR}/forward")
  add_custom_command(OUTPUT "${out}/forward.S" "${out}/forward.rsp"
    COMMAND "${CMAKE_COMMAND}" "-DNM=${CMAKE_NM}" "-DOUT=${out}" -P "${PROJECT_SOURCE_DIR}/cmake/forward.cmake"
            -- "${gmpsched_g_object_files}"
    DEPENDS gmpsched_g_objects "${gmpsched_g_object_files}" "${PROJECT_SOURCE_DIR}/cmake/forward.cmake"
    COMMAND_EXPAND_LISTS VERBATIM)
  add_library(gmpsched_nonshared STATIC ${gmpsched_program_sources} "${out}/forward.S")
  gmpsched_library(gmpsched_nonshared)
  gmpsched_position_independent(gmpsched_nonshared)
  set_target_properties(gmpsched_nonshared PROPERTIES OUTPUT_NAME gmpsched_nonshared)
  target_link_libraries(gmpsched_shared PRIVATE gmpsched_nonshared)  # the library's own copy of __morestack and thunks
  target_link_options(gmpsched_shared PRIVATE "-Wl,@${out}/forward.rsp")
  target_link_libraries(gmpsched INTERFACE gmpsched_nonshared)
endfunction()

function(gmpsched_add_shared)
  gmpsched_add_g_objects()
  gmpsched_position_independent(gmpsched_g_objects)
  list(REMOVE_ITEM gmpsched_home_sources ${gmpsched_program_sources})
  add_library(gmpsched_shared SHARED ${gmpsched_home_sources} ${gmpsched_g_object_files})
  gmpsched_library(gmpsched_shared)
  gmpsched_position_independent(gmpsched_shared)
  gmpsched_link_dependencies(gmpsched_shared)
  gmpsched_user_requirements(gmpsched_shared)
  target_link_options(gmpsched_shared PRIVATE ${GMPSCHED_SPLIT_LINK_OPTIONS} -Wl,-Bsymbolic-functions)
  if(GMPSCHED_WRAP_FILE)
    target_link_options(gmpsched_shared PRIVATE "-Wl,@${GMPSCHED_WRAP_FILE}")
  endif()
  add_library(gmpsched INTERFACE)
  set(targets gmpsched gmpsched_shared)
  # The archive comes first, so that a program's calls go to its stubs.
  if(GMPSCHED_SPLIT_STACKS)
    gmpsched_add_nonshared()
    list(APPEND targets gmpsched_nonshared)
  endif()
  target_link_libraries(gmpsched INTERFACE gmpsched_shared)
  set(GMPSCHED_TARGETS ${targets} PARENT_SCOPE)
endfunction()

if(BUILD_SHARED_LIBS)
  gmpsched_add_shared()
else()
  gmpsched_add_static()
endif()
add_library(gmpsched::gmpsched ALIAS gmpsched)
