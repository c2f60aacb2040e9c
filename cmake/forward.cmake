# Run at build time: cmake -DNM=... -DOUT=... -P forward.cmake -- OBJECTS...
#
# A call from a program's split code into a shared library counts as a call into code without split stacks and
# borrows a big segment. For every function that the objects (all of them split) offer in namespace gmp, this writes
#   OUT/forward.rsp  link options for the library: a second name, gmpsched_forward_<name>
#   OUT/forward.S    code for the program: <name> itself, hidden, which jumps to the second one
# so that the program's calls stay calls between split functions.

set(objects "")
set(past_separator OFF)
foreach(index RANGE ${CMAKE_ARGC})
  if(past_separator AND NOT "${CMAKE_ARGV${index}}" STREQUAL "")
    list(APPEND objects "${CMAKE_ARGV${index}}")
  elseif("${CMAKE_ARGV${index}}" STREQUAL "--")
    set(past_separator ON)
  endif()
endforeach()

execute_process(COMMAND "${NM}" --defined-only --extern-only ${objects}
                OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL " T _ZNK?3gmp[^\n]+" names "${listing}")
list(TRANSFORM names REPLACE "^ T " "")
list(REMOVE_DUPLICATES names)
list(SORT names)

set(options "")
set(code "// Made by cmake/forward.cmake.\n  .text\n")
foreach(name IN LISTS names)
  string(APPEND options "--defsym=gmpsched_forward_${name}=${name}\n")
  string(APPEND code "  .globl ${name}\n  .hidden ${name}\n  .type ${name}, @function\n${name}:\n"
         "  jmp *gmpsched_forward_${name}@GOTPCREL(%rip)\n  .size ${name}, . - ${name}\n")
endforeach()
string(APPEND code "  .section .note.GNU-split-stack, \"\", @progbits\n"
       "  .section .note.GNU-no-split-stack, \"\", @progbits\n"
       "  .section .note.GNU-stack, \"\", @progbits\n")
file(WRITE "${OUT}/forward.rsp" "${options}")
file(WRITE "${OUT}/forward.S" "${code}")
