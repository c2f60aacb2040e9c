/* The steps that the paths of morestack.S are made of; see there for the frame and the invariants. */
#include "stack/layout.h"

#define LIMIT %fs:0x70

/* \header = segment whose limit is in rax (which is destroyed). */
.macro segment_of_rax header
        testb   $SEG_BIG_BIT, %al
        jnz     7f
        lea     -SEG_LIMIT_OFFSET(%rax), \header
        jmp     8f
7:      mov     %rax, \header
        shr     $12, \header
        and     $SEG_ARENA_TABLE_MASK, \header
        and     $-SEG_ARENA_BYTES, %rax
        add     %rax, \header
8:
.endm

/* A description of its own for each path, so that the unwinder has few rules to interpret. */
.macro begin_path offset
        .cfi_startproc
        .cfi_personality 0x9b, gmpsched_split_personality_ref
        .cfi_def_cfa_offset \offset
.endm

/* Builds the frame; then rax = limit, rcx = its segment. Jumps to \elsewhere when not on a segment. */
.macro enter_frame elsewhere
        push    %rbp
        .cfi_def_cfa_offset 24
        .cfi_offset %rbp, -24
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        pushq   LIMIT
        pushq   $0
        push    %rax
        push    %rcx
        push    %rdx
        push    %rsi
        push    %rdi
        mov     -8(%rbp), %rax
        test    %rax, %rax
        jz      \elsewhere
        segment_of_rax %rcx
        mov     %rbp, %rax
        sub     SEG_LOW(%rcx), %rax
        cmp     SEG_SPAN(%rcx), %rax
        jae     \elsewhere                      /* M3 */
.endm

.macro home_sp_to_rax
        mov     gmpsched_current_stacks@gottpoff(%rip), %rax
        mov     %fs:(%rax), %rax
        mov     THREAD_HOME_SP(%rax), %rax
.endm

/* Builds the frame without a segment, rbp+8 included or not (\bytes from the CFA to rsp), and goes to the
   M's own stack, where rax points. */
.macro enter_home bytes
        test    %rax, %rax
        jz      .Lno_home
        push    %rbp
        .cfi_def_cfa_offset \bytes + 8
        .cfi_offset %rbp, -(\bytes + 8)
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        pushq   LIMIT
        pushq   $0
        and     $-16, %rax
        mov     %rax, %rsp
        movq    $0, LIMIT
.endm

/* Undoes enter_frame as far as the segment is not changed: rax, rcx and rbp as at the entry. */
.macro drop_frame
        mov     -24(%rbp), %rax
        mov     -32(%rbp), %rcx
        mov     %rbp, %rsp
        .cfi_def_cfa_register %rsp
        pop     %rbp
        .cfi_restore %rbp
        .cfi_def_cfa_offset 16
.endm

/* Calls C on the home stack, where rsp is already; r8-r11 survive. */
.macro call_c function
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        movq    $0, LIMIT
        call    \function@PLT
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
.endm

/* In: rcx = segment in use, esi = class wanted, r10 = bytes of frame, r11 = bytes of arguments.
   Out: rax = segment taken, charged to the G and linked; r10, r11 as they were. */
.macro take_segment
        mov     gmpsched_current_stacks@gottpoff(%rip), %rdx
        mov     %fs:(%rdx), %rdx
        lea     SEG_SLACK(%r10,%r11), %rdi
        mov     THREAD_CACHED(%rdx,%rsi,8), %rax
        test    %rax, %rax
        jz      5f
        cmp     SEG_SPAN(%rax), %rdi
        ja      5f
        mov     SEG_FIRST(%rcx), %rcx
        mov     SEG_COST(%rax), %rdi
        cmp     %rdi, SEG_COST(%rcx)
        jl      4f
        sub     %rdi, SEG_COST(%rcx)
        mov     SEG_LINK(%rax), %rdi
        mov     %rdi, THREAD_CACHED(%rdx,%rsi,8)
        incw    THREAD_VACANCIES(%rdx,%rsi,2)
        mov     %rcx, SEG_FIRST(%rax)
        jmp     6f
4:      mov     -8(%rbp), %rax                  /* over the G's budget: let C decide */
        segment_of_rax %rcx
        lea     SEG_SLACK(%r10,%r11), %rdi
5:      /* C on the M's own stack: rdi = segment in use, esi = class, rdx = bytes needed. */
        mov     THREAD_HOME_SP(%rdx), %rax
        test    %rax, %rax
        jz      .Lno_home
        and     $-16, %rax
        mov     %rdi, %rdx
        mov     %rcx, %rdi
        mov     %rax, %rsp
        call_c  gmpsched_segment_grow
6:      mov     -8(%rbp), %rcx
        mov     %rcx, SEG_LINK(%rax)
        mov     %rax, -16(%rbp)                 /* from here on the personality gives it back */
.endm

/* Copies r11 bytes of stack arguments to the top of segment rax; rcx = the new rsp. */
.macro copy_arguments
        mov     SEG_LOW(%rax), %rdi
        add     SEG_SPAN(%rax), %rdi
        test    %r11, %r11
        jz      3f
        sub     %r11, %rdi
        and     $-16, %rdi
        lea     24(%rbp), %rsi
        lea     7(%r11), %rcx
        shr     $3, %rcx
        cmp     $32, %ecx
        ja      4f
2:      mov     -8(%rsi,%rcx,8), %rdx
        mov     %rdx, -8(%rdi,%rcx,8)
        dec     %ecx
        jnz     2b
        jmp     3f
4:      mov     %rdi, %rdx
        rep movsq
        mov     %rdx, %rdi
3:      mov     %rdi, %rcx
.endm

/* The callee has returned: rax, rdx and vector results are live; rcx rsi rdi r8-r11 are free. rsp is
   still on the segment. Gives it back and returns to the former limit. */
.macro give_segment
        mov     -16(%rbp), %rcx
        movzbl  SEG_CLASS(%rcx), %edi
        mov     gmpsched_current_stacks@gottpoff(%rip), %r8
        mov     %fs:(%r8), %r8
        cmpq    $0, SEG_BLOCKS(%rcx)
        jne     5f
        cmpw    $0, THREAD_VACANCIES(%r8,%rdi,2)
        je      5f
        decw    THREAD_VACANCIES(%r8,%rdi,2)
        mov     SEG_FIRST(%rcx), %rsi
        mov     SEG_COST(%rcx), %r9
        add     %r9, SEG_COST(%rsi)
        mov     THREAD_CACHED(%r8,%rdi,8), %r9
        mov     %r9, SEG_LINK(%rcx)
        mov     %rcx, THREAD_CACHED(%r8,%rdi,8)
        jmp     6f
5:      mov     THREAD_HOME_SP(%r8), %rsp
        and     $-16, %rsp
        push    %rax
        push    %rdx
        mov     %rcx, %rdi
        movq    $0, LIMIT
        call    gmpsched_segment_shrink@PLT
        pop     %rdx
        pop     %rax
6:      mov     -8(%rbp), %rcx
        mov     %rcx, LIMIT
        mov     %rbp, %rsp
        .cfi_def_cfa_register %rsp
        pop     %rbp
        .cfi_restore %rbp
        .cfi_def_cfa_offset 16
.endm
