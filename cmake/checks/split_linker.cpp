// Linked at configure time and never run: does the linker turn the __morestack call of a split
// function that calls into a shared library into a call of __morestack_non_split?
#include <cstdio>

asm(R"(
  .text
  .globl __morestack, __morestack_non_split
  .type __morestack, @function
__morestack: ret
  .size __morestack, . - __morestack
  .type __morestack_non_split, @function
__morestack_non_split: ret
  .size __morestack_non_split, . - __morestack_non_split
)");

[[gnu::noinline]] int calls_libc(const char* text) { return std::puts(text) + 1; }

int main(int, char** argv) { return calls_libc(argv[0]); }
