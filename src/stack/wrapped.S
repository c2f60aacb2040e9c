/* The thunks behind the linker's --wrap, one for each line of wrapped.def: `home malloc` there is an
   invocation of the macro `home` here. They count as split code, so calling one costs the caller nothing.
   One object for all: lld makes `__wrap_<symbol>` a weak reference when <symbol> is weak in its shared
   library, and those pull no archive members; the link line has --undefined=gmpsched_wrapped instead. */

#include "stack/morestack_macros.h"

.macro begin symbol
        .globl  __wrap_\symbol
        .hidden __wrap_\symbol
        .type   __wrap_\symbol, @function
        .p2align 4
__wrap_\symbol:
        .cfi_startproc
        stc                                     /* the mark of a split prologue: see indirect.S */
        .byte   0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0
.endm

.macro end_of symbol
        .cfi_endproc
        .size   __wrap_\symbol, .-__wrap_\symbol
.endm

.macro leaf symbol
        begin   \symbol
        jmp     *__real_\symbol@GOTPCREL(%rip)
        end_of  \symbol
.endm

.macro home symbol
        begin   \symbol
        mov     __real_\symbol@GOTPCREL(%rip), %r11
        jmp     gmpsched_on_home
        end_of  \symbol
.endm

/* Asks for a big segment as a split prologue would, for a frame and arguments of 0 bytes. */
.macro big symbol
        begin   \symbol
        lea     -SEG_ENOUGH(%rsp), %r10
        cmp     LIMIT, %r10
        ja      1f
        xor     %r10d, %r10d
        xor     %r11d, %r11d
        call    __morestack_non_split
        ret
1:      jmp     *__real_\symbol@GOTPCREL(%rip)
        end_of  \symbol
.endm

/* __cxa_throw on a G. Its own frame and .Lenter_home's would be one more than on a thread, in both of the
   unwinder's passes; so .Lraise does its work. For gdb's `catch throw` it has libstdc++'s probe
   libstdcxx:throw (object, type), in SystemTap's notes of version 3. */
#ifdef GMPSCHED_THROWS
.macro throw symbol
        begin   \symbol
        lea     -SEG_ENOUGH(%rsp), %r10
        cmp     LIMIT, %r10
        ja      1f
        mov     LIMIT, %rax
        test    %rax, %rax
        jz      1f
        segment_of_rax %rcx
        mov     %rsp, %rax
        sub     SEG_LOW(%rcx), %rax
        cmp     SEG_SPAN(%rcx), %rax
        jae     1f                              /* M3 */
2:      nop
        jmp     gmpsched_raise
1:      jmp     *__real_\symbol@GOTPCREL(%rip)
        .pushsection .note.stapsdt, "", @note
        .p2align 2
        .4byte  4f-3f, 6f-5f, 3
3:      .asciz  "stapsdt"
4:      .p2align 2
5:      .8byte  2b, _.stapsdt.base, 0           /* no semaphore */
        .asciz  "libstdcxx"
        .asciz  "throw"
        .asciz  "8@%rdi 8@%rsi"
6:      .p2align 2
        .popsection
        end_of  \symbol
.endm
        /* Tells how far a prelinked file was moved: where all probes' notes say it is. */
        .section .stapsdt.base, "aG", @progbits, .stapsdt.base, comdat
        .weak   _.stapsdt.base
        .hidden _.stapsdt.base
_.stapsdt.base:
        .space  1
        .size   _.stapsdt.base, 1
#else
.macro throw symbol
        home    \symbol
.endm
#endif

/* longjmp and its kin: gives back the segments that are left, puts the target's limit in force, and goes
   on on the home stack. glibc keeps the target's rsp at offset 48 of a jmp_buf, xored with %fs:0x30 and
   rotated left by 17. __longjmp_chk wants stack addresses to rise with the jump: on a G, longjmp does it. */
.macro jump symbol
        begin   \symbol
        lea     gmpsched_plain_\symbol(%rip), %rax
        jmp     gmpsched_jump
        end_of  \symbol
        .hidden gmpsched_plain_\symbol
        .type   gmpsched_plain_\symbol, @function
gmpsched_plain_\symbol:
        jmp     *__real_\symbol@GOTPCREL(%rip)
        .size   gmpsched_plain_\symbol, .-gmpsched_plain_\symbol
.endm

        .text
        .type   gmpsched_jump, @function
gmpsched_jump:
        .cfi_startproc
        cmpq    $0, %fs:0x70
        jne     1f
        jmp     *%rax
1:      push    %rdi
        .cfi_def_cfa_offset 16
        push    %rsi
        .cfi_def_cfa_offset 24
        pushq   %fs:0x70                        /* gmpsched_leave_segments replaces it */
        .cfi_def_cfa_offset 32
        mov     48(%rdi), %rax
        ror     $17, %rax
        xor     %fs:0x30, %rax
        push    %rax
        .cfi_def_cfa_offset 40
        mov     gmpsched_leave_segments@GOTPCREL(%rip), %rdi
        mov     %rsp, %rsi
        call    gmpsched_call_on_home
        mov     8(%rsp), %rax
        mov     16(%rsp), %rsi
        mov     24(%rsp), %rdi
        test    %rax, %rax
        jz      2f                              /* not on a G's segment: a signal handler, say */
        mov     gmpsched_current_stacks@gottpoff(%rip), %rcx
        mov     %fs:(%rcx), %rcx
        mov     (%rcx), %rsp                    /* home_sp: the real one needs more than is left here */
        and     $-16, %rsp
        sub     $8, %rsp
        mov     %rax, %fs:0x70
2:      jmp     *__real_longjmp@GOTPCREL(%rip)
        .cfi_endproc
        .size   gmpsched_jump, .-gmpsched_jump

        .globl  gmpsched_wrapped
        .hidden gmpsched_wrapped
gmpsched_wrapped:
        .include "stack/wrapped.def"

        .section .note.GNU-stack, "", @progbits
        .section .note.GNU-split-stack, "", @progbits
        .section .note.GNU-no-split-stack, "", @progbits
