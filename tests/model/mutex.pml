/* MUTEX: unlock is a plain store and a plain load; the first waiter pays for it with a fence.
 *
 *   lock    exchange(locked, 1); it was 1 -> slow lock
 *   unlock  watch = STARVING -> slow unlock, still holding it
 *           locked = 0 (release); light_fence; watch != NOBODY -> slow unlock
 *   slow lock    inner lock; waking = 0 if it was woken; patience = full;
 *                watch = STARVING, queue not empty and not woken -> enqueue; else
 *                watch = NOBODY -> watch = CONTENDED, heavy_fence; exchange(locked, 1):
 *                it was 0 -> inner unlock, mine
 *                it was 1 -> a woken one may set watch = STARVING (its wait was long); enqueue,
 *                            a woken one at the front; park (inner unlock in the commit, see
 *                            park.pml); when woken start over: a newcomer may have been faster
 *   granted      inner lock; watch = CONTENDED if the queue is empty (or the wait was short);
 *                inner unlock; mine
 *   timed lock   when its time is up: inner lock; still queued -> dequeue, give up; popped
 *                already -> use the wake-up: look once more, then give up
 *   slow unlock  inner lock; watch = STARVING and queue not empty: if still holding it, or
 *                exchange(locked, 1) was 0 -> grant it to the first of the queue; otherwise
 *                locked = 0 if still holding it; queue not empty: pop the first unless waking;
 *                waking = 1; queue empty: watch = NOBODY if patience is out and nobody was woken,
 *                else CONTENDED, and less patience; inner unlock; wake who was popped
 *
 * Three users lock and unlock, user 0 with a time limit; locked, watch and the inner lock go
 * through store buffers. Clocks are choices: every wait may be long or short.
 *
 * MUTEX1  one holder at a time; it sees everything the last one wrote.
 * MUTEX2  no lost wake-up: nobody stays parked when the mutex is free and nobody is on its
 *         way to it, i.e. everybody gets through.
 * MUTEX3  queue not empty => watch is not NOBODY whenever the inner lock is free.
 *
 * Why the fence of the first waiter is enough for all: while watch stays above NOBODY every
 * unlock whose store came after that fence also loads after it and goes the slow way; an
 * unlock whose store came before was drained by it, and the exchange after it sees 0. watch
 * falls back to NOBODY only while the queue is empty, and the next waiter fences again.
 *
 * Mutants: NO_HEAVY_FENCE, FENCE_FIRST (fence before watch), NO_RETRY (enqueue without the
 * second exchange), DROP_WAKE_UP (a timed waiter that was popped just gives up), STAY_WAKING
 * (a woken waiter that looks again leaves waking set), GRANT_BLINDLY (hand over without having
 * it), CALM_EARLY (watch falls back although somebody waits).
 *
 * Note: unlock loads watch after the mutex is free, so a mutex must outlive every unlock of
 * it, not only every holder.
 */
#define NT 3
#define NL 4
#define BUF 3
#include "tso.h"

#define LOCKED 0
#define WATCH 1
#define INNER 2
#define DATA 3
#define NOBODY 0
#define CONTENDED 1
#define STARVING 2
#define LOOK 1  /* woken: look again */
#define YOURS 2 /* woken: granted */
#ifndef ROUNDS
#define ROUNDS 2
#endif

chan queue = [NT] of { byte }; /* guarded by INNER, like the next two */
bit waking, patience;
byte woken[NT];
byte holders, written;

inline try_exchange(t, got) {
  atomic { RMW(t); got = 1 - mem[LOCKED]; mem[LOCKED] = 1 }
}

/* At the front: behind everybody, then everybody else behind it. */
inline enqueue(t, front) {
  d_step {
    k = (front -> len(queue) : 0);
    queue!t;
    do
    :: k > 0 -> queue?x; queue!x; k--
    :: else -> break
    od;
    x = 0
  }
}

#define MUTEX3(t) assert(empty(queue) || LD(t, WATCH) != NOBODY)

active [NT] proctype user() {
  byte me = _pid - 1;
  byte n = 0;
  byte w = NT; /* who is to be woken; NT: nobody */
  byte how, x, k;
  bit got, held, again, late;
  do
  :: n < ROUNDS ->
    again = 0; late = 0;
    try_exchange(me, got);
    if
    :: got -> goto holding
    :: else
    fi;
slow_lock:
    lock(me, INNER);
#ifndef STAY_WAKING
    if
    :: again -> waking = 0
    :: else
    fi;
#endif
    patience = 1;
    if
    :: LD(me, WATCH) == STARVING && !again && len(queue) > 0 -> got = 0
    :: LD(me, WATCH) != STARVING || again || len(queue) == 0 ->
#ifdef FENCE_FIRST
      heavy_fence(me);
#endif
      if
      :: LD(me, WATCH) == NOBODY ->
        ST(me, WATCH, CONTENDED);
#if !defined(NO_HEAVY_FENCE) && !defined(FENCE_FIRST)
        heavy_fence(me) /* pairs with the light fence of every unlock */
#endif
      :: else
      fi;
#ifndef NO_RETRY
      try_exchange(me, got)
#else
      got = 0
#endif
    fi;
    if
    :: got -> MUTEX3(me); unlock(me, INNER); goto holding
    :: !got && late -> MUTEX3(me); unlock(me, INNER); goto next
    :: else
    fi;
    if
    :: again -> ST(me, WATCH, STARVING)
    :: true
    fi;
    enqueue(me, again);
    MUTEX3(me);
    unlock(me, INNER);
    if
    :: woken[me] != 0
    :: me == 0 -> /* its time is up */
      lock(me, INNER);
      if
      :: queue??[eval(me)] -> queue??eval(me); unlock(me, INNER); goto next
      :: else -> unlock(me, INNER); woken[me] != 0; late = 1
      fi
    fi;
    atomic { how = woken[me]; woken[me] = 0 };
    again = 1;
    if
    :: how == LOOK ->
      how = 0;
#ifdef DROP_WAKE_UP
      if
      :: late -> goto next
      :: else
      fi;
#endif
      goto slow_lock
    :: how == YOURS ->
      how = 0;
      lock(me, INNER);
      if
      :: empty(queue) -> ST(me, WATCH, CONTENDED)
      :: nempty(queue) -> ST(me, WATCH, CONTENDED)
      :: nempty(queue)
      fi;
      unlock(me, INNER)
    fi;
holding:
    got = 0; again = 0; late = 0;
    atomic { holders++; assert(holders == 1 && LD(me, DATA) == written) /* MUTEX1 */ };
    written = (written + 1) % 4;
    ST(me, DATA, written);
    holders--;

    if
    :: LD(me, WATCH) == STARVING -> held = 1
    :: else ->
      ST(me, LOCKED, 0); /* release */
      light_fence;       /* pairs with the heavy fence of the first waiter */
      if
      :: LD(me, WATCH) == NOBODY -> goto next
      :: else
      fi
    fi;
    /* slow unlock */
    lock(me, INNER);
    if
    :: LD(me, WATCH) == STARVING && len(queue) > 0 ->
      got = 1;
#ifndef GRANT_BLINDLY
      if
      :: !held -> try_exchange(me, got)
      :: else
      fi;
#endif
      if
      :: got -> queue?w; how = YOURS
      :: else
      fi
    :: LD(me, WATCH) != STARVING || len(queue) == 0 ->
      if
      :: held -> ST(me, LOCKED, 0)
      :: else
      fi;
      if
      :: nempty(queue) && !waking -> queue?w; how = LOOK; waking = 1
#ifdef CALM_EARLY
      :: nempty(queue) && waking -> ST(me, WATCH, NOBODY)
#else
      :: nempty(queue) && waking
#endif
      :: empty(queue) && !waking && patience == 0 -> ST(me, WATCH, NOBODY)
      :: empty(queue) && (waking || patience != 0) -> ST(me, WATCH, CONTENDED); patience = 0
      fi
    fi;
    MUTEX3(me);
    unlock(me, INNER);
    if
    :: w != NT -> atomic { assert(woken[w] == 0); woken[w] = how; w = NT }
    :: else
    fi;
    how = 0; held = 0; got = 0;
next:
    got = 0; again = 0; late = 0;
    n++
  :: n == ROUNDS -> break /* MUTEX2: a user that never gets here is an invalid end state */
  od
}
