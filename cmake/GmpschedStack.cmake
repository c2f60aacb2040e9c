# Chooses the kind of stack and the options that it needs.
#
# In:  GMPSCHED_STACK (auto, segmented, reserved), the compiler, the flags of this build
# Out: GMPSCHED_STACK_KIND, GMPSCHED_STACK_WHY, GMPSCHED_LINKER,
#      GMPSCHED_SPLIT_STACKS (1 or 0),
#      GMPSCHED_SPLIT_COMPILE_OPTIONS, GMPSCHED_SPLIT_LINK_OPTIONS (empty when reserved)
#
# `auto` means segmented, unless this machine or a sanitizer rules that out. Flags that would make
# segmented stacks silently unsafe (GNU ld, LTO, CET) are refused and never worked around.

set(GMPSCHED_STACK "auto" CACHE STRING "Kind of stacks: auto, segmented or reserved")
set_property(CACHE GMPSCHED_STACK PROPERTY STRINGS auto segmented reserved)
if(NOT GMPSCHED_STACK MATCHES "^(auto|segmented|reserved)$")
  message(FATAL_ERROR "GMPSCHED_STACK is '${GMPSCHED_STACK}': use auto, segmented or reserved.")
endif()

# -maccumulate-outgoing-args: otherwise gcc pushes large arguments that are passed by value below a frame for whose size
# alone its split prologue has asked.
set(gmpsched_gcc_split -fsplit-stack -mindirect-branch=thunk-extern -fno-jump-tables
                       -fcf-protection=none -maccumulate-outgoing-args)
set(gmpsched_clang_split -fsplit-stack -mretpoline -mretpoline-external-thunk -fcf-protection=none)

string(TOUPPER "${CMAKE_BUILD_TYPE}" gmpsched_config)
get_directory_property(gmpsched_dir_options COMPILE_OPTIONS)
get_directory_property(gmpsched_dir_link_options LINK_OPTIONS)
string(JOIN " " gmpsched_flags "${CMAKE_CXX_FLAGS}" "${CMAKE_CXX_FLAGS_${gmpsched_config}}"
       ${gmpsched_dir_options})
string(JOIN " " gmpsched_link_flags "${gmpsched_flags}" "${CMAKE_EXE_LINKER_FLAGS}"
       "${CMAKE_SHARED_LINKER_FLAGS}" ${gmpsched_dir_link_options})

# What rules segmented stacks out altogether: a reason, or empty.
function(gmpsched_split_impossible out)
  set(reason "")
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" OR NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(reason "${CMAKE_SYSTEM_PROCESSOR} has no split stacks")
  elseif(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
    set(reason "${CMAKE_SYSTEM_NAME} has no split stacks")
  elseif(NOT CMAKE_CXX_COMPILER_ID MATCHES "^(GNU|Clang)$")
    set(reason "${CMAKE_CXX_COMPILER_ID} emits no split stacks")
  elseif(gmpsched_flags MATCHES "-fsanitize=([a-z,]+)")
    set(reason "sanitizers (${CMAKE_MATCH_1}) do not follow split stacks")
  endif()
  set(${out} "${reason}" PARENT_SCOPE)
endfunction()

# What makes segmented stacks unsafe without anybody noticing: refused with a way out.
function(gmpsched_refuse_unsafe_flags)
  set(way_out "or use reserved stacks: -DGMPSCHED_STACK=reserved")
  if(CMAKE_INTERPROCEDURAL_OPTIMIZATION OR gmpsched_link_flags MATCHES "(^| )-flto($|[ =])")
    message(FATAL_ERROR "gmpsched: link-time optimisation does not work with segmented stacks (the "
                        "linker cannot adjust functions it has not seen as machine code). Turn it "
                        "off (no -flto, CMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF), ${way_out}.")
  endif()
  string(REGEX MATCHALL "-fcf-protection(=[a-z]+)?" cet "${gmpsched_flags}")
  list(REMOVE_ITEM cet "-fcf-protection=none")
  if(cet OR gmpsched_link_flags MATCHES "-z,?(force-ibt|ibt|ibtplt|shstk|cet-report=error)")
    message(FATAL_ERROR "gmpsched: CET (-fcf-protection) does not work with segmented stacks (endbr64 "
                        "hides function prologues from the linker, shadow stacks know no segments). "
                        "Remove it or pass -fcf-protection=none, ${way_out}.")
  endif()
  if(gmpsched_link_flags MATCHES "-fuse-ld=([^ ]*bfd)" OR CMAKE_LINKER_TYPE STREQUAL "BFD")
    message(FATAL_ERROR "gmpsched: GNU ld (bfd) does not work with segmented stacks: it leaves calls "
                        "into ordinary code on a two-kilobyte segment. Install lld and remove "
                        "-fuse-ld=bfd (or say -fuse-ld=lld), ${way_out}.")
  endif()
endfunction()

# Links a split function that calls into libc and looks whether the linker adjusted it.
function(gmpsched_linker_adjusts linker options out)
  string(MAKE_C_IDENTIFIER "GMPSCHED_ADJUSTS_${linker}_${CMAKE_CXX_COMPILER}" cache_name)
  if(NOT DEFINED ${cache_name})
    set(base "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/gmpsched-split-${linker}")
    separate_arguments(flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS}")
    separate_arguments(link_flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_EXE_LINKER_FLAGS}")
    execute_process(
      COMMAND "${CMAKE_CXX_COMPILER}" ${flags} ${options} -c -o "${base}.o"
              "${PROJECT_SOURCE_DIR}/cmake/checks/split_linker.cpp"
      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(NOT failed)
      execute_process(COMMAND "${CMAKE_CXX_COMPILER}" ${link_flags} "-fuse-ld=${linker}" -o "${base}" "${base}.o"
                      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    endif()
    set(adjusts OFF)
    if(NOT failed)
      execute_process(COMMAND "${CMAKE_OBJDUMP}" -d --no-show-raw-insn "${base}"
                      OUTPUT_VARIABLE code ERROR_QUIET)
      if(code MATCHES "call[q \t]+[0-9a-fx]+ <__morestack_non_split>")
        set(adjusts ON)
      endif()
    endif()
    set(${cache_name} ${adjusts} CACHE INTERNAL "Does ${linker} adjust split functions?")
  endif()
  set(${out} ${${cache_name}} PARENT_SCOPE)
endfunction()

# The first linker that adjusts split functions: the one that the flags name, else lld, else gold.
function(gmpsched_find_linker options out)
  set(candidates lld gold)
  if(gmpsched_link_flags MATCHES "-fuse-ld=([^ ]+)")
    set(candidates "${CMAKE_MATCH_1}")
  endif()
  set(${out} "" PARENT_SCOPE)
  foreach(linker IN LISTS candidates)
    gmpsched_linker_adjusts(${linker} "${options}" adjusts)
    if(adjusts)
      set(${out} ${linker} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

set(GMPSCHED_LINKER "")
set(GMPSCHED_STACK_KIND reserved)
if(GMPSCHED_STACK STREQUAL "reserved")
  set(GMPSCHED_STACK_WHY "asked for")
else()
  gmpsched_split_impossible(gmpsched_reason)
  if(NOT gmpsched_reason)
    gmpsched_refuse_unsafe_flags()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      set(gmpsched_split ${gmpsched_gcc_split})
    else()
      set(gmpsched_split ${gmpsched_clang_split})
    endif()
    gmpsched_find_linker("${gmpsched_split}" GMPSCHED_LINKER)
    if(NOT GMPSCHED_LINKER)
      set(gmpsched_reason "no linker here adjusts split functions (install lld)")
    endif()
  endif()
  if(NOT gmpsched_reason)
    set(GMPSCHED_STACK_KIND segmented)
    set(GMPSCHED_STACK_WHY "${CMAKE_CXX_COMPILER_ID} and ${GMPSCHED_LINKER} support split stacks")
  elseif(GMPSCHED_STACK STREQUAL "segmented")
    message(FATAL_ERROR "gmpsched: segmented stacks are not possible: ${gmpsched_reason}. "
                        "Change that, or use -DGMPSCHED_STACK=auto or reserved.")
  else()
    set(GMPSCHED_STACK_WHY "${gmpsched_reason}")
  endif()
endif()

set(GMPSCHED_SPLIT_STACKS 0)
set(GMPSCHED_SPLIT_COMPILE_OPTIONS "")
set(GMPSCHED_SPLIT_LINK_OPTIONS "")
if(GMPSCHED_STACK_KIND STREQUAL "segmented")
  set(GMPSCHED_SPLIT_STACKS 1)
  set(GMPSCHED_SPLIT_COMPILE_OPTIONS ${gmpsched_split})
  # Never -fsplit-stack here: the driver would then pull libgcc's own __morestack into the link.
  set(GMPSCHED_SPLIT_LINK_OPTIONS "-fuse-ld=${GMPSCHED_LINKER}" "-Wl,-z,now"
    "-Wl,--split-stack-adjust-size=65536")
endif()
