/* CLAIM: who ends a wait. Unbuffered channels 0 and 1; parties send, receive or select.
 *
 * A party has one case (plain operation) or two on different channels (select). Everybody
 * else may end its wait: a partner on either channel, a closer, the timer of party 0.
 *   plain waiter   belongs to whoever dequeues it under the channel lock
 *   select waiter  one ticket per select, CAS waiting -> winner; who loses skips it
 *   select         locks its channels in address order; pass 1 polls; pass 2 enqueues
 *                  everywhere; parks, the commit (run by the M, off the G's stack) arms the
 *                  timer and unlocks all; pass 3 locks all again and dequeues the losers
 *
 * CLAIM1  exactly one case of a select fires, exactly one event ends a wait.
 * CLAIM2  no value is lost or received twice: received exactly if its send succeeded.
 * CLAIM3  a finished party has no waiter in any queue.
 * CLAIM4  the commit touches the parked G's frame only before its last unlock, and the frame
 *         is alive until then (pass 3 needs every lock that the commit still holds).
 * CLAIM5  at rest no channel has a sender and a receiver waiting, a closed one has neither.
 * CLAIM6  no deadlock on the locks.
 *
 * Channel locks are full locks here (sequentially consistent); the ticket's CAS is acq_rel.
 * Run as: a select on two receives with two senders, and (FACING) two selects that each
 * send where the other receives, with a sender and a receiver.
 *
 * Mutants: NO_CAS (ticket tested, then stored), UNORDERED (locks in case order), NO_RELOCK
 * (pass 3 without the locks), NO_DEQUEUE (no pass 3).
 */
#ifdef FACING
#define PARTIES 4
#else
#define PARTIES 3
#endif
#define RECV 0
#define SEND 1
#define NONE 9

/* Tickets: which channel won, or */
#define IDLE 5
#define WAITING 6
#define TIMEOUT 7

/* Outcomes. */
#define PENDING 0
#define DONE 1
#define CLOSED 2
#define TIMED_OUT 3

bit locked[2];
bit closed[2];
/* queue[2 * channel + direction]: the parties that wait to receive (send) there */
chan queue[4] = [PARTIES] of { byte };
#define Q(c, d) queue[2 * (c) + (d)]

byte ticket[PARTIES] = IDLE;
bit selects[PARTIES];
byte outcome[PARTIES];
bit woken[PARTIES];
bit armed;             /* the timer of party 0 */
bit alive[PARTIES];    /* ghost: its frame exists */
byte received;         /* ghost: bit per sender */

inline acquire(c) { atomic { !locked[c]; locked[c] = 1 } }
inline release(c) { d_step { assert(locked[c]); locked[c] = 0 } }

inline finish(w, how) { d_step { assert(outcome[w] == PENDING) /* CLAIM1 */; outcome[w] = how } }

inline receive(from) {
  d_step { assert((received & (1 << from)) == 0) /* CLAIM2 */; received = received | (1 << from) }
}

/* w has been dequeued under its channel's lock: is it mine? */
inline claim(w, as, mine) {
  if
  :: !selects[w] -> mine = 1
  :: else ->
#ifdef NO_CAS
    mine = (ticket[w] == WAITING);
    if
    :: mine -> ticket[w] = as
    :: else
    fi
#else
    atomic {
      mine = (ticket[w] == WAITING);
      if
      :: mine -> ticket[w] = as
      :: else
      fi
    }
#endif
  fi
}

inline lock_all() {
  if
  :: c[1] == NONE -> acquire(c[0])
#ifdef UNORDERED
  :: else -> acquire(c[0]); acquire(c[1])
#else
  :: else -> acquire(0); acquire(1) /* address order */
#endif
  fi
}

inline unlock_all() {
  release(c[0]);
  if
  :: c[1] != NONE -> release(c[1])
  :: else
  fi
}

/* One case of pass 1; sets fired. */
inline try_case(k) {
  if
  :: closed[c[k]] -> finish(me, CLOSED); fired = 1
  :: else ->
    do
    :: nempty(Q(c[k], 1 - d[k])) ->
      Q(c[k], 1 - d[k])?w;
      claim(w, c[k], fired);
      if
      :: fired ->
        if
        :: d[k] == RECV -> receive(w)
        :: else -> receive(me)
        fi;
        finish(me, DONE);
        finish(w, DONE);
        partner = w;
        break
      :: else /* a select that was won elsewhere */
      fi
    :: empty(Q(c[k], 1 - d[k])) -> break
    od
  fi
}

/* The M after the switch away from a parked G: c[] is read from the G's frame. */
proctype commit(byte me, c0, c1) {
  if
  :: me == 0 -> armed = 1
  :: else
  fi;
  atomic { assert(alive[me]) /* CLAIM4 */; release(c0) };
  if
  :: c1 != NONE -> atomic { assert(alive[me]) /* CLAIM4 */; release(c1) }
  :: else
  fi
}

proctype party(byte me, c0, d0, c1, d1) {
  byte c[2], d[2];
  byte w, first;
  byte partner = NONE;
  bit fired;
  d_step {
    c[0] = c0; c[1] = c1; d[0] = d0; d[1] = d1;
    selects[me] = (c1 != NONE);
    alive[me] = 1
  }
  lock_all();
  if
  :: first = 0
  :: c[1] != NONE -> first = 1
  fi;
  try_case(first);
  if
  :: !fired && c[1] != NONE -> try_case(1 - first)
  :: else
  fi;
  if
  :: fired ->
    unlock_all();
    if
    :: partner != NONE -> woken[partner] = 1 /* ready it after the unlock */
    :: else
    fi;
    goto done
  :: else
  fi;
  /* Pass 2. */
  ticket[me] = WAITING;
  Q(c[0], d[0])!me;
  if
  :: c[1] != NONE -> Q(c[1], d[1])!me
  :: else
  fi;
  run commit(me, c[0], c[1]); /* the switch; from here the G does not run until woken */
end_parked:
  woken[me];
#ifndef NO_DEQUEUE
  if
  :: c[1] != NONE -> /* pass 3 */
#ifndef NO_RELOCK
    lock_all();
#endif
    atomic {
      if
      :: Q(c[0], d[0])??[eval(me)] -> Q(c[0], d[0])??eval(me)
      :: else
      fi
    };
    atomic {
      if
      :: Q(c[1], d[1])??[eval(me)] -> Q(c[1], d[1])??eval(me)
      :: else
      fi
    };
#ifndef NO_RELOCK
    unlock_all()
#endif
  :: else
  fi;
#endif
done:
  skip;
  d_step {
    assert(outcome[me] != PENDING); /* CLAIM1 */
    assert(!(Q(0, 0)??[eval(me)]) && !(Q(0, 1)??[eval(me)])); /* CLAIM3 */
    assert(!(Q(1, 0)??[eval(me)]) && !(Q(1, 1)??[eval(me)]));
    alive[me] = 0
  }
}

/* The timer of party 0 when it selects: one more that may claim. */
proctype timer() {
  bit mine;
end_unarmed:
  armed;
  claim(0, TIMEOUT, mine);
  if
  :: mine -> finish(0, TIMED_OUT); woken[0] = 1
  :: else
  fi
}

proctype closer() {
  byte ch, dir, w, k;
  byte wake[PARTIES];
  byte n;
  bit mine;
  if
  :: ch = 0
  :: ch = 1
  :: goto done
  fi;
  acquire(ch);
  closed[ch] = 1;
  do
  :: nempty(Q(ch, dir)) ->
    Q(ch, dir)?w;
    claim(w, ch, mine);
    if
    :: mine -> d_step { finish(w, CLOSED); wake[n] = w; n++ }
    :: else
    fi
  :: empty(Q(ch, dir)) ->
    if
    :: dir == 0 -> dir = 1
    :: else -> break
    fi
  od;
  release(ch);
  for (k : 0 .. PARTIES - 1) {
    if
    :: k < n -> woken[wake[k]] = 1
    :: else
    fi
  }
done:
  skip
}

proctype at_rest() {
  byte k;
  timeout;
  atomic {
    for (k : 0 .. 1) { /* CLAIM5 */
      assert(empty(Q(k, RECV)) || empty(Q(k, SEND)));
      assert(!closed[k] || (empty(Q(k, RECV)) && empty(Q(k, SEND))))
    }
    /* CLAIM2: the senders' side of every transfer. */
    assert(!(received & 2) || outcome[1] == DONE);
    assert(!(received & 4) || outcome[2] == DONE);
#ifndef FACING
    assert(outcome[1] != DONE || (received & 2));
    assert(outcome[2] != DONE || (received & 4));
    assert(outcome[0] != DONE || received == 2 || received == 4)
#endif
  }
}

init {
  atomic {
#ifdef FACING
    run party(0, 0, RECV, 1, SEND);
    run party(1, 1, RECV, 0, SEND);
    run party(2, 0, SEND, NONE, 0);
    run party(3, 1, RECV, NONE, 0);
#else
    run party(0, 0, RECV, 1, RECV);
    run party(1, 0, SEND, NONE, 0);
    run party(2, 1, SEND, NONE, 0);
    run timer();
#endif
    run closer();
    run at_rest()
  }
}
