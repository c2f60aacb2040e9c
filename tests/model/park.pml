/* PARK: a G leaves its stack before anybody can resume it; ready and park never miss.
 *
 * GS Gs on two Ms each take ROUNDS tokens of a counter guarded by a lock; a G that finds
 * none enqueues itself and parks with the lock held. A foreign thread makes the tokens: it
 * hands one to the first waiter and readies it at once, or leaves it in the counter. In
 * between a G may yield; at its end it frees its own stack. The parking G's M goes on with
 * the scheduler loop on g0 or switches straight to another runnable G.
 *
 * A switch is three steps: save the old context's registers on its stack; take the new
 * stack; run, first thing on the new context, the commit the old one left with its M:
 * unlock the wait queue, put the yielding G in a run queue, or free the dead G's slot.
 *
 * PARK1  a G is resumed only when its registers are saved and no M is on its stack.
 * PARK2  every park is ended by exactly one ready.
 * PARK3  no lost wake-up: every G gets its tokens and ends.
 * PARK4  a stack is freed only when no M is on it.
 * PARK5  an M has at most one commit pending, and none while a G or the loop runs on.
 *
 * The lock's release (in the commit) and acquire (the waker's) carry the saved registers to
 * the M that resumes; no fence is involved, so the model is sequentially consistent.
 *
 * Mutants: UNLOCK_EARLY, REQUEUE_EARLY, FREE_EARLY (the action before the switch instead of
 * in the commit), HALF_SWITCH (commit after the save, still on the old stack),
 * CHECK_UNLOCKED (the G looks at the counter before it takes the lock, not under it).
 */
#ifndef GS
#define GS 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define G0 GS /* an M's own context, in place of a G's index */
#define NOWHERE 9

/* Commits. */
#define NOTHING 0
#define UNLOCK 1
#define REQUEUE 2
#define FREE 3

bit saved[GS] = 1; /* a new G looks like a parked one */
byte on[GS] = NOWHERE; /* ghost: the M on its stack */
byte left[GS] = ROUNDS;
bit yielded[GS];
bit handed[GS]; /* a waker gave it its token */
bit parked[GS]; /* ghost */
byte ended;

chan runq = [GS] of { byte };
chan waitq = [GS] of { byte }; /* guarded by locked */
bit locked;
byte tokens; /* guarded by locked */

inline do_commit(g) {
  if
  :: pending == UNLOCK -> pending = NOTHING; locked = 0
  :: pending == REQUEUE -> pending = NOTHING; runq!g
  :: pending == FREE ->
    atomic { pending = NOTHING; assert(on[g] == NOWHERE) /* PARK4 */; ended++ }
  :: pending == NOTHING
  fi
}

active [2] proctype M() {
  byte me = _pid;
  byte ctx = G0; /* whose stack this M is on */
  byte next;
  byte old = G0;
  byte pending = NOTHING;
loop: /* on g0 */
  assert(pending == NOTHING); /* PARK5 */
end_idle:
  runq?next;
  goto switch;

execute: /* on ctx */
  assert(pending == NOTHING && on[ctx] == me); /* PARK5, PARK1 */
  if
  :: handed[ctx] -> atomic { handed[ctx] = 0; left[ctx]-- }
  :: else
  fi;
  if
  :: left[ctx] == 0 ->
    pending = FREE;
    goto leave
  :: left[ctx] > 0 && !yielded[ctx] ->
    atomic { yielded[ctx] = 1; pending = REQUEUE };
    goto leave
  :: left[ctx] > 0 ->
#ifdef CHECK_UNLOCKED
    if
    :: tokens == 0 -> atomic { !locked; locked = 1 }
    :: else -> atomic { !locked; locked = 1 }; goto have
    fi;
#else
    atomic { !locked; locked = 1 };
    if
    :: tokens == 0
    :: else -> goto have
    fi;
#endif
    atomic { waitq!ctx; parked[ctx] = 1; pending = UNLOCK };
    goto leave;
have:
    atomic { assert(tokens > 0); tokens--; left[ctx]-- };
    locked = 0;
    goto execute
  fi;

leave:
#ifdef UNLOCK_EARLY
  if
  :: pending == UNLOCK -> do_commit(ctx)
  :: else
  fi;
#endif
#ifdef REQUEUE_EARLY
  if
  :: pending == REQUEUE -> do_commit(ctx)
  :: else
  fi;
#endif
#ifdef FREE_EARLY
  if
  :: pending == FREE -> do_commit(ctx)
  :: else
  fi;
#endif
  if
  :: runq?next /* direct switch */
  :: next = G0
  fi;

switch:
  atomic {
    old = ctx;
    if
    :: old != G0 -> saved[old] = 1
    :: else
    fi
  };
#ifdef HALF_SWITCH
  do_commit(old);
#endif
  atomic {
    if
    :: old != G0 -> on[old] = NOWHERE
    :: else
    fi;
    ctx = next;
    next = 0;
    if
    :: ctx != G0 ->
      assert(saved[ctx] && on[ctx] == NOWHERE); /* PARK1 */
      saved[ctx] = 0;
      on[ctx] = me
    :: else
    fi
  };
  do_commit(old);
  old = G0;
  if
  :: ctx == G0 -> goto loop
  :: else -> goto execute
  fi
}

active proctype waker() {
  byte made, g;
  do
  :: made < GS * ROUNDS ->
    made++;
    atomic { !locked; locked = 1 };
    if
    :: nempty(waitq) ->
      waitq?g;
      locked = 0;
      atomic { assert(parked[g] && !handed[g]) /* PARK2 */; parked[g] = 0; handed[g] = 1 };
      runq!g /* ready: at once, wherever the G's M is by now */
    :: empty(waitq) -> atomic { tokens++; locked = 0 }
    fi
  :: else -> break
  od
}

active proctype at_rest() {
  timeout;
  assert(ended == GS && tokens == 0) /* PARK3 */
}

init {
  atomic { /* new Gs */
    byte g;
    for (g : 0 .. GS - 1) { runq!g }
  }
}
