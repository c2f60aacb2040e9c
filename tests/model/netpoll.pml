/* NETPOLL: one direction of a descriptor: nothing, ready, or waiters; edges, close, deadline.
 *
 * READERS Gs read WANTED bytes each, at most SIZE at a time, from a socket that gets all of
 * them bit by bit; every arrival is an edge, and edges not yet reported are one. A poller
 * reports them. A mover sets a deadline in the past and clears it again, or (with -DCLOSE)
 * a closer closes the descriptor at any moment, and not all bytes need come. The number is taken over by another
 * file as soon as it is free, and an event of the former life may be reported then.
 *
 * D2  no system call meets a file that is not the descriptor's own.
 * D3  a G stands in the list once; who takes the list takes all of it.
 * D5  no lost wake-up: no G sleeps for ever while there are bytes, after a close, or after
 *     the deadline was moved. All Gs end.
 * D6  an event of a former life does no harm, with tags or without.
 *
 * All steps on the word are seq_cst operations: the model is sequentially consistent. That a
 * waiter is pushed only when its G is off its stack is PARK1 (park.pml).
 *
 * Mutants: NO_LOOK (no look at closing and deadline after the push), TAKE_FIRST (the closer
 * takes the waiters before it says that it closes), CONSUME_LATE (ready is consumed after the
 * system call), NO_RESTORE (a read that got all it asked for leaves nothing), DROP_WAKE (who is woken and finds
 * the deadline passed leaves nothing), CLOSE_EARLY (the file is closed before the last user
 * left), TAKE_ONE (an event wakes one of the waiters and forgets the others).
 */
#ifndef READERS
#define READERS 2
#endif
#ifndef WANTED
#define WANTED 1
#endif
#ifndef SIZE
#define SIZE 2 /* of a read */
#endif
#define TOTAL (READERS * WANTED)

/* The word. */
bit rdy = 1;
byte list; /* bit i: reader i stands there */
bit wake[READERS];

/* The socket. */
byte avail;
byte arrived;
byte taken;
bit edge;  /* not yet reported */
bit stale; /* an event of a former life, not yet reported */
bit foreign; /* the number belongs to another file */

/* The descriptor. */
bit closing;
byte users;
bit open = 1; /* close() has not let go yet */
bit passed;  /* the deadline is over */
bit changed; /* which of its values the deadline has */
byte finished;

inline release(mask) {
  d_step {
    if :: (mask & 1) -> assert(!wake[0]); wake[0] = 1 :: else fi;
#if READERS > 1
    if :: (mask & 2) -> assert(!wake[1]); wake[1] = 1 :: else fi
#endif
  }
}

/* mark_ready() */
inline mark(m) {
  atomic {
    if
    :: list != 0 ->
#ifdef TAKE_ONE
      m = (list & 1 -> 1 : 2); list = 0
#else
      m = list; list = 0
#endif
    :: else -> m = 0; rdy = 1
    fi
  }
  release(m); m = 0
}

inline take(m) {
  atomic { m = list; list = 0 }
  release(m); m = 0
}

inline leave_user() {
  atomic {
    users--;
    if :: closing && !open && users == 0 -> foreign = 1 :: else fi
  }
}

active [READERS] proctype reader() {
  byte got, n, mask;
  bit woken, seen, whole;
again:
  do
  :: got < WANTED ->
    /* one call */
    atomic {
      if
      :: closing -> goto ended
      :: else -> users++
      fi
    }
    woken = 0;
    do
    :: 1 ->
      if
      :: closing -> if :: woken -> mark(mask) :: else fi; leave_user(); goto ended
      :: else
      fi;
      atomic { seen = changed; whole = passed }
      if
      :: whole ->
        whole = 0;
#ifndef DROP_WAKE
        if :: woken -> mark(mask) :: else fi;
#endif
        leave_user();
        !passed || closing; /* the caller moves the deadline, then tries again */
        goto again
      :: else
      fi;
#ifdef CONSUME_LATE
      n = rdy;
#else
      atomic { n = rdy && !woken; if :: n -> rdy = 0 :: else fi }
#endif
      if
      :: woken || n ->
        woken = 0;
        atomic { /* the system call */
          assert(!foreign); /* D2 */
          n = (avail < SIZE -> avail : SIZE);
          n = (n < WANTED - got -> n : WANTED - got);
          avail = avail - n; got = got + n; taken = taken + n;
          /* a read that got all it asked for may have left something */
          whole = (n != 0 && (n == SIZE || got == WANTED))
        }
#ifdef CONSUME_LATE
        rdy = 0;
#endif
        if
        :: n != 0 ->
#ifndef NO_RESTORE
          if :: whole -> whole = 0; mark(mask) :: else fi;
#endif
          whole = 0; n = 0; break
        :: else
        fi
      :: else
      fi;
      /* push */
      atomic {
        if
        :: rdy -> rdy = 0; woken = 1
        :: else -> assert(!(list & (1 << _pid))); list = list | (1 << _pid)
        fi
      }
      if
      :: woken
      :: else ->
#ifndef NO_LOOK
        if :: closing || changed != seen -> take(mask) :: else fi;
#endif
        atomic { wake[_pid]; wake[_pid] = 0; woken = 1 }
      fi
    od;
    leave_user()
  :: else -> break
  od;
ended:
  finished++
}

active proctype sender() {
  do
  :: arrived < TOTAL -> atomic { arrived++; avail++; edge = 1 }
#ifdef CLOSE
  :: break /* only the close ends the others' waits */
#endif
  :: else -> break
  od
}

active proctype kernel_and_poller() {
  byte mask;
end:
  do
  :: atomic { edge -> edge = 0 }; mark(mask)
  :: atomic { stale -> stale = 0 }; mark(mask) /* D6: it slipped through */
  od
}

active proctype late_event() { stale = 1 }

active proctype other() {
  byte mask;
#ifdef CLOSE
#ifdef TAKE_FIRST
  take(mask);
  closing = 1;
#else
  closing = 1;
  take(mask);
#endif
  atomic {
    open = 0;
#ifdef CLOSE_EARLY
    foreign = 1
#else
    if :: users == 0 -> foreign = 1 :: else fi
#endif
  }
#else
  atomic { passed = 1; changed = 1 }
  take(mask);
  atomic { passed = 0; changed = 0 }
  take(mask)
#endif
}

#ifndef CLOSE
/* Everything that was sent is read. */
active proctype judge() {
  finished == READERS;
  assert(taken == TOTAL && avail == 0)
}
#endif
