# How tests are declared.
#
#   gmpsched_add_test(unit SOURCES a.cpp b.cpp LABELS unit [PROCS 1 2 4 8] [TIMEOUT 120])
#
# makes one program and one ctest entry per source file (and per number of Ps, given to the program
# as GMPSCHED_PROCS). What uses support/sockets.hpp has an entry for each poller. A file ending in _nosplit.cpp stands for foreign code: it is compiled without
# split stacks.

set(GMPSCHED_TEST_ENVIRONMENT
    "ASAN_OPTIONS=detect_stack_use_after_return=0:allow_addr2line=1"
    "UBSAN_OPTIONS=print_stacktrace=1:allow_addr2line=1" "TSAN_OPTIONS=halt_on_error=1:allow_addr2line=1")

# One compiled prefix of headers for all test programs.
function(gmpsched_test_prefix_target)
  if(TARGET gmpsched_test_prefix)
    return()
  endif()
  set(file "${PROJECT_BINARY_DIR}/test_prefix.cpp")
  if(NOT EXISTS "${file}")
    file(WRITE "${file}" "// Carries the precompiled headers of the tests.\n")
  endif()
  add_library(gmpsched_test_prefix OBJECT "${file}")
  gmpsched_test_settings(gmpsched_test_prefix)
  # System headers alone: gcc takes a header of the project for another one when a compiler cache brings back a
  # precompiled header that was made from an older file.
  target_precompile_headers(gmpsched_test_prefix PRIVATE
    <gtest/gtest.h> <atomic> <chrono> <functional> <memory> <string> <thread> <vector>)
endfunction()

function(gmpsched_test_settings target)
  target_link_libraries(${target} PRIVATE gmpsched::gmpsched gmpsched_warnings GTest::gtest Boost::context)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests")
  # gcc 12 sees uninitialised members in every moved std::optional<std::unique_ptr>.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_compile_definitions(${target} PRIVATE
    $<$<BOOL:${GMPSCHED_DEBUG_CHECKS}>:GMPSCHED_DEBUG_CHECKS=1>)
  # The library under test has its own options; most of a test's building is the optimiser's work, at -Og least of all
  # with gcc. The checks of the undefined-behaviour sanitizer double it, those of every pointer above all: in a test
  # itself the address sanitizer meets a bad one. clang stays at -O2: there the tests see optimised callers.
  if(GMPSCHED_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
    if(GMPSCHED_SANITIZE MATCHES "undefined")
      target_compile_options(${target} PRIVATE -fno-sanitize=null,vptr,object-size)
    endif()
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Og)
  endif()
endfunction()

# Foreign code: compiled as any other library is.
function(gmpsched_unsplit_sources)
  foreach(source IN LISTS ARGN)
    if(source MATCHES "_nosplit\\.cpp$" AND GMPSCHED_STACK_KIND STREQUAL "segmented")
      set_source_files_properties("${source}" PROPERTIES SKIP_PRECOMPILE_HEADERS ON
        COMPILE_OPTIONS "-fno-split-stack;$<IF:$<CXX_COMPILER_ID:GNU>,-mindirect-branch=keep,-mno-retpoline>")
    endif()
  endforeach()
endfunction()

# The gtest filter that selects the suites of one source file; empty when it declares none.
function(gmpsched_suites_of source out)
  file(STRINGS "${source}" lines REGEX "^[ ]*(TYPED_)?TEST(_F|_P|_SUITE_P)?\\(")
  set(filter "")
  foreach(line IN LISTS lines)
    if(line MATCHES "TEST[A-Z_]*\\([ ]*([A-Za-z0-9_]+)")
      list(APPEND filter "${CMAKE_MATCH_1}.*" "*/${CMAKE_MATCH_1}.*" "${CMAKE_MATCH_1}/*")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES filter)
  list(JOIN filter ":" filter)
  set(${out} "${filter}" PARENT_SCOPE)
endfunction()

function(gmpsched_add_ctest_entry name program filter procs labels timeout)
  set(environment ${GMPSCHED_TEST_ENVIRONMENT} ${ARGN})
  if(procs)
    string(APPEND name ".procs${procs}")
    list(APPEND environment "GMPSCHED_PROCS=${procs}")
  endif()
  add_test(NAME "${GMPSCHED_TEST_PREFIX}${name}" COMMAND ${program} "--gtest_filter=${filter}" --gtest_brief=1)
  set_tests_properties("${GMPSCHED_TEST_PREFIX}${name}" PROPERTIES
    LABELS "${labels}" TIMEOUT ${timeout} ENVIRONMENT "${environment}")
endfunction()

function(gmpsched_add_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LABELS;PROCS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(NOT arg_PROCS)
    set(arg_PROCS 0)
  endif()
  gmpsched_test_prefix_target()
  set(program gmpsched_test_${name})
  add_executable(${program} ${arg_SOURCES})
  gmpsched_test_settings(${program})
  gmpsched_unsplit_sources(${arg_SOURCES})
  target_link_libraries(${program} PRIVATE GTest::gtest_main)
  target_precompile_headers(${program} REUSE_FROM gmpsched_test_prefix)

  set(seen "")
  foreach(source IN LISTS arg_SOURCES)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
    gmpsched_suites_of("${source}" filter)
    cmake_path(GET source STEM stem)
    if(filter)
      list(APPEND seen "${filter}")
      file(STRINGS "${source}" polls REGEX "support/sockets.hpp" LIMIT_COUNT 1)
      foreach(procs IN LISTS arg_PROCS)
        gmpsched_add_ctest_entry("${name}.${stem}" ${program} "${filter}" "${procs}" "${arg_LABELS}" ${arg_TIMEOUT})
        if(polls AND gmpsched_uring_sources)
          gmpsched_add_ctest_entry("${name}.${stem}.io_uring" ${program} "${filter}" "${procs}" "${arg_LABELS}"
            ${arg_TIMEOUT} "GMPSCHED_POLLER=io_uring")
        endif()
      endforeach()
    endif()
  endforeach()
  # Tests made by macros of their own: nothing is left out.
  list(JOIN seen ":" seen)
  gmpsched_add_ctest_entry("${name}.rest" ${program} "-${seen}" "0" "${arg_LABELS}" ${arg_TIMEOUT})
endfunction()

# All of tests/<name>: by its own CMakeLists.txt, or as one program of all its files.
function(gmpsched_add_test_folder name)
  set(folder "${CMAKE_CURRENT_SOURCE_DIR}/${name}")
  if(EXISTS "${folder}/CMakeLists.txt")
    add_subdirectory(${name})
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cpp")
  if(GMPSCHED_TEST_FILES)
    list(FILTER sources INCLUDE REGEX "/tests/(${GMPSCHED_TEST_FILES})")
  endif()
  if(sources)
    gmpsched_add_test(${name} SOURCES ${sources} LABELS ${name} ${ARGN})
  endif()
endfunction()

# Each protocol model is one test; without spin they are skipped.
function(gmpsched_add_models)
  file(GLOB models CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/model/*.pml")
  foreach(model IN LISTS models)
    cmake_path(GET model STEM stem)
    set(name "${GMPSCHED_TEST_PREFIX}model.${stem}")
    add_test(NAME "${name}" COMMAND "${CMAKE_CURRENT_SOURCE_DIR}/model/run.sh" "${CMAKE_CURRENT_BINARY_DIR}/model" ${stem})
    set_tests_properties("${name}" PROPERTIES LABELS model TIMEOUT 300 SKIP_RETURN_CODE 77)
  endforeach()
endfunction()
