/* The thunks behind the linker's --wrap, one for each line of wrapped.def: `home malloc` there is an
   invocation of the macro `home` here. They count as split code, so calling one costs the caller nothing.
   One object for all: lld makes `__wrap_<symbol>` a weak reference when <symbol> is weak in its shared
   library, and those pull no archive members; the link line has --undefined=gmpsched_wrapped instead. */

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

.macro big symbol
        begin   \symbol
        mov     __real_\symbol@GOTPCREL(%rip), %r11
        jmp     gmpsched_on_big
        end_of  \symbol
.endm

        .text
        .globl  gmpsched_wrapped
        .hidden gmpsched_wrapped
gmpsched_wrapped:
        .include "stack/wrapped.def"

        .section .note.GNU-stack, "", @progbits
        .section .note.GNU-split-stack, "", @progbits
        .section .note.GNU-no-split-stack, "", @progbits
