# The targets. In src/, folder and name decide how a file is compiled (GMPSCHED_ORDINARY below).
#
#   gmpsched             static: the library itself. shared: both of the next two, in this order
#   gmpsched_nonshared   (shared, segmented) what must be inside every linked program: stubs, thunks
#   gmpsched_shared      (shared) libgmpsched.so

file(GLOB_RECURSE gmpsched_sources CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
     "${PROJECT_SOURCE_DIR}/src/*.cpp" "${PROJECT_SOURCE_DIR}/src/*.S")
set(gmpsched_nonshared_sources ${gmpsched_sources})
list(FILTER gmpsched_nonshared_sources INCLUDE REGEX "^src/nonshared/")
list(FILTER gmpsched_sources EXCLUDE REGEX "^src/nonshared/")

# Compiled without split stacks: code that runs on a thread's own stack. All other files of src/ run
# on Gs, and so does user code.
set(GMPSCHED_ORDINARY "^src/(base|stack|queue|runtime)/|_g0\\.cpp$|\\.S$")
if(GMPSCHED_SPLIT_STACKS)
  set(gmpsched_split_sources ${gmpsched_sources} ${gmpsched_nonshared_sources})
  list(FILTER gmpsched_split_sources EXCLUDE REGEX "${GMPSCHED_ORDINARY}")
  set_source_files_properties(${gmpsched_split_sources} PROPERTIES
    COMPILE_OPTIONS "${GMPSCHED_SPLIT_COMPILE_OPTIONS}")
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
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_compile_definitions(${target} PRIVATE
    GMPSCHED_VERSION="${PROJECT_VERSION}"
    GMPSCHED_SPLIT_STACKS=${GMPSCHED_SPLIT_STACKS}
    $<$<BOOL:${GMPSCHED_DEBUG_CHECKS}>:GMPSCHED_DEBUG_CHECKS=1>
    $<$<BOOL:${gmpsched_uring_sources}>:GMPSCHED_IO_URING=1>)
  target_link_libraries(${target} PUBLIC Threads::Threads PRIVATE Boost::context
                        "$<BUILD_INTERFACE:gmpsched_warnings>")
  if(gmpsched_uring_sources AND GMPSCHED_LIBURING_FOUND)
    target_link_libraries(${target} PRIVATE PkgConfig::GMPSCHED_LIBURING)
  endif()
  set_target_properties(${target} PROPERTIES OUTPUT_NAME gmpsched POSITION_INDEPENDENT_CODE ON
    VERSION "${PROJECT_VERSION}" SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
endfunction()

if(BUILD_SHARED_LIBS)
  add_library(gmpsched_shared SHARED ${gmpsched_sources})
  gmpsched_library(gmpsched_shared)
  gmpsched_user_requirements(gmpsched_shared)
  target_link_options(gmpsched_shared PRIVATE ${GMPSCHED_SPLIT_LINK_OPTIONS})
  if(GMPSCHED_WRAP_FILE)
    target_link_options(gmpsched_shared PRIVATE "-Wl,@${GMPSCHED_WRAP_FILE}")
  endif()
  add_library(gmpsched INTERFACE)
  # The stubs come first, so that a program's calls go to them and not straight across the library's border.
  if(gmpsched_nonshared_sources AND GMPSCHED_SPLIT_STACKS)
    add_library(gmpsched_nonshared STATIC ${gmpsched_nonshared_sources})
    gmpsched_library(gmpsched_nonshared)
    set_target_properties(gmpsched_nonshared PROPERTIES OUTPUT_NAME gmpsched_nonshared)
    target_link_libraries(gmpsched INTERFACE gmpsched_nonshared)
    set(GMPSCHED_TARGETS gmpsched gmpsched_nonshared gmpsched_shared)
  else()
    set(GMPSCHED_TARGETS gmpsched gmpsched_shared)
  endif()
  target_link_libraries(gmpsched INTERFACE gmpsched_shared)
else()
  add_library(gmpsched STATIC ${gmpsched_sources})
  gmpsched_library(gmpsched)
  gmpsched_user_requirements(gmpsched)
  set(GMPSCHED_TARGETS gmpsched)
endif()
add_library(gmpsched::gmpsched ALIAS gmpsched)
