/* src/debug/gmpsched-gdb.py inside every program: gdb loads it by itself where the user's
 * auto-load safe-path allows that. Not part of what is loaded to memory. */
        .section .debug_gdb_scripts, "MS", %progbits, 1
        .byte 4
        .ascii "gmpsched\n"
        .incbin "debug/gmpsched-gdb.py"
        .byte 0

/* Referred to by the scheduler, so that an archive's user has it. */
        .section .rodata
        .globl gmpsched_gdb_script
        .type gmpsched_gdb_script, %object
        .size gmpsched_gdb_script, 1
gmpsched_gdb_script:
        .byte 0
        .section .note.GNU-stack, "", %progbits
