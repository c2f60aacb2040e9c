/* Numbers that morestack.S and C++ share; segment.cpp asserts that the structs agree with them.
   Preprocessor only: this file is included by assembly. */
#ifndef GMPSCHED_STACK_LAYOUT_H
#define GMPSCHED_STACK_LAYOUT_H

/* struct segment */
#define SEG_LOW 0        /* lowest address that belongs to the segment */
#define SEG_SPAN 8       /* bytes from there to its top */
#define SEG_LIMIT 16     /* what %fs:0x70 holds while this segment is in use */
#define SEG_LINK 24      /* in use: limit of the segment before it; free: the next free one */
#define SEG_FIRST 32     /* the G's first segment */
#define SEG_COST 40      /* bytes it counts for; in a first segment: bytes the G may still take */
#define SEG_BLOCKS 48    /* memory for alloca, newest first */
#define SEG_CLASS 56     /* byte: its size class */
#define SEG_NEXT_CLASS 57 /* byte: the class to grow into from here */
#define SEG_HEADER_BYTES 64

/* limit - SEG_LIMIT_OFFSET is the header of an ordinary segment:
   [ header 64 | canary 8 | reserve 440 | limit: room ... top ].
   What may lie below the limit without a check, at worst: a frame of 256 bytes (both compilers compare
   rsp itself below that), 56 more when its locals are aligned to 64, 16 of __morestack_allocate_stack_space,
   then either 8 + 80 (a return address and the deepest of this library's own frames) or the red zone of
   a leaf (128, with or without a prologue of its own). 256 + 56 + 128 = 440 is the largest sum that one
   compiler can produce: gcc gives every leaf a prologue, clang counts alignment in the frame. */
#define SEG_RESERVE 440
#define SEG_LIMIT_OFFSET 512

/* A big segment has its header in a table at the start of its arena, so that a G parked on one touches
   only the pages of the frames. Bit 3 of the limit tells: ordinary limits are multiples of 16. */
#define SEG_BIG_BIT 8
#define SEG_BIG_SHIFT 18                       /* 256 KiB of address space each */
#define SEG_ARENA_BYTES 0x4000000              /* 64 MiB, aligned to its size: 256 of them, 0 has the table */
#define SEG_ARENA_TABLE_MASK 0x3fc0            /* (limit >> 12) & this: the offset in the table */

/* Room in the segment in use from which on non-split code runs right there. The link line must say the
   same: --split-stack-adjust-size=65536. */
#define SEG_ENOUGH 65536

/* Size classes: 4 KiB << class for 0..8 (1 MiB), then: */
#define SEG_CLASS_LARGEST 8
#define SEG_CLASS_BIG 9
#define SEG_CLASS_HUGE 10   /* made for one frame that no class fits */
#define SEG_CLASS_FIRST 11

/* struct thread_stacks */
#define THREAD_HOME_SP 0
#define THREAD_CACHED 8
#define THREAD_VACANCIES 104

/* Bytes a frame needs above its own frame and arguments: limit offset, return address, alignment. */
#define SEG_SLACK (SEG_LIMIT_OFFSET + 64)

/* How many bytes above the return address an indirect call copies at most to a big segment. */
#define SEG_COPY_MOST 4096

#endif
