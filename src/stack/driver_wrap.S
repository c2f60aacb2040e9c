// For programs that are compiled and linked by one command: with -fsplit-stack on it, the compiler driver adds
// --wrap=pthread_create, which would pull libgcc's own __morestack in beside ours. This answers the wrap first. Threads
// start with a stack limit of zero, so that there is nothing to do. Part of the static archives only (cmake/).
#if GMPSCHED_SPLIT_STACKS
  .text
  .globl __wrap_pthread_create
  .hidden __wrap_pthread_create
  .type __wrap_pthread_create, @function
  .weak __real_pthread_create
__wrap_pthread_create:
  jmp __real_pthread_create@PLT
  .size __wrap_pthread_create, . - __wrap_pthread_create

  .section .note.GNU-split-stack, "", @progbits
  .section .note.GNU-no-split-stack, "", @progbits
#endif
  .section .note.GNU-stack, "", @progbits
