/* RUNQ: a P's ring of runnable Gs: one producer (the owner), consumers that move head by CAS.
 *
 * Capacity 4, indexes modulo 16, started just below the wrap. The owner puts ITEMS Gs, each
 * at the tail or into runnext (its own here: thieves freeze the P for it, see freeze.pml), and gets some in between; one thief steals half twice (and,
 * as THIEVES=2 with fewer puts, two thieves against each other).
 *
 * RUNQ1  every G put is taken exactly once: by the owner, a thief, or the global queue.
 * RUNQ2  FIFO: the ring gives Gs in the order of their put, whoever takes them.
 * RUNQ3  0 <= tail - head <= 4 at every moment.
 * RUNQ4  a slot is written only while it is outside [head, head + 4) of the old content: the
 *        copy a taker made before a successful CAS is what was put there.
 * RUNQ5  a thief never copies more than half a ring, so its own (empty) ring has room.
 *
 * Why copy, then CAS: the CAS is what makes the slots free for the producer. Slots must be
 * atomics (relaxed): a thief that will lose its CAS may read one while the owner stores it.
 * head and tail only grow and never meet an old value within one attempt: no ABA short of
 * 2^32 puts. No fence is involved, only release (tail) -> acquire (thief's tail) and the CAS;
 * so statements here are sequentially consistent and the mutants reorder them by hand.
 *
 * Mutants: CAS_FIRST (thief copies after its CAS), TAIL_FIRST (tail published before the
 * slot: no release), NO_CAS (owner's get moves head by a plain store), NO_HALF_CHECK (thief
 * trusts a tail that is newer than its head).
 */
#define CAP 4
#define MOD 16
#define START 14
#ifndef ITEMS
#define ITEMS 7
#endif

#ifndef GETS
#define GETS 2 /* between the puts */
#endif
#ifndef NEXTS
#define NEXTS 2
#endif
#ifndef THIEVES
#define THIEVES 1
#endif
#ifndef TURNS
#define TURNS 2
#endif

#define SLOT(i) slots[(i) % CAP]
#define NEXT(i, n) (((i) + (n)) % MOD)
#define LENGTH(h, t) (((t) + MOD - (h)) % MOD)

byte slots[CAP];
byte head = START;
byte tail = START;
byte runnext;

/* Ghosts. */
short taken;  /* bit per G */
byte fifo_put[MOD]; /* which G was put at this index */
bit finished;

inline take(g) { /* RUNQ1 */
  d_step {
    assert(g != 0 && (taken & (1 << g)) == 0);
    taken = taken | (1 << g)
  }
}

/* RUNQ2, RUNQ4, inside the successful CAS. Who reads the slot after this must lose its CAS,
 * so what it reads is wiped out: far fewer states. */
inline check_slot(i, g) {
  assert(g == fifo_put[i]);
  fifo_put[i] = 0;
  SLOT(i) = 0
}

active proctype owner() {
  byte g, h, t, old;
  byte gets = 0;
  byte nexts = 0;
  byte batch[2];
  for (g : 1 .. ITEMS) {
    if
    :: nexts < NEXTS -> /* next = true: the one that sat there goes to the tail */
      nexts++;
      if
      :: runnext == 0 -> runnext = g
      :: else -> old = runnext; runnext = g
      fi;
      if
      :: old == 0 -> goto put
      :: else
      fi
    :: old = g
    fi;
again:
    /* acquire: pairs with the takers' CAS, the slots below are free; tail is the owner's */
    atomic { h = head; t = tail };
    if
    :: LENGTH(h, t) < CAP ->
      d_step { assert(LENGTH(head, tail) < CAP) /* RUNQ3 */; fifo_put[t] = old };
#ifdef TAIL_FIRST
      tail = NEXT(t, 1);
      SLOT(t) = old
#else
      SLOT(t) = old;
      tail = NEXT(t, 1) /* release: pairs with the thief's load of tail */
#endif
    :: else -> /* full: half of it and the new one to the global queue */
      batch[0] = SLOT(h);
      batch[1] = SLOT(NEXT(h, 1));
      if
      :: atomic { head == h ->
           check_slot(h, batch[0]);
           check_slot(NEXT(h, 1), batch[1]);
           head = NEXT(h, CAP / 2) };
        atomic { take(batch[0]); take(batch[1]); take(old) }
      :: atomic { head != h -> batch[0] = 0; batch[1] = 0 };
        goto again /* somebody made room */
      fi;
      d_step { batch[0] = 0; batch[1] = 0 }
    fi;
put:
    atomic { old = 0; h = 0; t = 0 };
    /* Between two puts: get nothing, or one. */
    if
    :: skip
    :: gets < GETS -> gets++; goto get
got:
      skip
    fi;
  }
  g = ITEMS + 1;
  goto get;
end_drained:
  finished = 1;
  goto done;

get:
  old = runnext; runnext = 0
  if
  :: old != 0 -> take(old)
  :: else ->
get_ring:
    atomic { h = head; t = tail };
    if
    :: h == t ->
      if
      :: g > ITEMS -> h = 0; t = 0; goto end_drained
      :: else -> goto get_done
      fi
    :: else
    fi;
    old = SLOT(h);
#ifdef NO_CAS
    check_slot(h, old);
    head = NEXT(h, 1);
#else
    if
    :: atomic { head == h -> check_slot(h, old); head = NEXT(h, 1) }
    :: head != h -> goto get_ring
    fi;
#endif
    take(old)
  fi;
get_done:
  atomic { old = 0; h = 0; t = 0 };
  if
  :: g > ITEMS -> goto get
  :: else -> goto got
  fi;
done:
  skip
}

active [THIEVES] proctype thief() {
  byte h, t, n;
  byte copy[2];
  byte turns = 0;
  do
  :: turns < TURNS ->
    /* acquire: before tail, so that tail - head is never negative */
    atomic { turns++; h = head };
    atomic { /* acquire: pairs with the owner's release */
      t = tail;
      n = LENGTH(h, t);
      n = n - n / 2;
      t = 0
    };
    if
    :: n == 0 ->
      goto next
#ifndef NO_HALF_CHECK
    :: n > CAP / 2 -> goto next /* head is older than tail: nonsense, read again */
#endif
    :: else
    fi;
    assert(n <= CAP / 2); /* RUNQ5 */
#ifdef CAS_FIRST
    if
    :: atomic { head == h -> head = NEXT(h, n) }
    :: head != h -> goto next
    fi;
#endif
    copy[0] = SLOT(h);
    if
    :: n >= 2 -> copy[1] = SLOT(NEXT(h, 1))
    :: else
    fi;
#ifndef CAS_FIRST
    if
    :: atomic { head == h -> /* release: the owner may reuse the slots */
         check_slot(h, copy[0]);
         if
         :: n >= 2 -> check_slot(NEXT(h, 1), copy[1])
         :: else
         fi;
         head = NEXT(h, n) }
    :: head != h -> goto next
    fi;
#endif
    atomic {
      take(copy[0]);
      if
      :: n >= 2 -> take(copy[1])
      :: else
      fi
    };
next:
    atomic { h = 0; t = 0; n = 0; copy[0] = 0; copy[1] = 0 }
  :: else -> break
  od
}

active proctype at_rest() {
  timeout;
  assert(taken == (1 << (ITEMS + 1)) - 2); /* RUNQ1: all of them */
  assert(head == tail && runnext == 0)
}
