/* IDLE: how an M goes to sleep and how whoever makes work finds out.
 *
 * NP Ms, each with a P. A G on M0 publishes LOCAL others in its P's run queue; a foreign
 * thread, if FOREIGN_ITEMS, one in the global queue. A G either ends or runs for ever, so
 * nobody may rely on a busy M coming back. The other Ms (and M0 once its G has ended)
 * search, spin, go idle, park. Run as NP=2 LOCAL=1 with a foreign thread, and as NP=3
 * LOCAL=2 without.
 *
 * IDLE1  no lost wake-up: when nothing moves any more, work is queued only if no P is idle.
 * IDLE2  work published before an idler's heavy fence is seen by its re-check; a publisher
 *        whose store comes later sees the idler (npidle, nspinning). One of the two acts.
 * IDLE3  nspinning counts the spinning Ms, each with a P, and at most one waker under way.
 *        Nobody starts to spin of its own accord when half of the busy Ps do already.
 * IDLE4  the machine comes to rest: with finite work no M searches for ever.
 * IDLE5  a P and its M enter and leave the idle list together, under the sched lock; an M
 *        that a waker took off the list does not take itself off, but keeps the P it was given.
 *
 * Mutants: NO_HEAVY_FENCE, NO_RECHECK, LAST_SPINNER_SILENT, GREEDY (an idler that finds work
 * takes any idle P though a waker has just given it one), UNDO_OUTSIDE (a waker that
 * found no idle P lowers nspinning after it has released the lock: a publisher skips its
 * wake-up for the sake of a spinner that never comes, and an idler has already looked).
 */
#ifndef NP
#define NP 2
#endif
#ifndef LOCAL
#define LOCAL 1
#define FOREIGN_ITEMS
#endif
#define NT 3 /* NP = 2: M0 M1 and the foreign thread; NP = 3: M0 M1 M2 */
#define NL 4
#define BUF 3
#include "tso.h"

#define GLOBAL 0 /* length of the global queue; changed under LOCK, read by anybody */
#define TAIL 1   /* tail of the run queue of M0's P; stored by M0 only */
#define LOCK 2   /* the sched lock */
#define NPIDLE 3 /* changed under LOCK, read by anybody */
#define FOREIGN 2

/* Only changed by locked instructions, so never in a store buffer. */
byte nspinning;
byte head; /* of M0's P's run queue */

byte idle_ms;  /* bit set; guarded by LOCK */
bit given[3];  /* the futex word: m has been handed a P and the state spinning */
byte spinners; /* ghost: Ms that are spinning plus wakers under way */

#define QUEUED (mem[GLOBAL] > 0 || mem[TAIL] > head)

inline count(n, d) { /* a locked add; pairs with the publisher's load of nspinning */
  atomic {
    RMW(n);
    nspinning = nspinning + d;
    spinners = spinners + d;
    assert(nspinning == spinners && nspinning <= NP + 1) /* IDLE3 */
  }
}

/* Called after a publication, and by the last spinner that found work. */
inline wake(t) {
  if
  :: LD(t, NPIDLE) > 0 ->
    if
    :: atomic { nspinning == 0 -> won = 0 };
      atomic { /* compare-and-swap 0 -> 1 */
        RMW(t);
        if
        :: nspinning == 0 -> nspinning = 1; spinners++; won = 1
        :: else
        fi
      };
      if
      :: won ->
        lock(t, LOCK);
        if
        :: idle_ms == 0 ->
#ifdef UNDO_OUTSIDE
          unlock(t, LOCK);
          count(t, -1)
#else
          count(t, -1); /* under the lock: who goes idle after this re-checks after this */
          unlock(t, LOCK)
#endif
        :: else ->
          atomic {
            if /* any of them */
            :: idle_ms & 1 -> m = 0
            :: idle_ms & 2 -> m = 1
            :: idle_ms & 4 -> m = 2
            fi;
            idle_ms = idle_ms & ~(1 << m)
          };
          ADD(t, NPIDLE, -1);
          unlock(t, LOCK);
          atomic { assert(!given[m]); given[m] = 1; m = 0 } /* futex wake */
        fi;
        won = 0
      :: else
      fi
    :: nspinning != 0
    fi
  :: else
  fi
}

proctype M(byte me) {
  bit spinning = 0;
  bit found = 0;
  bit won = 0;
  byte m = 0;

  if
  :: me == 0 -> /* a G on this M makes two others */
    do
    :: LD(me, TAIL) < LOCAL ->
      ADD(me, TAIL, 1); /* publish (release), pairs with the thief's load */
      light_fence;                    /* pairs with the idler's heavy fence */
      wake(me)
    :: else -> break
    od;
    goto execute
  :: else
  fi;

search: /* has a P */
  if
  :: !spinning && 2 * nspinning < NP - LD(me, NPIDLE) -> count(me, 1); spinning = 1
  :: else
  fi;
  if
  :: LD(me, GLOBAL) > 0 ->
    lock(me, LOCK);
    if
    :: LD(me, GLOBAL) > 0 -> ADD(me, GLOBAL, -1); found = 1
    :: else
    fi;
    unlock(me, LOCK)
  :: else
  fi;
  if
  :: !found && (spinning || me == 0) -> /* own run queue, or steal; runq.pml has the detail */
    atomic {
      RMW(me);
      if
      :: mem[TAIL] > head -> head++; found = 1
      :: else
      fi
    }
  :: else
  fi;
  if
  :: found -> found = 0
  :: else -> goto idle
  fi;
  if
  :: spinning ->
    atomic { count(me, -1); spinning = 0; won = (nspinning == 0) };
    if
#ifndef LAST_SPINNER_SILENT
    :: won -> won = 0; wake(me) /* there may be more than I can take */
#endif
    :: else -> won = 0
    fi
  :: else
  fi;
execute:
progress:
  if
  :: goto search   /* the G ended or parked */
  :: goto for_ever /* it computes on, its M never looks again */
  fi;

idle:
  lock(me, LOCK);
  idle_ms = idle_ms | (1 << me);
  ADD(me, NPIDLE, 1);
  unlock(me, LOCK);
  if
  :: spinning -> spinning = 0; count(me, -1)
  :: else
  fi;
#ifndef NO_HEAVY_FENCE
  heavy_fence(me); /* pairs with the publisher's light fence */
#endif
#ifndef NO_RECHECK
  if
  :: LD(me, GLOBAL) > 0 -> goto work
  :: else
  fi;
  if
  :: LD(me, TAIL) > head -> goto work
  :: else
  fi;
#endif
end_parked:
  atomic { given[me] -> given[me] = 0; spinning = 1 }
  goto search;
work:
  lock(me, LOCK);
  if
  :: idle_ms & (1 << me) ->
    idle_ms = idle_ms & ~(1 << me);
    ADD(me, NPIDLE, -1);
    unlock(me, LOCK);
    count(me, 1);
    spinning = 1;
    goto search
#ifdef GREEDY
  :: !(idle_ms & (1 << me)) && idle_ms != 0 ->
    idle_ms = idle_ms & (idle_ms - 1);
    ADD(me, NPIDLE, -1);
    unlock(me, LOCK);
    count(me, 1);
    spinning = 1;
    goto search
  :: idle_ms == 0 ->
#else
  :: else -> /* IDLE5: a waker has it; its hand-over is under way */
#endif
    unlock(me, LOCK);
    goto end_parked
  fi;
for_ever:
end_running:
  false
}

#ifdef FOREIGN_ITEMS
active proctype foreign() {
  bit won = 0;
  byte m = 0;
  lock(FOREIGN, LOCK);
  ADD(FOREIGN, GLOBAL, 1);
  unlock(FOREIGN, LOCK);
  light_fence;
  wake(FOREIGN)
}
#endif

#ifndef LIVENESS
active proctype at_rest() {
  timeout;
  assert(!(QUEUED && idle_ms != 0)); /* IDLE1 */
  assert(nspinning == 0); /* IDLE3, IDLE4 */
  assert(!given[0] && !given[1] && !given[2]) /* IDLE5 */
}
#endif

init {
  atomic {
    run M(0);
    run M(1);
#if NP > 2
    run M(2)
#endif
  }
}
