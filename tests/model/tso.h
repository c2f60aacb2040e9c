/* Total store order (x86) for the models: each thread has a FIFO store buffer.
 *
 * The includer defines NT (threads), NL (locations), BUF (entries per buffer).
 * A store enters its thread's buffer and reaches memory whenever flusher() likes;
 * a thread sees its own buffered stores at once, everybody else's only in memory.
 * That is the one reordering x86 has (a later load overtakes an earlier store), and
 * the one that light_fence does NOT prevent and heavy_fence does.
 *
 *   ST(t,l,v)       plain / relaxed / release store     LD(t,l)  load (any order)
 *   RMW(t)          first statement of an atomic { } read-modify-write: a locked
 *                   instruction drains its own buffer; then use mem[] directly
 *   light_fence     compiler barrier: statements here are never reordered, so nothing
 *   heavy_fence(t)  membarrier(PRIVATE_EXPEDITED): every thread's buffer is drained,
 *                   one thread after the other, not all at one instant
 */
byte mem[NL];
chan buf[NT] = [BUF] of { byte, byte };
byte own[NT * NL];  /* newest buffered value; 0 when none is pending (fewer states) */
byte pend[NT * NL]; /* how many buffered stores to this location */
hidden byte dl, dv, dt;

#define AT(t, l) ((t) * NL + (l))
#define LD(t, l) (pend[AT(t, l)] -> own[AT(t, l)] : mem[l])

inline ST(th, lo, va) {
  atomic {
    nfull(buf[th]);
    d_step { buf[th]!lo,va; own[AT(th, lo)] = va; pend[AT(th, lo)]++ }
  }
}

inline ADD(th, lo, by) { /* load, add, store: not a locked instruction */
  atomic {
    nfull(buf[th]);
    d_step {
      dt = LD(th, lo); dt = dt + by;
      buf[th]!lo,dt; own[AT(th, lo)] = dt; pend[AT(th, lo)]++;
      dt = 0
    }
  }
}

#define TAKE_OLDEST(t)                                            \
  buf[t]?dl,dv; mem[dl] = dv; pend[AT(t, dl)]--;                  \
  if :: pend[AT(t, dl)] == 0 -> own[AT(t, dl)] = 0 :: else fi

/* Drain th's buffer: mfence, or the part of a locked instruction that concerns others. */
inline drain(th) {
  d_step {
    do
    :: nempty(buf[th]) -> TAKE_OLDEST(th)
    :: empty(buf[th]) -> break
    od;
    dl = 0; dv = 0
  }
}
#define RMW(t) drain(t)
#define light_fence skip

#if NT == 2
#define EACH(x) x(0); x(1)
#elif NT == 3
#define EACH(x) x(0); x(1); x(2)
#else
#define EACH(x) x(0); x(1); x(2); x(3)
#endif
inline heavy_fence(th) { drain(th); EACH(drain) }

#define FLUSH(t) :: d_step { nempty(buf[t]) -> TAKE_OLDEST(t); dl = 0; dv = 0 }
active proctype flusher() {
end:
  do
  FLUSH(0)
  FLUSH(1)
#if NT > 2
  FLUSH(2)
#endif
#if NT > 3
  FLUSH(3)
#endif
  od
}

/* A spin lock at location l: taken by a locked instruction, released by a plain store. */
inline lock(th, lo) { atomic { mem[lo] == 0; RMW(th); mem[lo] = 1 } }
inline unlock(th, lo) { ST(th, lo, 0) }
