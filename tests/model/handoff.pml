/* HANDOFF: the monitor takes the P from an M that stalls, and gives it to an idle M or, with
 * no work in sight, to the idle list.
 *
 * One P. M0 has it and runs user code: it pins, uses and unpins it TURNS times, takes it back
 * from the idle list when it was taken, and idles in the end. M1 idles. The monitor takes the P
 * from whoever has it, TRIES times. A G either parks or runs for ever. A foreign thread puts one G into the global queue.
 *
 * HAND1  at most one user of the P at a time.
 * HAND2  while the sched lock is free the P is in the idle list or has a holder: not lost, not
 *        in anybody's pocket.
 * HAND3  no lost wake-up: when nothing moves any more, the P is not idle while a G is queued.
 * HAND4  an M that is given a P is idle, and learns of it.
 *
 * Why it holds: the P changes hands under the sched lock only, and is taken from a running M
 * as in pin.pml. The publisher stores its G, passes the light fence and reads npidle; the
 * monitor raises npidle, fences every thread and reads the queue: one of them sees the other.
 *
 * Mutants: NO_SEIZE_FENCE (the P is taken without a fence), NO_IDLE_FENCE and NO_LOOK (the P
 * goes to the idle list without a fence, without a second look), POCKET (the lock is freed
 * between taking and giving).
 */
#define NT 4
#define NL 7
#define BUF 3
#include "tso.h"

#define PIN 0    /* + m */
#define REVOKE 2 /* + m */
#define LOCK 4
#define GLOBAL 5
#define NPIDLE 6
#define MONITOR 2
#define FOREIGN 3
#define NOBODY 9
#ifndef TURNS
#define TURNS 2
#endif
#ifndef TRIES
#define TRIES 2
#endif

/* Guarded by LOCK. */
byte holder = 0;
bit idle_p = 0;
bit idle_m[2];
byte nspinning = 0; /* locked instructions only */
bit has[2];         /* m.pp != null: written by m while pinned, by who gives, by who seizes */
bit note[2];

byte users = 0; /* ghost */
#define PLACED (idle_p != (holder != NOBODY))

inline sched_lock(t) { lock(t, LOCK) }
inline sched_unlock(t) {
  atomic { assert(PLACED) /* HAND2 */; ST(t, LOCK, 0) }
}

inline put_idle(t) { /* lock held */
  atomic { RMW(t); holder = NOBODY; idle_p = 1; mem[NPIDLE] = 1 }
}
inline take_idle(t, who) { /* lock held */
  atomic { RMW(t); assert(idle_p); idle_p = 0; mem[NPIDLE] = 0; holder = who; has[who] = 1 }
}
inline spin_up(t) { atomic { RMW(t); nspinning++ } }
inline spin_down(t) { atomic { RMW(t); nspinning-- } }

/* Lock held: M `who` idles and is given the P. */
inline give(t, who) {
  d_step {
    assert(idle_m[who]) /* HAND4 */;
    idle_m[who] = 0; holder = who; has[who] = 1; note[who] = 1
  }
}

/* wake_one(): claim the right, then take the P for an idle M. */
inline wake(t) {
  if
  :: LD(t, NPIDLE) == 1 && nspinning == 0 ->
    atomic {
      if
      :: mem[NPIDLE] == 1 && nspinning == 0 -> RMW(t); nspinning++; won = 1
      :: else -> won = 0
      fi
    };
    if
    :: won ->
      sched_lock(t);
      if
      :: idle_p && (idle_m[0] || idle_m[1]) ->
        if
        :: idle_m[1] -> w = 1
        :: else -> w = 0
        fi;
        take_idle(t, w);
        give(t, w);
        w = 0
      :: else -> spin_down(t) /* taken meanwhile, or no M to be had */
      fi;
      sched_unlock(t)
    :: else
    fi;
    won = 0
  :: else
  fi
}

inline use(t) {
  atomic { users++; assert(users == 1) /* HAND1 */ };
  users--
}

inline pin_p(t) {
  ST(t, PIN + t, 1);
  light_fence;
  if
  :: LD(t, REVOKE + t) == 0
  :: else ->
    ST(t, PIN + t, 0);
    sched_lock(t); /* stands for revoke_lock, which the monitor holds within it */
    ST(t, PIN + t, 1);
    sched_unlock(t)
  fi
}

proctype M(byte me) {
  byte n = 0;
  bit won = 0;
  byte w = 0;
  bit got = 0;
  if
  :: me == 1 -> goto end_asleep
  :: else
  fi;
user: /* unpinned: the P may go at any moment */
  do
  :: n < TURNS ->
    pin_p(me);
    if
    :: has[me] -> use(me)
    :: else -> /* regain() */
      sched_lock(me);
      if
      :: idle_p -> take_idle(me, me); got = 1
      :: else
      fi;
      sched_unlock(me);
      if
      :: got -> use(me); got = 0
      :: else /* goes on without */
      fi
    fi;
    ST(me, PIN + me, 0);
    n++
  :: n == TURNS -> break
  :: n == TURNS -> goto for_ever
  od;
  pin_p(me); /* the G parks: g0 has the pin */
search:
  if
  :: has[me] ->
    use(me);
    sched_lock(me);
    if
    :: LD(me, GLOBAL) == 1 -> ST(me, GLOBAL, 0); got = 1
    :: else
    fi;
    sched_unlock(me);
    if
    :: got -> got = 0; n = TURNS - 1; ST(me, PIN + me, 0); goto user /* runs it */
    :: else
    fi
  :: else
  fi;
  sched_lock(me);
  if
  :: has[me] -> has[me] = 0; put_idle(me)
  :: else
  fi;
  idle_m[me] = 1;
  note[me] = 0;
  sched_unlock(me);
  heavy_fence(me);
  if
  :: LD(me, GLOBAL) == 1 ->
    sched_lock(me);
    if
    :: idle_m[me] && idle_p ->
      take_idle(me, me);
      idle_m[me] = 0;
      sched_unlock(me);
      goto search
    :: else -> sched_unlock(me)
    fi
  :: else
  fi;
end_asleep:
  note[me] == 1;
  assert(has[me] && !idle_m[me]); /* HAND4 */
  note[me] = 0;
  spin_down(me);
  goto search;
for_ever: /* nobody may rely on a G that runs to come back */
end_running:
  false
}

active proctype monitor() {
  byte n = 0;
  byte m = 0;
  bit won = 0;
  bit put = 0;
  byte w = 0;
  do
  :: n < TRIES ->
    n++;
    sched_lock(MONITOR);
    m = holder;
    if
    :: m < 2 && idle_m[1 - m] -> /* an M is to be had */
      ST(MONITOR, REVOKE + m, 1);
#ifndef NO_SEIZE_FENCE
      heavy_fence(MONITOR);
#endif
      if
      :: LD(MONITOR, PIN + m) == 0 && has[m] ->
        use(MONITOR); /* it is the monitor's */
        d_step { has[m] = 0; holder = NOBODY };
        ST(MONITOR, REVOKE + m, 0);
#ifdef POCKET
        sched_unlock(MONITOR);
        sched_lock(MONITOR);
#endif
        if
        :: LD(MONITOR, GLOBAL) == 1 ->
          spin_up(MONITOR);
          give(MONITOR, 1 - m)
        :: else -> put_idle(MONITOR); put = 1
        fi
      :: else -> ST(MONITOR, REVOKE + m, 0)
      fi
    :: else
    fi;
    sched_unlock(MONITOR);
    if
    :: put ->
      put = 0;
#ifndef NO_IDLE_FENCE
      heavy_fence(MONITOR);
#endif
#ifndef NO_LOOK
      if
      :: LD(MONITOR, GLOBAL) == 1 -> wake(MONITOR)
      :: else
      fi
#endif
    :: else
    fi;
    m = 0
  :: n == TRIES -> break
  od
}

active proctype foreign() {
  bit won = 0;
  byte w = 0;
  /* The queue's own lock: only the foreign thread adds, and who takes has the P. */
  ST(FOREIGN, GLOBAL, 1);
  light_fence;
  wake(FOREIGN)
}

active proctype at_rest() {
  timeout;
  assert(PLACED); /* HAND2 */
  assert(!(mem[GLOBAL] == 1 && idle_p)); /* HAND3 */
  assert(nspinning == 0 && !note[0] && !note[1]) /* HAND4 */
}

init {
  atomic { has[0] = 1; idle_m[1] = 1; mem[PIN + 1] = 1 /* g0 */; run M(0); run M(1) }
}
