// Reading all of the process's own memory, as it is.
#pragma once

#include <cstdint>

namespace gmp::detail {

// Called for each word of memory that could be a pointer to something in [least, most].
struct word_search {
  std::uintptr_t least;
  std::uintptr_t most;
  void (*found)(std::uintptr_t at, std::uintptr_t value, void* arg);
  void* arg;
};

// Looks through every page that is in use and writable: data, heap, stacks, whatever was mapped.
// Other threads go on meanwhile. False: the memory could not be read. On a thread's own stack.
bool search_memory(const word_search& wanted) noexcept;

}  // namespace gmp::detail
