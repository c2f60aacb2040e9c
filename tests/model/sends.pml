/* SENDS: Gs leave sends to the poller; whoever holds the P takes them to the kernel.
 *
 * One P, two Ms, SENDS sends. The M with the P runs Gs: each leaves a send (push, then on to the
 * next G or to the loop) or stalls in user code, where the monitor may take the P, or gives the P
 * away itself. Without work in sight the P goes to the idle list. The loop takes the list of sends
 * and completes them, when there is nothing else at the latest.
 *
 * SENDS1  each send is completed exactly once.
 * SENDS2  none is left when all Ms idle and the P is in the idle list.
 * SENDS3  the G of a send runs on only after its completion.
 *
 * The P changes hands under the scheduler's lock after the pin was seen free: atomic here (pin.pml,
 * handoff.pml).
 *
 * Mutants: NOT_IN_SIGHT (the giver of the P does not count sends as work), NO_LOOK (an M idles
 * without looking at the list), WAKE_FIRST (the G is woken before its send is complete), COPY (the
 * list is read and then cleared, in two steps).
 */
#ifndef SENDS
#define SENDS 3
#endif
#define NM 2
#define NOBODY 9

byte holder = NOBODY;
bit idle[NM] = 1;    /* M sleeps */
bit noted[NM];
bit user[NM];        /* in user code: unpinned */
byte list;           /* mask of sends pushed */
byte fresh = SENDS;  /* Gs that have not sent yet; they stand in the run queue */
byte runnable;       /* Gs whose sends are complete */
byte finished;       /* they have ended */
byte done;           /* mask */

#define bit_of(i) (1 << (i))
#ifdef NOT_IN_SIGHT
#define in_sight (fresh > 0 || runnable > 0)
#else
#define in_sight (fresh > 0 || runnable > 0 || list != 0)
#endif

/* Under the lock: the P leaves an M. */
inline give_away() {
  if
  :: in_sight ->
    if
    :: idle[0] && !noted[0] -> noted[0] = 1; holder = 0
    :: else -> noted[1] = 1; holder = 1
    fi
  :: else -> holder = NOBODY
  fi
}

inline complete(mask) {
  i = 0;
  do
  :: i < SENDS ->
    if
    :: mask & bit_of(i) ->
#ifdef WAKE_FIRST
      runnable++;
#endif
      atomic { assert(!(done & bit_of(i))); done = done | bit_of(i) } /* SENDS1 */
#ifndef WAKE_FIRST
      runnable++
#endif
    :: else
    fi;
    i++
  :: else -> break
  od;
  i = 0
}

inline flush() {
#ifdef COPY
  mine = list;
  list = 0;
#else
  atomic { mine = list; list = 0 }
#endif
  complete(mine); mine = 0
}

active [NM] proctype m() {
  byte i, mine, count;
end:
  do
  :: atomic { noted[_pid] -> noted[_pid] = 0; idle[_pid] = 0 }
    do
    :: holder == _pid && fresh > 0 -> /* a G leaves its send */
      atomic { fresh--; i = fresh }
      if
      :: 1 -> /* it stalls first, or gives the P away itself */
        if
        :: user[_pid] = 1; atomic { user[_pid] = 0 }
        :: atomic { (idle[0] && !noted[0]) || (idle[1] && !noted[1]) -> give_away() }
        fi
      :: 1
      fi;
      list = list | bit_of(i); /* the commit, with the P or without */
      i = 0
    :: holder == _pid && runnable > 0 -> atomic { runnable-- }
      count = 0; i = 0;
      d_step {
        do :: i < SENDS -> if :: done & bit_of(i) -> count++ :: else fi; i++ :: else -> break od;
        i = 0;
        finished++
      }
      assert(count >= finished); /* SENDS3 */
      if
      :: 1
      :: atomic { (idle[0] && !noted[0]) || (idle[1] && !noted[1]) -> give_away() }
        finished == SENDS /* blocking(), until the others have ended */
      fi
    :: holder == _pid && list != 0 -> flush()
#ifdef NO_LOOK
    :: holder == _pid && fresh == 0 && runnable == 0 ->
      atomic { if :: fresh == 0 && runnable == 0 -> holder = NOBODY; idle[_pid] = 1; break :: else fi }
#else
    :: holder == _pid && fresh == 0 && runnable == 0 && list == 0 ->
      atomic { if :: fresh == 0 && runnable == 0 && list == 0 && holder == _pid -> holder = NOBODY; idle[_pid] = 1; break :: else fi }
#endif
    :: holder != _pid -> /* it was taken */
#ifndef NO_LOOK
      flush();
#endif
      atomic {
        idle[_pid] = 1;
        /* as after every publication: an idle P is woken for what is in sight [I1] */
        if :: holder == NOBODY && in_sight -> noted[_pid] = 1; holder = _pid :: else fi
      }
      break
    od
  od
}

active proctype monitor() {
end:
  do
  :: atomic { holder != NOBODY && user[holder] && ((idle[0] && !noted[0]) || (idle[1] && !noted[1])) -> give_away() }
  od
}

init { atomic { noted[0] = 1; holder = 0 } }

active proctype rest() {
  timeout;
  assert(list == 0 && finished == SENDS) /* SENDS2 */
}
