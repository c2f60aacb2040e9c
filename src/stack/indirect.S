/* __x86_indirect_thunk_<reg>: where the compiler sends every indirect call and jump of split code
   (-mindirect-branch=thunk-extern, or clang's -mretpoline-external-thunk). The linker cannot see whether
   such a target is split, so the thunk decides:
     1. enough room below rsp, or no limit: jump. (One lea, one compare: about 1 ns.)
     2. the target begins with a split prologue: jump, it looks after itself.
     3. the target is known to need no stack (leaf.cpp): jump.
     4. else: gmpsched_borrow runs it on a big segment.
   Entered by call and, for tail calls, by jmp; in both cases (%rsp) is where the target must return.
   Every register may be live: rax counts vararg vectors, r10 is the static chain, r11 may be the target
   itself. Only the flags and, unless it is the target, r11 are free.

   A split prologue, as gcc 12 and clang 16 write it, may begin with endbr64 and then has one of
     64 48 3b 24  cmp %fs:0x70,%rsp
     f9 0f 1f 84  stc; nopl ...            the same, rewritten by gold or lld
     4c 8d 9c 24  lea -N(%rsp),%r11  ... 64 4c 3b 1c  cmp %fs:0x70,%r11   8 bytes further on
     4c 8d 94 24  lea -N(%rsp),%r10  ... 64 4c 3b 14  cmp %fs:0x70,%r10
   Four bytes are compared at a time; a function is at least that far from the end of its mapping. */
#include "stack/layout.h"

#define LIMIT %fs:0x70

.macro thunk_for reg
        .globl  __x86_indirect_thunk_\reg
        .hidden __x86_indirect_thunk_\reg
        .type   __x86_indirect_thunk_\reg, @function
        .p2align 5
__x86_indirect_thunk_\reg:
        .cfi_startproc
.ifc \reg, r11
        lea     -SEG_ENOUGH(%rsp), %rsp         /* flags only; nothing is written down there */
        .cfi_def_cfa_offset SEG_ENOUGH + 8
        cmp     LIMIT, %rsp
        lea     SEG_ENOUGH(%rsp), %rsp
        .cfi_def_cfa_offset 8
.else
        lea     -SEG_ENOUGH(%rsp), %r11
        cmp     LIMIT, %r11
.endif
        jbe     1f
        jmp     *%\reg
1:      cmpl    $0x243b4864, (%\reg)
        jne     2f
        jmp     *%\reg
2:      push    %\reg
        .cfi_def_cfa_offset 16
        jmp     gmpsched_indirect_slow
        .cfi_endproc
        .size   __x86_indirect_thunk_\reg, .-__x86_indirect_thunk_\reg
.endm

        .text
.irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        thunk_for \reg
.endr

/* (%rsp) = target. The rarer forms of a prologue. */
        .globl  gmpsched_indirect_slow
        .hidden gmpsched_indirect_slow
        .type   gmpsched_indirect_slow, @function
        .p2align 4
gmpsched_indirect_slow:
        .cfi_startproc
        .cfi_def_cfa_offset 16
        push    %rax
        .cfi_def_cfa_offset 24
        mov     8(%rsp), %rax
        cmpl    $0xfa1e0ff3, (%rax)             /* endbr64 */
        jne     1f
        add     $4, %rax
        cmpl    $0x243b4864, (%rax)
        je      8f
1:      cmpl    $0x841f0ff9, (%rax)
        je      8f
        cmpl    $0x249c8d4c, (%rax)
        je      2f
        cmpl    $0x24948d4c, (%rax)
        jne     9f
        cmpl    $0x143b4c64, 8(%rax)
        je      8f
        jmp     9f
2:      cmpl    $0x1c3b4c64, 8(%rax)
        jne     9f
8:      pop     %rax
        .cfi_def_cfa_offset 16
        lea     8(%rsp), %rsp
        .cfi_def_cfa_offset 8
        jmp     *-8(%rsp)                       /* in the red zone, which signal frames spare */
        .cfi_def_cfa_offset 24
        /* Not split. Known to need no stack (leaf.cpp)? The table's word, xor the address, xor the code's
           bytes, is 1 << 47 for yes, 0 for no, anything else for unknown. */
9:      push    %rcx
        .cfi_def_cfa_offset 32
        mov     16(%rsp), %rax
        mov     %eax, %ecx
        shr     $4, %ecx
        and     $1023, %ecx
        shl     $3, %ecx
        add     gmpsched_leaf_table@GOTPCREL(%rip), %rcx
        mov     (%rcx), %rcx
        xor     %rax, %rcx
        movzwl  2(%rax), %eax
        shl     $48, %rax
        xor     %rax, %rcx
        jz      4f
        ror     $47, %rcx
        dec     %rcx
        pop     %rcx
        .cfi_def_cfa_offset 24
        jz      8b
        pop     %rax
        .cfi_def_cfa_offset 16
        jmp     gmpsched_learn
        .cfi_def_cfa_offset 32
4:      pop     %rcx
        .cfi_def_cfa_offset 24
        pop     %rax
        .cfi_def_cfa_offset 16
        jmp     gmpsched_borrow
        .cfi_endproc
        .size   gmpsched_indirect_slow, .-gmpsched_indirect_slow

        .section .note.GNU-stack, "", @progbits
        .section .note.GNU-split-stack, "", @progbits
        .section .note.GNU-no-split-stack, "", @progbits
