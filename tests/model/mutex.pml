/* MUTEX: unlock is plain stores and a plain load; the first waiter pays for it with a fence.
 *
 *   lock    exchange(locked, 1); it was 1 -> slow lock; held = 1
 *   unlock  held = 0; light_fence; watch = NOBODY -> locked = 0 (release), the last access;
 *           else held = 1 -> slow unlock, still holding it
 *   slow lock    inner lock; waking = 0 if it was woken; patience = full;
 *                watch = STARVING, queue not empty and not woken -> enqueue; else
 *                watch = NOBODY -> watch = CONTENDED, heavy_fence, then exchange(locked, 1) until
 *                that takes it or held = 1; otherwise once;
 *                it was 0 -> held = 1; inner unlock, mine
 *                it was 1 -> a woken one may set watch = STARVING (its wait was long); enqueue,
 *                            a woken one at the front; park (inner unlock in the commit, see
 *                            park.pml); when woken start over: a newcomer may have been faster
 *   granted      inner lock; watch = CONTENDED if the queue is empty (or the wait was short);
 *                inner unlock; mine (held and locked were left as they are)
 *   timed lock   when its time is up: inner lock; still queued -> dequeue, give up; popped
 *                already -> use the wake-up: look once more, then give up
 *   slow unlock  inner lock;
 *                queue empty, nobody was woken, patience out -> watch = NOBODY, inner unlock, and
 *                unlock again from the beginning, still holding it;
 *                watch = STARVING and queue not empty -> grant it to the first of the queue;
 *                otherwise queue not empty: pop the first unless waking; waking = 1; queue empty:
 *                watch = CONTENDED, less patience; held = 0; locked = 0;
 *                inner unlock; wake who was popped
 *
 * Three users lock and unlock, user 0 with a time limit; locked, held, watch and the inner lock
 * go through store buffers. Clocks are choices: every wait may be long or short. Who gets the
 * mutex when all other calls of lock have returned destroys it after its own unlock.
 *
 * MUTEX1  one holder at a time; it sees everything the last one wrote.
 * MUTEX2  no lost wake-up: nobody stays parked when the mutex is free and nobody is on its
 *         way to it, i.e. everybody gets through.
 * MUTEX3  queue not empty => watch is not NOBODY whenever the inner lock is free.
 * MUTEX4  nobody touches a destroyed mutex, not even by a store that is still in a buffer.
 *
 * Why the fence of the first waiter is enough for all: an unlock that read NOBODY stored
 * held = 0 before, so after the fence its store is seen, and held = 1 can only be a later
 * holder's, or one who has yet to look and will find CONTENDED. held = 0 lasts for a few
 * instructions of the holder, before locked = 0, or after the exchange, or until it puts held
 * back. While watch stays above NOBODY every unlock takes the inner lock before it frees the
 * mutex; watch falls back only while the queue is empty, and the next waiter fences again.
 *
 * Why it may be destroyed: a fast unlock ends with locked = 0. A slow one that stores it has
 * the inner lock and leaves watch above NOBODY, and nobody but a holder under the inner lock
 * takes that back; so the next unlock waits for the inner lock before it ends.
 *
 * Mutants: NO_HEAVY_FENCE, FENCE_FIRST (fence before watch), NO_RETRY (enqueue without the
 * exchange), NO_STAND_BY (one exchange after the fence, without a look at held), HELD_STAYS_DOWN
 * (unlock does not put held back before it waits for the inner lock), DROP_WAKE_UP (a timed
 * waiter that was popped just gives up), STAY_WAKING (a woken waiter that looks again leaves
 * waking set), CALM_EARLY (watch falls back although somebody waits), LOOK_AFTER (unlock frees
 * the mutex and then reads watch), CALM_AND_FREE (the slow unlock that sets NOBODY frees it
 * there and then).
 */
#define NT 3
#define NL 5
#define BUF 3
#include "tso.h"

#define LOCKED 0
#define WATCH 1
#define INNER 2
#define DATA 3
#define HELD 4
#define NOBODY 0
#define CONTENDED 1
#define STARVING 2
#define LOOK 1  /* woken: look again */
#define YOURS 2 /* woken: granted */
#ifndef ROUNDS
#define ROUNDS 2
#endif

#define TURNS(t) (ROUNDS - ((t) == 2)) /* one less for the last: a smaller model */

chan queue = [NT] of { byte }; /* guarded by INNER, like the next two */
bit waking, patience;
byte woken[NT];
byte holders, written;     /* ghosts */
byte to_come = NT * ROUNDS - 1; /* calls of lock that have yet to return */
bit destroyed;

#define ALIVE assert(!destroyed) /* MUTEX4 */
#define PENDING(t) (pend[AT(t, LOCKED)] + pend[AT(t, WATCH)] + pend[AT(t, INNER)] + pend[AT(t, HELD)])
inline destroy(t) {
  d_step {
    ALIVE;
    assert(t == 0 || PENDING(0) == 0);
    assert(t == 1 || PENDING(1) == 0);
    assert(t == 2 || PENDING(2) == 0);
    destroyed = 1
  }
}

inline try_exchange(t, got) {
  atomic { ALIVE; RMW(t); got = 1 - mem[LOCKED]; mem[LOCKED] = 1 }
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
  bit got, again, late, mine;
  do
  :: n < TURNS(me) ->
    again = 0; late = 0;
    try_exchange(me, got);
    if
    :: got -> ST(me, HELD, 1); goto returned
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
    :: LD(me, WATCH) == NOBODY ->
#ifdef FENCE_FIRST
      heavy_fence(me);
#endif
      ST(me, WATCH, CONTENDED);
#if !defined(NO_HEAVY_FENCE) && !defined(FENCE_FIRST)
      heavy_fence(me); /* pairs with the light fence of every unlock */
#endif
stand_by:
      try_exchange(me, got);
#ifndef NO_STAND_BY
      if
      :: got
      :: !got && LD(me, HELD) == 1 /* its unlock will see watch */
      :: !got && LD(me, HELD) == 0 ->
        (mem[LOCKED] == 0 || LD(me, HELD) == 1);
        goto stand_by
      fi
#endif
    :: LD(me, WATCH) == CONTENDED || (LD(me, WATCH) == STARVING && (again || len(queue) == 0)) ->
#ifndef NO_RETRY
      try_exchange(me, got)
#else
      got = 0
#endif
    fi;
    if
    :: got -> ST(me, HELD, 1); MUTEX3(me); unlock(me, INNER); goto returned
    :: !got && late -> MUTEX3(me); unlock(me, INNER); goto gave_up
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
      :: queue??[eval(me)] -> queue??eval(me); unlock(me, INNER); goto gave_up
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
      :: late -> goto gave_up
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
returned:
    got = 0; again = 0; late = 0;
    atomic { holders++; assert(holders == 1 && LD(me, DATA) == written) /* MUTEX1 */ };
    written = (written + 1) % 4;
    ST(me, DATA, written);
    atomic { holders--; to_come--; mine = (to_come == 0) };

free_it:
    atomic { ALIVE; assert(LD(me, HELD) == 1) };
#ifdef LOOK_AFTER
    ST(me, LOCKED, 0);
    light_fence;
    atomic {
      ALIVE;
      if
      :: LD(me, WATCH) == NOBODY -> goto unlocked
      :: else
      fi
    };
    got = 1;
#else
    ST(me, HELD, 0);
    light_fence; /* pairs with the heavy fence of the first waiter */
    if
    :: LD(me, WATCH) == NOBODY ->
      atomic { ALIVE; ST(me, LOCKED, 0) }; /* release */
      goto unlocked
    :: else
    fi;
#ifndef HELD_STAYS_DOWN
    ST(me, HELD, 1);
#endif
#endif
    /* slow unlock */
    lock(me, INNER);
    if
    :: empty(queue) && !waking && patience == 0 ->
      ST(me, WATCH, NOBODY);
#if defined(CALM_AND_FREE) || defined(LOOK_AFTER)
      ST(me, HELD, 0);
      ST(me, LOCKED, 0)
#else
      MUTEX3(me);
      unlock(me, INNER);
#ifdef HELD_STAYS_DOWN
      ST(me, HELD, 1);
#endif
      goto free_it
#endif
    :: nempty(queue) && LD(me, WATCH) == STARVING -> queue?w; how = YOURS
    :: (empty(queue) && (waking || patience)) || (nempty(queue) && LD(me, WATCH) != STARVING) ->
      if
      :: nempty(queue) && !waking -> queue?w; how = LOOK; waking = 1
#ifdef CALM_EARLY
      :: nempty(queue) && waking -> ST(me, WATCH, NOBODY)
#else
      :: nempty(queue) && waking
#endif
      :: empty(queue) -> ST(me, WATCH, CONTENDED); patience = 0
      fi;
      ST(me, HELD, 0);
      atomic { ALIVE; ST(me, LOCKED, 0) }
    fi;
    ALIVE;
    MUTEX3(me);
    unlock(me, INNER);
    if
    :: w != NT -> atomic { assert(woken[w] == 0); woken[w] = how; w = NT }
    :: else
    fi;
    how = 0; got = 0;
unlocked:
    if
    :: mine -> destroy(me)
    :: else
    fi;
    goto next;
gave_up:
    to_come--;
next:
    got = 0; again = 0; late = 0; mine = 0;
    n++
  :: n == TURNS(me) -> break /* MUTEX2: a user that never gets here is an invalid end state */
  od
}
