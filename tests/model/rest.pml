/* REST: stop() unwinds the parked Gs beside one that is in foreign code on an M without a P.
 *
 * Two Ms, one P, three Gs. Each parks, in an object with a lock or for ever, G 1 perhaps twice;
 * G 0 stays in foreign code before, until the others have ended. The monitor takes the P from an
 * M in user code. A foreign thread readies G 1 once. The stopper waits until nobody has the P and
 * each M idles or runs a G without it; it stops the world, ends the waits of the Gs that it
 * finds, except those seen on such Ms, lets the world go on and makes them runnable: they end.
 *
 * REST1  a wait is ended from outside only when the G's registers are saved, and a G is resumed
 *        only then.
 * REST2  every G ends, those without a P last.
 * REST3  while the world is stopped nobody takes the P.
 *
 * An M's current G and its place in the idle list are read under the scheduler's lock, under which
 * the P was taken from it: steps under that lock are atomic here. No fence is involved.
 *
 * Mutants: NO_OUTSIDE (the Gs on Ms without a P are not left alone), IDLE_ONLY (rest is when all
 * Ms idle), TAKES_ANOTHER (an M without a P takes a G), REGAIN (an M takes the P although the
 * world is stopped).
 */
#define NM 2
#define NG 3
#define NOBODY 9
#define FREE NOBODY /* the P is in the idle list */

mtype = { runnable, running, waiting, dead };

mtype state[NG] = runnable;
bit saved[NG] = 1; /* ghost: off its stack */
bit locked[NG];    /* the lock of the object that it waits in */
bit queued[NG];    /* it stands in there */
bit forever[NG];   /* or waits for nothing */
bit told[NG];      /* unwinding */
byte parks[NG];
#define wanted(g) (g == 1 -> 2 : 1)
byte ended;

chan runq = [NG] of { byte };

/* Under the scheduler's lock. */
byte holder = FREE;
bit stopped;
bit idle[NM] = 1;
byte current[NM] = NOBODY;
byte outside[NM] = NOBODY;
bit in_user_code[NM]; /* pin == 0 */

#define has_p(m) (holder == m)
#ifdef IDLE_ONLY
#define rests(m) (idle[m])
#else
#define rests(m) (idle[m] || current[m] != NOBODY)
#endif

inline take_p(m) {
#ifndef REGAIN
  assert(!stopped); /* REST3 */
#endif
  holder = m
}

inline end_wait(g) { /* by who has taken it out */
  assert(saved[g] && state[g] == waiting); /* REST1 */
  state[g] = runnable
}

active [NM] proctype m() {
  byte g;
end:
  do
  :: atomic { idle[_pid] && holder == FREE && len(runq) > 0 && !stopped -> idle[_pid] = 0; take_p(_pid) }
    do
    :: atomic {
        nempty(runq) && has_p(_pid) -> runq?g;
        assert(saved[g]); /* REST1 */
        saved[g] = 0; state[g] = running; current[_pid] = g
      }
      in_user_code[_pid] = 1;
      if
      :: g == 0 && parks[0] == 0 -> ended >= NG - 1
      :: else
      fi;
      in_user_code[_pid] = 0;
#ifdef REGAIN
      if :: atomic { holder == FREE -> take_p(_pid) } :: 1 fi;
#else
      if :: atomic { holder == FREE && !stopped -> take_p(_pid) } :: 1 fi;
#endif
      if
      :: told[g] || parks[g] == wanted(g) -> /* it ends */
        atomic { current[_pid] = NOBODY; saved[g] = 1; state[g] = dead; ended++ }
      :: else ->
        parks[g]++;
        if
        :: forever[g] = 1
        :: atomic { !locked[g] -> locked[g] = 1; queued[g] = 1 }
        fi;
        state[g] = waiting;
        current[_pid] = NOBODY;
        saved[g] = 1; /* the switch */
        locked[g] = 0 /* the commit */
      fi;
      g = 0
#ifndef TAKES_ANOTHER
    :: !has_p(_pid) -> atomic { idle[_pid] = 1; break }
#else
    :: !has_p(_pid) && empty(runq) -> atomic { idle[_pid] = 1; break }
    :: atomic {
        nempty(runq) && !has_p(_pid) -> runq?g;
        assert(saved[g]);
        saved[g] = 0; state[g] = running; current[_pid] = g
      }
      forever[g] = 1; state[g] = waiting;
      current[_pid] = NOBODY; saved[g] = 1; g = 0
#endif
    :: atomic { empty(runq) && has_p(_pid) -> holder = FREE; idle[_pid] = 1; break }
    od
  od
}

active proctype monitor() {
end:
  do
  :: atomic {
      !stopped && holder != FREE && in_user_code[holder] -> holder = FREE
    }
  od
}

/* Readies one that waits in an object. */
active proctype foreign() {
end:
  atomic { queued[1] && !locked[1] -> queued[1] = 0; end_wait(1) }
  runq!1
}

inline leave_alone(g) {
  mine = 0;
  d_step {
    i = 0;
    do
    :: i < NM -> if :: outside[i] == g -> mine = 1 :: else fi; i++
    :: else -> break
    od;
    i = 0
  }
}

active proctype stopper() {
  byte g, i;
  bit mine;
  byte batch;
  atomic {
    do
    :: i < NG -> runq!i; i++
    :: else -> i = 0; break
    od
  }
  do
  :: ended == NG -> break
  :: ended != NG ->
    /* Looks again and again until there is rest and somebody to end. */
    atomic {
      (ended == NG) || (holder == FREE && rests(0) && rests(NM - 1) && empty(runq) &&
      ((state[0] == waiting) || (state[1] == waiting) || (state[NG - 1] == waiting)));
      if
      :: ended == NG -> goto over
      :: else
      fi;
      stopped = 1;
      do
      :: i < NM ->
#ifndef NO_OUTSIDE
        if :: idle[i] -> outside[i] = NOBODY :: else -> outside[i] = current[i] fi;
#endif
        i++
      :: else -> break
      od;
      i = 0; g = 0
    }
    do
    :: g < NG ->
      leave_alone(g);
      if
      :: !mine && state[g] == waiting ->
        if
        :: forever[g] -> forever[g] = 0; told[g] = 1; end_wait(g); batch = batch | (1 << g)
        :: else ->
          atomic {
            !locked[g];
            if
            :: queued[g] -> queued[g] = 0; told[g] = 1; end_wait(g); batch = batch | (1 << g)
            :: else
            fi
          }
        fi
      :: else
      fi;
      g++
    :: else -> break
    od;
    stopped = 0;
    g = 0;
    do
    :: g < NG -> if :: batch & (1 << g) -> runq!g :: else fi; g++
    :: else -> break
    od;
    batch = 0; g = 0; mine = 0
  od;
over:
  skip
}
