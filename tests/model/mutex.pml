/* MUTEX: unlock is a plain store and a plain load; the first waiter pays for it with a fence.
 *
 *   lock    exchange(locked, 1); it was 1 -> slow lock
 *   unlock  locked = 0 (release); light_fence; waiters != 0 -> slow unlock
 *   slow lock    inner lock; waiters++; it was 0 -> heavy_fence; exchange(locked, 1):
 *                it was 0 -> waiters--, inner unlock, mine
 *                it was 1 -> enqueue, park (inner unlock in the commit, see park.pml);
 *                            when woken start over: a newcomer may have been faster
 *   timed lock   when its time is up: inner lock; still queued -> dequeue, waiters--, give
 *                up; popped already -> use the wake-up: exchange once more, then give up
 *   slow unlock  inner lock; pop the first waiter, if any: waiters--; inner unlock; wake it
 *
 * Three users lock and unlock, user 0 with a time limit; locked, waiters and the inner lock
 * go through store buffers.
 *
 * MUTEX1  one holder at a time; it sees everything the last one wrote.
 * MUTEX2  no lost wake-up: nobody stays parked when the mutex is free and nobody is on its
 *         way to it, i.e. everybody gets through.
 * MUTEX3  waiters is the length of the queue whenever the inner lock is free.
 *
 * Why the fence of the first waiter is enough for all: while waiters stays above 0 every
 * unlock whose store came after that fence also loads after it and goes the slow way; an
 * unlock whose store came before was drained by it, and the exchange after it sees 0. A
 * woken waiter that loses to a newcomer counts itself again, and fences if it is the first.
 *
 * Mutants: NO_HEAVY_FENCE, FENCE_FIRST (fence before waiters++), NO_RETRY (enqueue without
 * the second exchange), DROP_WAKE_UP (a timed waiter that was popped just gives up).
 *
 * Note: unlock loads waiters after the mutex is free, so a mutex must outlive every unlock of
 * it, not only every holder.
 */
#define NT 3
#define NL 4
#define BUF 3
#include "tso.h"

#define LOCKED 0
#define WAITERS 1
#define INNER 2
#define DATA 3
#ifndef ROUNDS
#define ROUNDS 2
#endif

chan queue = [NT] of { byte }; /* guarded by INNER */
bit woken[NT];
byte holders, written;

inline try_exchange(t, got) {
  atomic { RMW(t); got = 1 - mem[LOCKED]; mem[LOCKED] = 1 }
}

inline enqueue(t) { queue!t }

active [NT] proctype user() {
  byte me = _pid - 1;
  byte n = 0;
  byte w;
  bit got, first;
  do
  :: n < ROUNDS ->
    try_exchange(me, got);
    if
    :: got -> goto holding
    :: else
    fi;
slow_lock:
    lock(me, INNER);
#ifdef FENCE_FIRST
    heavy_fence(me);
#endif
    first = (LD(me, WAITERS) == 0);
    ADD(me, WAITERS, 1);
#if !defined(NO_HEAVY_FENCE) && !defined(FENCE_FIRST)
    if
    :: first -> heavy_fence(me) /* pairs with the light fence of every unlock */
    :: else
    fi;
#endif
    first = 0;
#ifndef NO_RETRY
    try_exchange(me, got);
#endif
    if
    :: got ->
      ADD(me, WAITERS, -1);
      assert(LD(me, WAITERS) == len(queue)); /* MUTEX3 */
      unlock(me, INNER)
    :: else ->
      enqueue(me);
      assert(LD(me, WAITERS) == len(queue)); /* MUTEX3 */
      unlock(me, INNER);
      if
      :: atomic { woken[me] -> woken[me] = 0 }; goto slow_lock
      :: me == 0 -> /* its time is up */
        lock(me, INNER);
        if
        :: queue??[eval(me)] ->
          queue??eval(me);
          ADD(me, WAITERS, -1);
          unlock(me, INNER);
          goto next
        :: else -> /* popped: a wake-up is on its way and nobody else will get one */
          unlock(me, INNER);
          atomic { woken[me] -> woken[me] = 0 };
#ifndef DROP_WAKE_UP
          try_exchange(me, got);
#endif
          if
          :: got -> goto holding
          :: else -> goto next /* its holder's unlock wakes the next */
          fi
        fi
      fi
    fi;
holding:
    got = 0;
    atomic { holders++; assert(holders == 1 && LD(me, DATA) == written) /* MUTEX1 */ };
    written = (written + 1) % 4;
    ST(me, DATA, written);
    holders--;

    ST(me, LOCKED, 0); /* release */
    light_fence;       /* pairs with the heavy fence of the first waiter */
    if
    :: LD(me, WAITERS) != 0 ->
      lock(me, INNER);
      if
      :: nempty(queue) ->
        queue?w;
        ADD(me, WAITERS, -1);
        assert(LD(me, WAITERS) == len(queue)); /* MUTEX3 */
        unlock(me, INNER);
        atomic { assert(!woken[w]); woken[w] = 1; w = 0 }
      :: empty(queue) -> unlock(me, INNER)
      fi
    :: else
    fi;
next:
    n++
  :: n == ROUNDS -> break /* MUTEX2: a user that never gets here is an invalid end state */
  od
}
