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

inline ST(t, l, v) {
  atomic {
    nfull(buf[t]);
    d_step { buf[t]!l,v; own[AT(t, l)] = v; pend[AT(t, l)]++ }
  }
}

inline ADD(t, l, d) { /* load, add, store: not a locked instruction */
  atomic {
    nfull(buf[t]);
    d_step { dt = LD(t, l); dt = dt + d; buf[t]!l,dt; own[AT(t, l)] = dt; pend[AT(t, l)]++; dt = 0 }
  }
}

#define TAKE_OLDEST(t)                                            \
  buf[t]?dl,dv; mem[dl] = dv; pend[AT(t, dl)]--;                  \
  if :: pend[AT(t, dl)] == 0 -> own[AT(t, dl)] = 0 :: else fi

/* Drain t's buffer: mfence, or the part of a locked instruction that concerns others. */
inline drain(t) {
  d_step {
    do
    :: nempty(buf[t]) -> TAKE_OLDEST(t)
    :: empty(buf[t]) -> break
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
inline heavy_fence(t) { drain(t); EACH(drain) }

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
inline lock(t, l) { atomic { mem[l] == 0; RMW(t); mem[l] = 1 } }
inline unlock(t, l) { ST(t, l, 0) }
