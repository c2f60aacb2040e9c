/* PIN: the owner M pins its P with two plain stores; a retaker takes it from an unpinned M.
 *
 * Two Ms share one P (each pins, uses and unpins it USES times; whoever has lost it takes
 * it back from the idle list) while two retakers try to take it from whoever has it.
 *
 * PIN1  at most one user of the P at a time.
 * PIN2  outside the sched lock, m.revoke != 0 exactly while m's P has been taken from it and
 *       m has not noticed: who finds p.m == m under the lock finds m.revoke == 0.
 * PIN3  the next user sees everything the last one wrote before its unpin.
 * PIN4  every pin proceeds: no end state with an M still waiting, no cycle without progress;
 *       the slow path takes the lock once, however many retakers try meanwhile.
 *
 * Why it holds: the owner stores pin, then loads revoke; the retaker stores revoke, fences
 * every thread, then loads pin. A pin in a store buffer at the fence is drained by it and
 * seen; a pin stored after the fence is followed by a load that sees revoke.
 *
 * Mutants: NO_HEAVY_FENCE, NO_LIGHT_FENCE (the compiler swaps the two), NO_UNDO (a retaker
 * that gives up leaves revoke set), STALE_OWNER (the retaker does not look p.m up under the
 * lock), RETRY (the slow path starts over instead of pinning under the lock).
 */
#define NT 4
#define NL 6
#define BUF 3
#include "tso.h"

#define PIN 0 /* + m */
#define REVOKE 2 /* + m */
#define LOCK 4
#define DATA 5 /* something the P's user owns, plain loads and stores */
#define NOBODY 9
#ifndef USES
#define USES 3
#endif
#ifndef TRIES
#define TRIES 1
#endif

/* Guarded by LOCK; plain variables do, since LOCK is released by a buffered store. */
byte p_m = 0;    /* p.m: the M (or retaker) that has the P */
bit idle = 0;    /* the P is in the idle list */

byte users = 0;  /* ghosts */
byte written = 0;

inline use(t) {
  atomic { users++; assert(users == 1) /* PIN1 */ };
  atomic { assert(LD(t, DATA) == written) /* PIN3 */; written = (written + 1) % 4; }
  ST(t, DATA, written);
  users--
}

inline take_idle(t) { /* lock held, idle */
  d_step { idle = 0; p_m = t }
}

inline put_idle(t) {
  lock(t, LOCK);
  d_step { assert(p_m == t); p_m = NOBODY; idle = 1 };
  unlock(t, LOCK)
}

active [2] proctype M() {
  byte me = _pid - 1;
  bit has = (_pid == 1); /* m.p != null; private to the M */
  byte n = 0;
  byte rounds = 0; /* ghost: times this pin went to the lock */
  do
  :: n < USES ->
    if
    :: !has -> goto acquire
    :: else
    fi;
pin:
#ifdef NO_LIGHT_FENCE
    if
    :: LD(me, REVOKE + me) == 0 -> ST(me, PIN + me, 1); goto pinned
    :: else
    fi;
#else
    ST(me, PIN + me, 1);
    light_fence;
    if
    :: LD(me, REVOKE + me) == 0 -> goto pinned /* the fast path ends here */
    :: else
    fi;
#endif
    atomic { rounds++; assert(rounds == 1) /* PIN4 */ };
    ST(me, PIN + me, 0);
    lock(me, LOCK);
    if
    :: LD(me, REVOKE + me) == 0 -> /* that retaker gave up */
#ifdef RETRY
      unlock(me, LOCK);
      goto pin;
#else
      /* Pin under the lock: no retaker is between its revoke and its verdict, so this
       * pin cannot be refused and PIN4 needs no luck. */
      assert(p_m == me);
      ST(me, PIN + me, 1);
      unlock(me, LOCK);
      goto pinned;
#endif
    :: else -> /* taken */
      assert(p_m != me); /* PIN2 */
      has = 0;
      ST(me, REVOKE + me, 0);
      goto acquire_locked
    fi;
acquire:
    atomic { mem[LOCK] == 0 && idle; RMW(me); mem[LOCK] = 1 }; /* waits for an idle P */
acquire_locked:
    if
    :: idle ->
      take_idle(me);
      assert(LD(me, REVOKE + me) == 0); /* PIN2 */
      has = 1;
      ST(me, PIN + me, 1);
      unlock(me, LOCK)
    :: else ->
      unlock(me, LOCK);
      goto acquire
    fi;
pinned:
progress:
    use(me);
    ST(me, PIN + me, 0); /* unpin: release, pairs with the retaker's load of pin */
    d_step { n++; rounds = 0 }
  :: n == USES -> break
  od;
  /* Leave: hand the P on if it is still mine. */
  lock(me, LOCK);
  if
  :: has && LD(me, REVOKE + me) == 0 -> d_step { assert(p_m == me); p_m = NOBODY; idle = 1 }
  :: else
  fi;
  unlock(me, LOCK)
}

active [2] proctype retaker() {
  byte me = _pid - 1;
  byte n = 0;
  byte m = 0; /* the victim */
  do
  :: n < TRIES ->
    n++;
#ifdef STALE_OWNER
    m = 0;
    lock(me, LOCK);
#else
    lock(me, LOCK);
    m = p_m;
#endif
    if
    :: m >= 2 -> unlock(me, LOCK); goto next /* idle or with a retaker */
    :: else
    fi;
#ifndef STALE_OWNER
    assert(LD(me, REVOKE + m) == 0); /* PIN2 */
#endif
    ST(me, REVOKE + m, 1);
#ifndef NO_HEAVY_FENCE
    heavy_fence(me);
#endif
    if
    :: LD(me, PIN + m) == 1 ->
#ifndef NO_UNDO
      ST(me, REVOKE + m, 0);
#endif
      unlock(me, LOCK)
    :: else ->
      p_m = me;
      unlock(me, LOCK);
      use(me);
      put_idle(me)
    fi;
next:
    m = 0
  :: n == TRIES -> break
  od
}
