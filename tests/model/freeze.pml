/* FREEZE: a thief takes run_queue::next, which the owner writes with plain stores.
 *
 *   pin        pin = 1; light_fence; revoke == 0 -> pinned; else
 *              pin = 0; revoke_lock; pin = 1; revoke_unlock -> pinned
 *   put, take  pinned: load and store next; who stood there goes to the ring
 *   unpin      pin = 0 (release)
 *   steal      m = p.holder; m's revoke_lock; m.revoke = 1; heavy_fence;
 *              m.pin == 0 and m.p == p -> take next; m.revoke = 0; revoke_unlock
 *
 * M 0 has the P, uses it, and may hand it on to M 1 under the sched lock; it then gets another
 * P, so that a thief may come with a holder that was right a moment ago. The revoke_lock is
 * each M's own and only for those who freeze it. Ms that have no P are pinned: they run g0.
 *
 * FREEZE1  one at a time uses next: the pinned owner or the thief that has frozen it.
 * FREEZE2  each G that was put is taken once: by an owner, by a thief, or it went to the ring.
 * FREEZE3  neither waits for the other's work: the thief gives up when it sees a pin, and the
 *          owner that sees revoke waits for one freeze, not for a second one.
 *
 * Why it holds: as PIN, with the lock of pin.pml split up. The owner that pins under
 * revoke_lock needs no second look at revoke: whoever freezes next takes the lock after it,
 * and its unlock left the store buffer behind its pin. What the thief took is seen by the
 * owner because it reads revoke == 0 after it (acquire), or takes the lock after it.
 *
 * Mutants: NO_HEAVY_FENCE, NO_LIGHT_FENCE (the compiler swaps the two), UNLOCKED (two thieves
 * freeze one M together), PIN_AFTER (the owner pins after it gave the lock back), STALE_HOLDER
 * (the thief does not look again whose P it froze), EARLY_PP (the thief looks before it froze).
 */
#ifndef THIEVES
#define THIEVES 1
#endif
#if THIEVES == 1
#define NT 3
#else
#define NT 4
#endif
#define NL 11
#ifndef BUF
#define BUF 3
#endif
#include "tso.h"

#define PIN 0 /* + m */
#define REVOKE 2 /* + m */
#define REVOKE_LOCK 4 /* + m */
#define PP 6 /* + m: 0 none, 1 the P, 2 another P */
#define NEXT 8
#define HOLDER 9 /* of the P: 0 nobody, m + 1 */
#define LOCK 10
#ifndef OPS
#define OPS 2 /* puts and takes of an M */
#endif
#ifndef TRIES
#define TRIES 1
#endif

bit ready, idle;
byte users;        /* ghosts */
short put_g, taken;
byte last = 0;

inline take(g) { /* FREEZE2 */
  d_step {
    assert((put_g & (1 << g)) != 0 && (taken & (1 << g)) == 0);
    taken = taken | (1 << g)
  }
}
inline enter() { atomic { users++; assert(users == 1) /* FREEZE1 */ } }
inline leave() { users-- }

/* FREEZE3: one trip to the lock, then it is pinned. */
inline pin() {
#ifdef NO_LIGHT_FENCE
  if
  :: LD(me, REVOKE + me) == 0 -> ST(me, PIN + me, 1)
  :: else -> pin_slow()
  fi
#else
  ST(me, PIN + me, 1);
  light_fence; /* pairs with the heavy fence in steal */
  if
  :: LD(me, REVOKE + me) == 0
  :: else -> pin_slow()
  fi
#endif
}
inline pin_slow() {
  ST(me, PIN + me, 0);
  lock(me, REVOKE_LOCK + me);
#ifdef PIN_AFTER
  unlock(me, REVOKE_LOCK + me);
  ST(me, PIN + me, 1)
#else
  ST(me, PIN + me, 1);
  unlock(me, REVOKE_LOCK + me)
#endif
}
inline unpin() { ST(me, PIN + me, 0) }

inline put() {
  old = LD(me, NEXT);
  d_step { last++; put_g = put_g | (1 << last) };
  ST(me, NEXT, last);
  if
  :: old != 0 -> take(old) /* to the ring: see runq.pml */
  :: else
  fi;
  old = 0
}
inline take_next() {
  old = LD(me, NEXT);
  if
  :: old != 0 -> ST(me, NEXT, 0); take(old)
  :: else
  fi;
  old = 0
}

active [2] proctype M() {
  byte me = _pid - 1;
  byte n = 0;
  byte old;
  if
  :: me == 0 ->
    d_step { mem[PIN + 1] = 1; mem[PP] = 1; mem[HOLDER] = 1; ready = 1 }
  :: else ->
    idle;
    lock(me, LOCK);
    ST(me, PP + me, 1);
    ST(me, HOLDER, me + 1);
    unlock(me, LOCK);
    unpin() /* g0 switches to a G, which returns to user code */
  fi;
  do
  :: n < OPS ->
    n++;
    pin();
    enter();
    if
    :: put()
    :: take_next()
    fi;
    leave();
    unpin()
  :: n == OPS || me == 0 -> break
  od;
  pin();
  enter();
  if
  :: me == 1 -> take_next()
  :: else
  fi;
  leave();
  if
  :: me == 0 ->
    lock(me, LOCK);
    ST(me, HOLDER, 0);
    ST(me, PP + me, 0);
    idle = 1; /* the list is guarded by LOCK */
    unlock(me, LOCK);
    ST(me, PP + me, 2) /* it gets another P */
  :: else
  fi;
  unpin()
}

active [THIEVES] proctype thief() {
  byte me = _pid - 1;
  byte tries = 0;
  byte m, old;
  bit same;
  ready;
  do
  :: tries < TRIES ->
    tries++;
    m = LD(me, HOLDER);
    if
    :: m == 0 -> goto next
    :: else -> m--
    fi;
#ifdef EARLY_PP
    same = (LD(me, PP + m) == 1);
#endif
#ifndef UNLOCKED
    lock(me, REVOKE_LOCK + m);
#endif
    ST(me, REVOKE + m, 1);
#ifndef NO_HEAVY_FENCE
    heavy_fence(me); /* pairs with the light fence in pin */
#endif
    if
    :: LD(me, PIN + m) == 0 ->
#ifdef STALE_HOLDER
      same = 1;
#endif
#if !defined(STALE_HOLDER) && !defined(EARLY_PP)
      same = (LD(me, PP + m) == 1);
#endif
      if
      :: same ->
        enter();
        take_next();
        leave()
      :: else
      fi
    :: else
    fi;
    ST(me, REVOKE + m, 0); /* release: pairs with the owner's load of revoke */
#ifndef UNLOCKED
    unlock(me, REVOKE_LOCK + m);
#endif
next:
    m = 0; same = 0
  :: tries == TRIES -> break
  od
}

active proctype at_rest() {
  timeout;
  assert(mem[NEXT] == 0 && taken == put_g) /* FREEZE2 */
}
