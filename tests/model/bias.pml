/* BIAS: a spin lock whose word may name a thread, which then takes it without a locked instruction.
 *
 *   enter      word == my tag: section = lock; light_fence; word still my tag? inside : section = 0
 *   otherwise  seen = exchange(word, 1): 0 or my tag: mine; 1: wait; another's tag: heavy_fence,
 *              wait until that seat's section is not this lock: mine
 *   leave      inside a section: section = 0; else word = 0, or word = my tag (a bias begins)
 *
 * Threads 0 and 1 have seats, thread 2 has none until thread 0 has ended, whose seat it takes then.
 * Whether a lock is biased when it is freed (the streak) and whether a section has a place is
 * anybody's choice.
 *
 * BIAS1  at most one thread has the lock.
 * BIAS2  the next one sees everything the last one wrote.
 * BIAS3  every lock() comes to an end: no end state with a thread still waiting.
 *
 * Why it holds: the biased thread stores section, then loads the word; the other exchanges the
 * word, fences every thread, then loads the section. A section in a store buffer at the fence is
 * drained by it and waited for; one stored after it is followed by a load of the word that sees 1.
 * While the word is a tag only its thread can enter; who takes the tag away by the exchange is alone
 * in doing so, and all others see 1.
 *
 * Mutants: NO_HEAVY_FENCE, NO_LIGHT_FENCE (the word is read before the section is stored),
 * NO_SECOND_LOOK (what was read at first is enough), NO_WAIT (for the section), WORD_TOO (who leaves
 * a section frees the word as well), EARLY_SEAT (the seat changes hands while its thread is inside).
 */
#define NT 3
#define NL 4
#define BUF 3
#include "tso.h"

#define WORD 0
#define SECTION 1 /* + seat */
#define DATA 3
#define TAG(s) ((s) + 2)
#define NO_SEAT 9
#ifndef OPS
#define OPS 2
#endif

bit left; /* thread 0 has left its seat */
byte users, written; /* ghosts */

active [3] proctype thread() {
  byte me = _pid - 1;
  byte seat = (_pid == 3 -> NO_SEAT : me);
  byte n = 0;
  byte seen = 0;
  bit inside = 0;
  do
  :: n < OPS ->
    if
    :: me == 2 && left -> seat = 0
    :: true
    fi;
    if
    :: seat != NO_SEAT && LD(me, WORD) == TAG(seat) ->
#ifdef NO_LIGHT_FENCE
      if
      :: LD(me, WORD) == TAG(seat) -> ST(me, SECTION + seat, 1); inside = 1; goto locked
      :: else
      fi;
#else
      ST(me, SECTION + seat, 1);
      light_fence;
      if
#ifdef NO_SECOND_LOOK
      :: true -> inside = 1; goto locked
#else
      :: LD(me, WORD) == TAG(seat) -> inside = 1; goto locked
      :: else -> ST(me, SECTION + seat, 0)
#endif
      fi
#endif
    :: true /* no bias to us, or no place for a section */
    fi;
again:
    atomic { mem[WORD] != 1; RMW(me); seen = mem[WORD]; mem[WORD] = 1 };
    if
    :: seen == 0 || (seat != NO_SEAT && seen == TAG(seat))
    :: seen == 1 -> goto again /* its own buffer held a 1 */
    :: else ->
#ifndef NO_HEAVY_FENCE
      heavy_fence(me);
#endif
#ifndef NO_WAIT
      mem[SECTION + seen - 2] == 0
#endif
    fi;
locked:
    seen = 0;
    atomic { users++; assert(users == 1) /* BIAS1 */ };
    atomic { assert(LD(me, DATA) == written) /* BIAS2 */; written = (written + 1) % 4; }
    ST(me, DATA, written);
#ifdef EARLY_SEAT
    if :: me == 0 && n == OPS - 1 -> left = 1 :: else fi;
#endif
    users--;
    if
    :: inside ->
#ifdef WORD_TOO
      ST(me, WORD, 0);
#endif
      ST(me, SECTION + seat, 0);
      inside = 0
    :: else ->
      if
      :: ST(me, WORD, 0)
      :: seat != NO_SEAT -> ST(me, WORD, TAG(seat))
      fi
    fi;
    n++
  :: n == OPS -> break
  od;
#ifndef EARLY_SEAT
  if
  :: me == 0 -> atomic { RMW(me); left = 1 } /* under a lock */
  :: else
  fi
#endif
}
