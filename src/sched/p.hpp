// The P: the right to run Gs, and what goes with it.
//
// P1  A P is held by one M, or stands in the scheduler's list of idle Ps. It changes hands under
// the
//     scheduler's lock.
// P2  What is not atomic here belongs to the holder; thieves touch only the queue's and the
// heap's own protocols, and
//     run_queue::next under a freeze (sched/pin.hpp).
#pragma once

#include <cstdint>

#include "base/atomic.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "queue/run_queue.hpp"
#include "queue/switch_history.hpp"
#include "queue/timer_heap.hpp"

namespace gmp::detail {

struct m;

// Written by the holder alone, read by anyone: see count().
struct p_counters {
  // Gs resumed, counted from first_switch(p::id): a number names the P as well.
  atomic<std::uint64_t> switches{0};
  atomic<std::uint64_t> spawned{0};
  atomic<std::uint64_t> finished{0};
  atomic<std::uint64_t> steals{0};     // successful visits to another P
  atomic<std::uint64_t> stolen{0};     // Gs brought home by them
  atomic<std::int64_t> busy{0};        // nanoseconds held by an M that had work, up to busy_since
  atomic<std::int64_t> busy_since{0};  // 0: idle
};

// What the monitor has seen of a P. Its own.
struct p_watch {
  const m* holder = nullptr;
  std::uint64_t switches = 0;
  nanos since = 0;  // when both were first seen
  nanos cpu = -1;   // processor time of the holder's thread at the last look; -1: not asked yet
};

struct alignas(64) p {
  // Picks without a pass through the scheduler loop, which looks at timers, the global queue and
  // the stop flag.
  static constexpr std::uint32_t direct_budget = 60;  // + the pass itself = Go's 61
  // Consecutive picks of run_queue::next while others wait: a ping-pong pair shares the P with
  // them.
  static constexpr std::uint32_t next_streak_cap = 32;
  static constexpr std::uint32_t free_gs_cap = 1024;
  static constexpr std::uint32_t many_newborns = 16;

  std::uint32_t id = 0;
  std::uint32_t direct_left = 0;
  std::uint32_t next_streak = 0;
  std::uint32_t tick = 0;
  std::uint32_t turns = 1;       // mask of tick: 1, or 63 while there are many newborns
  std::uint32_t since_poll = 0;  // Gs run since the poller was last looked at
  std::uint32_t vain_looks = 0;  // in a row that found nothing before this P idled [NET7]
  std::uint32_t sends = 0;       // left to the poller since then
  std::uint32_t poll_after = 0;  // that many are to run before a busy P looks again [NET6]
  g* free_gs = nullptr;          // dead Gs with their stacks, ready for reuse
  std::uint32_t free_count = 0;
  std::uint64_t next_id = 0;  // ids are taken from the scheduler in blocks
  std::uint64_t last_id = 0;
  atomic<bool> alone{false};   // the scheduler has no other P: nobody steals [RQ6]
  atomic<m*> holder{nullptr};  // for thieves that want to freeze it
  p* idle_next = nullptr;
  cheap_random random;
  p_counters counters;
  p_watch watch;
  switch_history history;
  run_queue runq;
  timer_heap& timers = timer_heap::take();  // outlives this [TH5]

  ~p() { timer_heap::give(timers); }
};

}  // namespace gmp::detail
