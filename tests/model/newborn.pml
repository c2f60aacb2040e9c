/* NEWBORN: Gs that never ran, newest first for the owner, oldest first for everybody else.
 *
 * The deque of Chase and Lev: the owner pushes and pops at tail, takers move head by CAS, one
 * G at a time. Capacity 4, indexes modulo 16 from just below the wrap. The owner pushes and
 * pops at will, and when it is full moves the oldest half to the global queue; two thieves.
 *
 * NEWBORN1  every G pushed is taken exactly once.
 * NEWBORN2  the owner's pop gives the newest G that is still there, a thief the oldest.
 * NEWBORN3  0 <= length <= 4 whenever the owner is not inside pop.
 *
 * pop announces tail - 1, fences, then reads head; a thief reads head, fences, then reads
 * tail. So for the last G either the thief sees the lower tail and leaves it, or the owner
 * sees the higher head; both meet at the CAS of head. The fence of the thief orders two
 * loads, which x86 does anyway; the owner's store before a load is what needs it (seq_cst,
 * or light_fence here and heavy_fence in the thief: -DASYMMETRIC).
 *
 * A thief takes ONE per CAS. Taking half in one CAS, as in runq.pml, is wrong here: the
 * owner pops without a CAS while it sees head < tail - 1, right inside the thief's half.
 * (The owner may move several at once: it is the one who pops.)
 *
 * Mutants: NO_FENCE, STEAL_TWO, LAST_WITHOUT_CAS; NO_FENCE with ASYMMETRIC drops heavy_fence.
 */
#define NT 3
#define NL 2
#define BUF 2
#include "tso.h"

#define HEAD 0
#define TAIL 1
#define CAP 4
#define MOD 16
#define START 14
#ifndef ITEMS
#define ITEMS 5
#endif
#ifndef POPS
#define POPS 2
#endif
#define NEXT(i, n) (((i) + (n)) % MOD)
#define BACK(i, n) (((i) + MOD - (n)) % MOD)
#define LENGTH(h, t) (((t) + MOD - (h)) % MOD)

/* Slots are stored before tail (release) and a slot is not stored again before head has
 * passed it, so they need no place in the store buffers. */
byte slots[CAP];
byte taken; /* ghost: bit per G - 1; Gs are numbered in the order of their push */
byte made;

inline take(g) { /* NEWBORN1 */
  d_step { assert(g != 0 && (taken & (1 << (g - 1))) == 0); taken = taken | (1 << (g - 1)) }
}

#define BELOW(g) ((1 << ((g) - 1)) - 1)
inline take_oldest(g) { /* NEWBORN2: all older ones are gone; inside the CAS */
  d_step { assert((taken & BELOW(g)) == BELOW(g)) };
  take(g)
}
inline take_newest(g) { /* NEWBORN2: all newer ones are gone */
  d_step { assert((taken >> (g)) == (BELOW(made + 1) >> (g))) };
  take(g)
}

inline cas_head(t, h, n, won) {
  atomic {
    RMW(t);
    won = (mem[HEAD] == h);
    if
    :: won -> mem[HEAD] = NEXT(h, n)
    :: else
    fi
  }
}

proctype owner() {
  byte h, t, i, g;
  byte pops = 0;
  bit won;
  do
  :: made < ITEMS -> /* push */
    atomic { made++; t = LD(0, TAIL); h = LD(0, HEAD) };
    if
    :: LENGTH(h, t) == CAP -> /* oldest half to the global queue */
      atomic {
        cas_head(0, h, 2, won);
        if
        :: won ->
          g = slots[h % CAP]; take_oldest(g);
          g = slots[NEXT(h, 1) % CAP]; take_oldest(g)
        :: else /* a thief made room */
        fi
      }
    :: else
    fi;
    assert(LENGTH(mem[HEAD], t) < CAP); /* NEWBORN3 */
    atomic { slots[t % CAP] = made; h = 0; won = 0; g = 0 };
    ST(0, TAIL, NEXT(t, 1)) /* release: pairs with the thief's load of tail */
  :: pops < POPS || made == ITEMS -> /* pop */
    atomic { pops = (pops < POPS -> pops + 1 : pops); t = BACK(LD(0, TAIL), 1) };
    ST(0, TAIL, t);
#if defined(ASYMMETRIC)
    light_fence;
#elif !defined(NO_FENCE)
    drain(0); /* seq_cst fence: pairs with the thief's fence between head and tail */
#endif
    h = LD(0, HEAD);
    if
    :: LENGTH(h, t) > CAP -> /* t == h - 1: it was empty */
      assert(NEXT(t, 1) == h);
      ST(0, TAIL, h);
      if
      :: made == ITEMS -> break
      :: else
      fi
    :: LENGTH(h, t) <= CAP && h != t ->
      atomic { g = slots[t % CAP]; take_newest(g) }
    :: h == t -> /* the last one: ask the thieves */
      atomic {
#ifdef LAST_WITHOUT_CAS
        won = 1;
#else
        cas_head(0, h, 1, won);
#endif
        if
        :: won -> g = slots[t % CAP]; take_newest(g)
        :: else
        fi
      };
      ST(0, TAIL, NEXT(t, 1))
    fi;
    atomic { h = 0; t = 0; g = 0; won = 0 }
  od
}

proctype thief(byte me, turns) {
  byte h, t, n;
  byte copy[2];
  bit won;
  do
  :: turns > 0 ->
    atomic { turns--; h = LD(me, HEAD) };
#if defined(ASYMMETRIC) && !defined(NO_FENCE)
    heavy_fence(me); /* pairs with pop's light fence */
#endif
    atomic { t = LD(me, TAIL); n = LENGTH(h, t); n = (n > CAP -> 0 : n); t = 0 };
    if
    :: n == 0 -> goto next
    :: else
    fi;
#ifdef STEAL_TWO
    n = (n >= 2 -> 2 : 1);
#else
    n = 1;
#endif
    copy[0] = slots[h % CAP];
    if
    :: n == 2 -> copy[1] = slots[NEXT(h, 1) % CAP]
    :: else
    fi;
    atomic {
      cas_head(me, h, n, won);
      if
      :: won ->
        take_oldest(copy[0]);
        if
        :: n == 2 -> take_oldest(copy[1])
        :: else
        fi
      :: else
      fi
    };
next:
    atomic { h = 0; n = 0; won = 0; copy[0] = 0; copy[1] = 0 }
  :: else -> break
  od
}

active proctype at_rest() {
  timeout;
  assert(taken == (1 << ITEMS) - 1 && mem[HEAD] == mem[TAIL]) /* NEWBORN1 */
}

init {
  atomic {
    mem[HEAD] = START; mem[TAIL] = START;
    run owner(); run thief(1, 2); run thief(2, 1)
  }
}
