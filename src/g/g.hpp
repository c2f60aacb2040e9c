// The G: a coroutine's control block, at the high end of its own first stack segment.
//
// G1  A G is in exactly one place: running on an M, in one queue of runnable Gs, waiting (known to
// whoever will wake it),
//     or dead in a free list.
// G2  The registers of a G that does not run are saved in ctx before anybody can make it run:
// whoever switches away from
//     it publishes it only in the commit, on the next stack (sched/switch.hpp).
// G3  Gs are type-stable: the memory of a G stays a G for ever, so a stale pointer may be looked
// at.
// G4  Runtimes share the slabs. Whoever looks at every slot goes by for_each_g(): it reads `state`
//     under g_births, under which memory becomes a G, and passes over the dead. acquire: pairs with
//     the release in spawn_start() and park(). Of a G that is not dead `sched` may be read then
//     (g_is_of()); all else only if the G is one's own and stands still.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic.hpp"
#include "base/clock.hpp"
#include "context/fiber.hpp"
#include "gmp/detail/spin_lock.hpp"
#include "gmp/detail/waiter.hpp"

namespace gmp::detail {

class scheduler;
struct timer_node;
struct raw_stack;

// Who owns the stack and where the G stands.
enum class g_state : std::uint8_t {
  dead,      // free list owns it; nothing on its stack
  newborn,   // made, never run: the closure lies on its stack, no frame yet
  runnable,  // in a queue; the queue owns it
  running,   // an M owns stack and G
  waiting,   // parked; the object it waits for owns the right to ready it
};

enum class wait_reason : std::uint8_t {
  none,
  chan_receive,
  chan_send,
  chan_nil,
  select,
  select_empty,
  mutex,
  shared_mutex,
  condition_variable,
  wait_group,
  once,
  semaphore,
  task,
  sleep,
  io_read,
  io_write,
  io_accept,
  io_connect,
  resolve,
  bubble,
  process,
};

const char* wait_reason_name(wait_reason reason) noexcept;

// What only few Gs have; allocated on demand, freed when the G ends.
struct g_extra {
  std::string name;
  bool isolated = false;
  std::vector<std::pair<std::string, std::string>> facts;
};

// One variable per G for each g_local<T>: index = the variable's number.
struct local_slot {
  void* value = nullptr;
  void (*destroy)(void*) = nullptr;
};

struct alignas(64) g {
  // --- what a switch touches: one cache line
  void* ctx = nullptr;                // saved stack pointer (Boost.Context) while not running
  void* stack_limit = nullptr;        // %fs:0x70 while not running; null on reserved stacks
  void* caught_exceptions = nullptr;  // __cxa_eh_globals while not running
  unsigned uncaught_exceptions = 0;
  int saved_errno = 0;
  g* next = nullptr;  // link in a queue of runnable Gs or a free list
  atomic<g_state> state{g_state::dead};
  wait_reason reason = wait_reason::none;
  bool unwinding = false;  // shutdown: the next blocking call throws
  bool isolated = false;
  std::uint32_t stack_bytes = 0;  // of the first segment
  scheduler* sched = nullptr;     // null: a plain thread's stand-in
  // Which resumption this G's last one was, for waiting_since() (sched/waited.hpp).
  std::uint64_t resumed_as = 0;
  // --- the rest
  void (*entry)(void*) = nullptr;
  void* entry_arg = nullptr;
  std::uint64_t id = 0;
  std::uint64_t creator_id = 0;
  // How to end the wait from outside when the scheduler stops; called while no G is resumed, but
  // those without a P, and plain threads, go on. False: not waiting any more.
  bool (*cancel_wait)(void*) = nullptr;
  void* cancel_arg = nullptr;
  std::vector<local_slot>* locals = nullptr;
  // Written by the G alone (before it runs: by who makes it), under the lock; others read under it.
  g_extra* extra = nullptr;
  spin_lock extra_lock;
  raw_stack* thrown = nullptr;  // where the exception was thrown that ends this G; malloc'ed
  sanitizer_stack sanitizer;    // what the sanitizer knows of this stack
  atomic<std::uint32_t> thread_word{0};  // plain threads: the futex they wait on

  bool is_thread() const noexcept { return sched == nullptr; }
};

static_assert(sizeof(g) <= 256, "the control block comes out of a 2,048 byte stack");

// The control block lies at the very end of the G's first segment.
inline void* g_top(g& gp) noexcept { return reinterpret_cast<char*>(&gp) + sizeof(g); }
inline g* g_at(void* top) noexcept {
  return reinterpret_cast<g*>(static_cast<char*>(top) - sizeof(g));
}

extern spin_lock g_births;  // [G4]

// Slots from the pool are Gs from here on. A fresh one reads as zero; the others stay what they
// were, without the lock.
inline void g_begin(void* const* tops, std::size_t n, std::size_t bytes) noexcept {
  bool locked = false;
  for (std::size_t i = 0; i < n; ++i) {
    g* slot = g_at(tops[i]);
    if (slot->stack_bytes == bytes) continue;
    if (!locked) g_births.lock();
    locked = true;
    ::new (slot) g;
    slot->stack_bytes = static_cast<std::uint32_t>(bytes);
  }
  if (locked) g_births.unlock();
}

// Calls fn for every G of the process that is not dead. [G4]
void for_each_g(void (*fn)(g& one, void* arg), void* arg);
inline bool g_is_of(const g& one, const scheduler& sched) noexcept {
  return std::atomic_ref<scheduler*>(const_cast<scheduler*&>(one.sched))
             .load(memory_order_relaxed) == &sched;
}
inline void g_belongs_to(g& one, scheduler& sched) noexcept {
  std::atomic_ref<scheduler*>(one.sched).store(&sched, memory_order_relaxed);
}

// Ends the per-G variables and the extras; the G is running its last instructions.
void g_clear(g& dead) noexcept;

}  // namespace gmp::detail
