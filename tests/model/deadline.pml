/* DEADLINE: a direction's deadline and the timer that serves it.
 *
 * WAITERS Gs wait for a descriptor on which nothing ever arrives; one of them sets a new
 * deadline ROUNDS times, each time the last has passed. Who waits arms the timer unless
 * its mark says that it fires in time; with two Ps it may fire before the waiter stands
 * in the list, while another arms it, or be firing still for the deadline before.
 *
 * DL1  no lost wake-up: every wait ends once its deadline has passed.
 * DL2  a mark other than NEVER promises: the timer will fire, and no later than that. It is
 *      stored before the timer is armed, and taken back before those in the list are woken.
 * DL3  who has pushed himself looks at the mark again: NEVER, and it may have fired before.
 *
 * Mutants: NO_MARK_LOOK (DL3), MARK_LATE (the mark is stored after the timer is armed),
 * TAKE_FIRST (the firing takes the waiters before it takes the mark back).
 */
#ifndef WAITERS
#define WAITERS 1
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define NEVER 9
#define LAST (ROUNDS + 1)

mtype = { idle, armed, firing, firing_rearmed };

byte now;
byte deadline = 1;
byte mark = NEVER;
mtype timer = idle;
byte when;
bit arming; /* timer_lock */
byte list;
bit wake[2];

inline release(mask) {
  d_step {
    if :: (mask & 1) -> assert(!wake[0]); wake[0] = 1 :: else fi;
    if :: (mask & 2) -> assert(!wake[1]); wake[1] = 1 :: else fi
  }
}

inline take(m) {
  atomic { m = list; list = 0 }
  release(m); m = 0
}

inline arm(seen) {
  if
  :: mark <= seen
  :: else ->
    atomic { !arming -> arming = 1 }
#ifndef MARK_LATE
    mark = seen;
#endif
    atomic {
      if
      :: timer == idle || timer == armed -> timer = armed
      :: else -> timer = firing_rearmed
      fi;
      when = seen
    }
#ifdef MARK_LATE
    mark = seen;
#endif
    arming = 0
  fi
}

active [WAITERS] proctype waiter() {
  byte round = 0;
  byte seen, mask;
  do
  :: round < ROUNDS ->
    do
    :: 1 ->
      seen = deadline;
      if :: seen <= now -> break :: else fi;
      arm(seen);
      list = list | (1 << _pid);
      if
#ifdef NO_MARK_LOOK
      :: deadline != seen -> take(mask)
#else
      :: deadline != seen || mark > seen -> take(mask) /* DL3 */
#endif
      :: else
      fi;
      atomic { wake[_pid] -> wake[_pid] = 0 }
    od;
    round++;
    if
    :: _pid == 0 && round < ROUNDS -> deadline = round + 1; take(mask)
    :: else
    fi
  :: else -> break
  od
}

active proctype clock() {
  do
  :: now < LAST -> now++
  :: else -> break
  od
}

/* Whichever M sees it due. */
active proctype firer() {
  byte at, again, seen, mask;
end:
  do
  :: atomic { timer == armed && when <= now -> timer = firing; at = now }
#ifdef TAKE_FIRST
    take(mask);
#endif
    mark = NEVER;
    seen = deadline;
    if
    :: seen <= at ->
#ifndef TAKE_FIRST
      take(mask);
#endif
      again = NEVER
    :: else ->
      atomic { if :: mark == NEVER -> mark = seen :: else fi }
      again = seen
    fi;
    atomic {
      if
      :: timer == firing_rearmed -> timer = armed
      :: timer == firing && again != NEVER -> timer = armed; when = again
      :: else -> timer = idle
      fi;
      at = 0; again = 0; seen = 0
    }
  od
}
