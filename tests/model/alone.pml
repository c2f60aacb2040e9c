/* ALONE: the only P's holder takes Gs by plain stores, until a second P comes.
 *
 *   pick          pinned: alone -> ring: head = head + 1, newborn: tail = tail - 1, both plain;
 *                 else ring: CAS of head; newborn: exchange of tail, then read head, and a CAS
 *                 of head for the last one (runq.pml, newborn.pml)
 *   end_solitude  alone = 0; heavy_fence; look, under the sched lock, until the P has no
 *                 holder or its holder's pin is 0. Then there may be a second P, and thieves.
 *
 * M 0 has the P, picks and runs Gs in turn, and may hand the P to M 1, which goes on. Every M
 * is pinned when it gets the P and while it picks, any number of times in one pin, and looks
 * at `alone` for each pick. The third thread ends the solitude and then steals. Ring and
 * newborn part are full at first; a G is named by its index.
 *
 * ALONE1  each G is taken once, by whomever.
 * ALONE2  when end_solitude returns no plain take is under way and none begins.
 *
 * Why it holds: a pin still in a store buffer at the fence is drained by it, so it is seen and
 * waited for; a pin stored after the fence is followed by a load of `alone` that sees 0. The
 * plain stores of a take leave the buffer before the unpin does, so who sees pin == 0 sees
 * them; and a holder that gave the P away passed the sched lock. A G on the holder's own M
 * that ends the solitude need not look: its own takes are behind it.
 *
 * Mutants: NO_HEAVY_FENCE, NO_WAIT (does not wait for the pin), LOOK_ONCE (the holder keeps what
 * it saw from pin to pin), LOOK_BEFORE (it looks before it pins), CLEAR_LATE (alone = 0 after the
 * wait).
 */
#define NT 3
#define NL 9
#define BUF 3
#include "tso.h"

#define ALONE 0
#define PIN 1 /* + m */
#define HEAD 3 /* ring */
#define TAIL 4
#define OLD 5 /* newborn's head; its tail is YOUNG */
#define YOUNG 6
#define LOCK 7
#define HOLDER 8 /* 0 nobody, m + 1 */
#define FIRST 1 /* newborn indexes begin here: the owner lowers one below the old end */
#ifndef RING
#define RING 2
#endif
#ifndef BORN
#define BORN 2
#endif
#ifndef PICKS
#define PICKS 2 /* of an M */
#endif

bit ready, idle;
bit over; /* ghosts */
byte ring_taken, born_taken;

inline took(set, i) { d_step { assert((set & (1 << (i))) == 0); set = set | (1 << (i)) } } /* ALONE1 */

inline pop_ring() {
  if
  :: mode ->
    h = LD(me, HEAD);
    if
    :: h != LD(me, TAIL) ->
      atomic { took(ring_taken, h); assert(!over) /* ALONE2 */ };
      ST(me, HEAD, h + 1)
    :: else
    fi
  :: else ->
    atomic {
      RMW(me);
      if
      :: mem[HEAD] != mem[TAIL] -> took(ring_taken, mem[HEAD]); mem[HEAD] = mem[HEAD] + 1
      :: else
      fi
    }
  fi
}

inline pop_newborn() {
  t = LD(me, YOUNG);
  if
  :: t == LD(me, OLD) -> skip
  :: else ->
    t--;
    if
    :: mode ->
      ST(me, YOUNG, t);
      atomic { took(born_taken, t); assert(!over) /* ALONE2 */ }
    :: else ->
      atomic { RMW(me); mem[YOUNG] = t };
      h = LD(me, OLD);
      if
      :: t > h -> took(born_taken, t)
      :: t == h ->
        atomic {
          RMW(me);
          if
          :: mem[OLD] == h -> mem[OLD] = h + 1; took(born_taken, t)
          :: else
          fi
        };
        ST(me, YOUNG, t + 1)
      :: t < h -> ST(me, YOUNG, t + 1)
      fi
    fi
  fi
}

active [2] proctype M() {
  byte me = _pid - 1;
  byte n = 0;
  byte h, t;
  bit mode;
  if
  :: me == 0 ->
    d_step {
      mem[ALONE] = 1; mem[PIN] = 1; mem[PIN + 1] = 1; mem[HOLDER] = 1;
      mem[TAIL] = RING; mem[OLD] = FIRST; mem[YOUNG] = FIRST + BORN;
      ready = 1
    }
  :: else ->
    idle;
    lock(me, LOCK);
    ST(me, HOLDER, me + 1);
    unlock(me, LOCK)
  fi;
#ifdef LOOK_ONCE
  mode = LD(me, ALONE);
#endif
  do
  :: n < PICKS ->
    n++;
#ifndef LOOK_ONCE
    mode = LD(me, ALONE);
#endif
    if
    :: pop_ring()
    :: pop_newborn()
    fi;
    h = 0; t = 0;
    if
    :: true -> /* the G runs: user code */
      ST(me, PIN + me, 0); /* unpin: release, pairs with the load in end_solitude */
#ifdef LOOK_BEFORE
      mode = LD(me, ALONE);
      ST(me, PIN + me, 1);
      if
      :: n < PICKS -> n++; pop_ring()
      :: else
      fi
#else
      ST(me, PIN + me, 1);
      light_fence /* pairs with the heavy fence in end_solitude */
#endif
    :: true /* the next pick comes under the same pin */
    fi
  :: true -> break
  od;
  lock(me, LOCK);
  ST(me, HOLDER, 0);
  if
  :: me == 0 -> idle = 1
  :: else
  fi;
  unlock(me, LOCK)
}

active proctype setter() {
  byte me = _pid - 1;
  byte h, t;
  bit known;
  ready;
#ifndef CLEAR_LATE
  ST(me, ALONE, 0);
#endif
#ifndef NO_HEAVY_FENCE
  heavy_fence(me);
#endif
#ifndef NO_WAIT
  do
  :: !known ->
    lock(me, LOCK);
    h = LD(me, HOLDER);
    known = (h == 0 -> 1 : LD(me, PIN + h - 1) == 0);
    unlock(me, LOCK)
  :: known -> break
  od;
#endif
#ifdef CLEAR_LATE
  ST(me, ALONE, 0);
#endif
  over = 1;
  h = LD(me, HEAD);
  if
  :: h < LD(me, TAIL) ->
    atomic {
      RMW(me);
      if
      :: mem[HEAD] == h -> mem[HEAD] = h + 1; took(ring_taken, h)
      :: else
      fi
    }
  :: else
  fi;
  h = LD(me, OLD);
  t = LD(me, YOUNG);
  if
  :: t > h ->
    atomic {
      RMW(me);
      if
      :: mem[OLD] == h -> mem[OLD] = h + 1; took(born_taken, h)
      :: else
      fi
    }
  :: else
  fi
}
