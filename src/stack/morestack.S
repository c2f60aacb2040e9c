/* Growing a stack, lending a big one, running on the M's own: the only code that moves rsp between
   segments. x86-64 ELF. Every user image links its own copy (it is in the nonshared archive).

   The compiler's contract. A split prologue calls __morestack with
       r10  bytes of the frame                 r11  bytes of arguments on the stack
       (%rsp)   R, an address in the prologue: a `ret` is there, the body starts at R + 1
       8(%rsp)  the return address to the function's caller; stack arguments above it
   and every argument register live: rax (vararg count, or the static chain gcc keeps there), rdi rsi rdx
   rcx r8 r9, xmm/ymm/zmm0-7. On the way out: rax rdx, xmm0-1, st0-1. No vector or x87 instruction is
   executed here, nor in the C code it calls (-mgeneral-regs-only), so those need no saving.

   The frame. All paths build the same one, on the stack that is left:
       CFA      rbp + 24
       rbp+16   return address to the caller (what the unwinder sees as this frame's)
       rbp+8    R, or the target of an indirect or wrapped call; not there in .Lraise and .Lalloca_on_home
       rbp      the caller's rbp
       rbp-8    the stack limit in force before                     } read by
       rbp-16   the segment taken, 0 if none                        } gmpsched_split_personality
       rbp-24.. rax rcx rdx rsi rdi (r10 r11: borrowing path only)
   `.cfi_def_cfa_offset 16` at the entry makes the unwinder skip R: it would otherwise look up a pc inside
   a prologue, outside of the C++ call-site table, and call std::terminate.

   Everything that calls on another stack lies inside the symbol __morestack: gdb accepts a caller whose
   frame is not above its callee's only for a function of that name.

   M1  A segment is in a cache, or reachable from %fs:0x70 over SEG_LINK, or lent as an alloca block: never
       two of them.
   M2  Caches are touched by their own thread only, and never by a signal handler: one that runs split
       code stands outside of the current segment (it is on the signal stack) and is run in place.
   M3  The decision "on a G's segment" is always rsp - low < span of the current segment, never limit != 0
       alone: handlers, and the unwinder after our personality has restored a limit, run elsewhere. */
#include "stack/morestack_macros.h"

        .text

/* -mcmodel=large: r10 holds both sizes, r11 the address of __morestack. */
        .globl  __morestack_large_model
        .hidden __morestack_large_model
        .type   __morestack_large_model, @function
        .p2align 4
__morestack_large_model:
        .cfi_startproc
        .cfi_def_cfa_offset 16
        mov     %r10, %r11
        and     $0xffffffff, %r10d
        sar     $32, %r11
        jmp     __morestack
        .cfi_endproc
        .size   __morestack_large_model, .-__morestack_large_model

/* A wrapped function of the home class: r11 = the real one, register arguments only, so rax (no vararg
   function with vector arguments is wrapped) and r10 (no static chain) are free. */
        .globl  gmpsched_on_home
        .hidden gmpsched_on_home
        .type   gmpsched_on_home, @function
        .p2align 4
gmpsched_on_home:
        .cfi_startproc
        lea     -SEG_ENOUGH(%rsp), %r10         /* enough room, or no limit at all: right here */
        cmp     LIMIT, %r10
        ja      1f
        mov     LIMIT, %r10
        test    %r10, %r10
        jz      1f
        testb   $SEG_BIG_BIT, %r10b
        jnz     2f
        lea     -SEG_LIMIT_OFFSET(%r10), %rax
3:      mov     %rsp, %r10
        sub     SEG_LOW(%rax), %r10
        cmp     SEG_SPAN(%rax), %r10
        jae     1f                              /* M3 */
        home_sp_to_rax
        push    %r11
        .cfi_def_cfa_offset 16
        jmp     .Lenter_home
        .cfi_def_cfa_offset 8
1:      jmp     *%r11
2:      mov     %r10, %rax
        shr     $12, %rax
        and     $SEG_ARENA_TABLE_MASK, %eax
        and     $-SEG_ARENA_BYTES, %r10
        add     %r10, %rax
        jmp     3b
        .cfi_endproc
        .size   gmpsched_on_home, .-gmpsched_on_home

/* void gmpsched_call_on_home(void (*fn)(void*), void* arg) */
        .globl  gmpsched_call_on_home
        .hidden gmpsched_call_on_home
        .type   gmpsched_call_on_home, @function
        .p2align 4
gmpsched_call_on_home:
        .cfi_startproc
        mov     %rdi, %r11
        mov     %rsi, %rdi
        jmp     gmpsched_on_home
        .cfi_endproc
        .size   gmpsched_call_on_home, .-gmpsched_call_on_home

#ifdef GMPSCHED_THROWS
/* The end of a throw's thunk (wrapped.S): rdi rsi rdx as for __cxa_throw, on a G's segment. */
        .globl  gmpsched_raise
        .hidden gmpsched_raise
        .type   gmpsched_raise, @function
        .p2align 4
gmpsched_raise:
        .cfi_startproc
        jmp     .Lraise
        .cfi_endproc
        .size   gmpsched_raise, .-gmpsched_raise
#endif

/* (%rsp) = target, 8(%rsp) = return address: from the indirect-call thunks. */
        .globl  gmpsched_borrow
        .hidden gmpsched_borrow
        .type   gmpsched_borrow, @function
gmpsched_borrow:
        .cfi_startproc
        .cfi_def_cfa_offset 16
        jmp     .Lborrow
        .cfi_endproc
        .size   gmpsched_borrow, .-gmpsched_borrow

/* The same, for a target seen for the first time. */
        .globl  gmpsched_learn
        .hidden gmpsched_learn
        .type   gmpsched_learn, @function
gmpsched_learn:
        .cfi_startproc
        .cfi_def_cfa_offset 16
        jmp     .Llearn
        .cfi_endproc
        .size   gmpsched_learn, .-gmpsched_learn

/* void* __morestack_allocate_stack_space(size_t): memory that lives as long as the caller's frame.
   On a segment it comes from elsewhere, and the caller's rsp is lowered by rdx (16, or 0 when there is
   no room left): code after a dynamic allocation cannot assume anything of rsp, and that makes blocks
   of frames that are gone recognizable (segment.cpp: free_dead_blocks). Elsewhere: lower rsp by all. */
        .globl  __morestack_allocate_stack_space
        .hidden __morestack_allocate_stack_space
        .type   __morestack_allocate_stack_space, @function
        .p2align 4
__morestack_allocate_stack_space:
        .cfi_startproc
        mov     LIMIT, %rax
        test    %rax, %rax
        jz      1f
        segment_of_rax %rcx
        mov     %rsp, %rdx
        sub     SEG_LOW(%rcx), %rdx
        cmp     SEG_SPAN(%rcx), %rdx
        jae     1f
        mov     %rcx, %rdx
        lea     8(%rsp), %rsi
        call    .Lalloca_on_home         /* rdi size, rsi caller's rsp, rdx segment */
        mov     (%rsp), %rcx
        sub     %rdx, %rsp
        mov     %rcx, (%rsp)
        ret
1:      mov     (%rsp), %rcx
        lea     15(%rdi), %rax
        and     $-16, %rax
        lea     8(%rsp), %rdx
        sub     %rax, %rdx
        mov     %rdx, %rax
        lea     -8(%rdx), %rsp
        mov     %rcx, (%rsp)
        ret
        .cfi_endproc
        .size   __morestack_allocate_stack_space, .-__morestack_allocate_stack_space

/* The linker sends every function here that calls code it knows not to be split. */
        .globl  __morestack_non_split
        .hidden __morestack_non_split
        .type   __morestack_non_split, @function
        .p2align 4
__morestack_non_split:
        .cfi_startproc
        .cfi_def_cfa_offset 16
        /* Enough room where we are, or no limit at all: straight into the body. rax may be live. */
        neg     %r10
        lea     -SEG_ENOUGH(%rsp,%r10), %r10
        cmp     LIMIT, %r10
        jbe     .Llend_big
        test    %r11, %r11
        jnz     1f
        /* Called like any function, so that calls and returns stay paired (rsp is aligned as at the entry
           of the function). With arguments on the stack that would displace them. */
        mov     (%rsp), %r11
        inc     %r11
        call    *%r11
        ret                                     /* to the `ret` at R */
1:      incq    (%rsp)                          /* not where the return is predicted to go: 5 ns */
        ret
        .cfi_endproc
        .size   __morestack_non_split, .-__morestack_non_split

/* ------------------------------------------------------------------------------------------------ */
        .globl  __morestack
        .hidden __morestack
        .type   __morestack, @function
        .p2align 5
__morestack:
        begin_path 16

        enter_frame .Lin_place
        movzbl  SEG_NEXT_CLASS(%rcx), %esi
.Lmove:
        take_segment
        copy_arguments
        mov     SEG_LIMIT(%rax), %rax
        mov     8(%rbp), %r11
        inc     %r11
        mov     %rax, LIMIT
        mov     %rcx, %rsp
        mov     -24(%rbp), %rax
        mov     -32(%rbp), %rcx
        mov     -40(%rbp), %rdx
        mov     -48(%rbp), %rsi
        mov     -56(%rbp), %rdi
        .cfi_remember_state
        call    *%r11
        give_segment
        ret                                     /* to the `ret` at R: calls and returns stay paired */

        .cfi_restore_state
.Lin_place:                                     /* not on a segment: the body runs where it is */
        drop_frame
        incq    (%rsp)
        ret

.Llend_big:                                     /* r10 = rsp - SEG_ENOUGH - frame */
        neg     %r10
        add     %rsp, %r10                      /* frame + SEG_ENOUGH: what is needed */
        enter_frame .Lin_place
        mov     $SEG_CLASS_BIG, %esi
        jmp     .Lmove

/* A call whose target may need more than is left: indirect calls, wrapped functions of the big class.
   (%rsp) = target, 8(%rsp) = return address; every register may be live, r10 and r11 too. */
        .cfi_endproc
.Lborrow:
        begin_path 16
        enter_frame .Lborrow_in_place
        push    %r10
        push    %r11
        pushq   $0                              /* rbp-80: the new rsp */
        /* How many bytes of arguments there are is unknown: all up to the segment's top, bounded. */
        mov     SEG_LOW(%rcx), %r11
        add     SEG_SPAN(%rcx), %r11
        sub     %rbp, %r11
        sub     $24, %r11
        mov     $SEG_COPY_MOST, %r10d
        cmp     %r10, %r11
        cmova   %r10, %r11
        and     $-8, %r11
        mov     $SEG_ENOUGH, %r10d
        mov     $SEG_CLASS_BIG, %esi
        take_segment
        copy_arguments
        mov     %rcx, -80(%rbp)
        mov     SEG_LIMIT(%rax), %rax
        mov     %rax, LIMIT
        mov     -24(%rbp), %rax
        mov     -32(%rbp), %rcx
        mov     -40(%rbp), %rdx
        mov     -48(%rbp), %rsi
        mov     -56(%rbp), %rdi
        mov     -64(%rbp), %r10
        mov     -72(%rbp), %r11
        mov     -80(%rbp), %rsp
        .cfi_remember_state
        call    *8(%rbp)
        give_segment
        lea     8(%rsp), %rsp
        .cfi_def_cfa_offset 8
        ret

        .cfi_restore_state
.Lborrow_in_place:                              /* rdx rsi rdi are still as they were */
        drop_frame
        lea     8(%rsp), %rsp
        .cfi_def_cfa_offset 8
        jmp     *-8(%rsp)                       /* in the red zone, which signal frames spare */

/* As .Lborrow, but asks C first whether the target needs any stack. */
        .cfi_endproc
.Llearn:
        begin_path 16
        enter_frame .Lborrow_in_place
        home_sp_to_rax
        test    %rax, %rax
        jz      .Lno_home
        and     $-16, %rax
        mov     8(%rbp), %rdi
        mov     %rax, %rsp
        call_c  gmpsched_learn_target
        mov     -8(%rbp), %rcx
        mov     %rcx, LIMIT
        mov     -40(%rbp), %rdx
        mov     -48(%rbp), %rsi
        mov     -56(%rbp), %rdi
        test    %al, %al
        jnz     .Lborrow_in_place
        .cfi_remember_state
        drop_frame
        jmp     .Lborrow
        .cfi_restore_state
/* rax = the M's home_sp; (%rsp) = target with register arguments only, 8(%rsp) = return address. */
        .cfi_endproc
.Lenter_home:
        begin_path 16
        enter_home 16
        call    *8(%rbp)
        mov     -8(%rbp), %rcx
        mov     %rcx, LIMIT
        mov     %rbp, %rsp
        .cfi_def_cfa_register %rsp
        pop     %rbp
        .cfi_restore %rbp
        .cfi_def_cfa_offset 16
        lea     8(%rsp), %rsp
        .cfi_def_cfa_offset 8
        ret

#ifdef GMPSCHED_THROWS
/* Raises from here what __cxa_throw would from a frame of its own: the unwinder passes as many frames
   as on a thread. Called with a plain return address: CFA = rsp + 8. */
        .cfi_endproc
.Lraise:
        begin_path 8
        home_sp_to_rax
        enter_home 8
        call    gmpsched_begin_throw@PLT
        push    %rax
        push    %rax
        mov     %rax, %rdi
        call    *__real__Unwind_RaiseException@GOTPCREL(%rip)
        mov     (%rsp), %rdi
        call    gmpsched_throw_failed@PLT
        ud2
#endif

/* Called with a plain return address, too. */
        .cfi_endproc
.Lalloca_on_home:
        begin_path 8
        home_sp_to_rax
        enter_home 8
        call    gmpsched_alloca_block@PLT
        mov     -8(%rbp), %rcx
        mov     %rcx, LIMIT
        mov     %rbp, %rsp
        .cfi_def_cfa_register %rsp
        pop     %rbp
        .cfi_restore %rbp
        .cfi_def_cfa_offset 8
        ret

.Lno_home:                                      /* limit set, but no M below: a bug of ours */
        movq    $0, LIMIT
        and     $-16, %rsp
        call    gmpsched_no_home@PLT
        ud2
        .cfi_endproc
        .size   __morestack, .-__morestack

        .section .data.rel.ro.gmpsched, "aw", @progbits
        .p2align 3
gmpsched_split_personality_ref:
        .quad   gmpsched_split_personality

        .section .note.GNU-stack, "", @progbits
        .section .note.GNU-split-stack, "", @progbits
        .section .note.GNU-no-split-stack, "", @progbits
