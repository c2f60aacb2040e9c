#include "sched/spawn.hpp"

#include <cxxabi.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <system_error>

#include "base/check.hpp"
#include "gmp/errors.hpp"
#include "gmp/go.hpp"
#include "sched/fork.hpp"
#include "sched/handoff.hpp"
#include "sched/panic.hpp"
#include "sched/park.hpp"
#include "sched/pick.hpp"
#include "sched/registry.hpp"
#include "sched/switch.hpp"
#include "stack/segment.hpp"

namespace gmp::detail {
namespace {

// How many ids a P takes from the scheduler at a time.
constexpr std::uint64_t id_block = 64;

struct make_request {
  scheduler* sched;
  p* local;  // null: the caller holds no P
  std::size_t stack_bytes;
  g* made;
};

GMPSCHED_HOME_FUNCTION(make_home)(void* arg) {
  auto& request = *static_cast<make_request*>(arg);
  scheduler& sched = *request.sched;
  request.made = nullptr;
  if (request.local != nullptr && request.stack_bytes == sched.config.stack_size) {
    if (!sched.refill_free(*request.local)) return;
    request.made = request.local->free_gs;
    request.local->free_gs = request.made->next;
    --request.local->free_count;
    return;
  }
  void* top;
  if (first_segments_take(request.stack_bytes, &top, 1) == 1)
    request.made = g_on_slot(top, request.stack_bytes, sched.config.max_stack);
}

// Is the caller none of the scheduler's own Gs?
bool is_outside(const scheduler& sched) noexcept {
  const m* self = this_m();
  return self == nullptr || self->sched != &sched;
}

void renounce(scheduler& sched) noexcept {
  if (is_outside(sched)) sched.finished_outside.fetch_add(1, memory_order_release);
}

GMPSCHED_HOME_FUNCTION(trim_home)(void* arg) {
  m& self = *static_cast<m*>(arg);
  self.sched->trim_free(*self.pp);
}

// Does the G leave more behind than its first segment?
[[gnu::always_inline]] inline bool stack_end_is_due([[maybe_unused]] g& dead) noexcept {
#if GMPSCHED_SPLIT_STACKS
  return !first_segment_is_clean(g_top(dead), dead.stack_bytes, dead.stack_limit);
#else
  return true;
#endif
}

GMPSCHED_HOME_FUNCTION(stack_end_home)(void* arg) {
  g& dead = *static_cast<g*>(arg);
  stack_end(g_top(dead), dead.stack_bytes, dead.stack_limit);
  dead.stack_limit =
      first_segment_init(g_top(dead), dead.stack_bytes, dead.sched->config.max_stack);
}

// The stack of a G that ended: back to the P, after the switch away from it.
GMPSCHED_COMMIT_FUNCTION(commit_finish)(m* self, void* arg) {
  g* dead = static_cast<g*>(arg);
  if (stack_end_is_due(*dead)) call_on_home(&stack_end_home, dead);
  sanitizer_destroy(dead->sanitizer);
  dead->state.store(g_state::dead, memory_order_relaxed);
  if (dead->stack_bytes != self->sched->config.stack_size) {
    call_on_home(&give_slot_home, dead);
    return;
  }
  p& local = *self->pp;
  dead->next = local.free_gs;
  local.free_gs = dead;
  if (++local.free_count > p::free_gs_cap) call_on_home(&trim_home, self);
}

// The same for a G whose P was taken while it ran.
GMPSCHED_COMMIT_FUNCTION(commit_finish_without_p)(m* self, void* arg) {
  g* dead = static_cast<g*>(arg);
  self->sched->finished_outside.fetch_add(1, memory_order_release);
  call_on_home(&stack_end_home, dead);
  sanitizer_destroy(dead->sanitizer);
  dead->state.store(g_state::dead, memory_order_relaxed);
  call_on_home(&give_slot_home, dead);
}

[[noreturn]] __attribute__((noinline, cold)) void throw_no_memory() {
  throw std::system_error(std::make_error_code(std::errc::not_enough_memory),
                          "gmp: no memory for the stack of a new G");
}

}  // namespace

unborn dress(g& made, scheduler& sched, std::size_t size, std::size_t align) noexcept {
  auto high = reinterpret_cast<std::uintptr_t>(&made) - size;
  high &= ~(std::uintptr_t{align < 16 ? 16 : align} - 1);
  made.ctx = reinterpret_cast<void*>(high);
  made.entry_arg = made.ctx;
  g_belongs_to(made, sched);
#if GMPSCHED_ASAN
  sanitizer_describe(made.sanitizer, first_segment_base(g_top(made), made.stack_bytes), made.ctx);
#endif
  made.caught_exceptions = nullptr;
  made.uncaught_exceptions = 0;
  made.saved_errno = 0;
  made.unwinding = false;
  made.isolated = false;
  made.reason = wait_reason::none;
  return unborn{&made, made.ctx};
}

namespace {

// The runtime stops. One of its own Gs ends here, as it would at a wait; anybody else is told.
[[noreturn]] __attribute__((noinline, cold)) void refuse(scheduler& sched) {
  m* self = this_m();
  if (self != nullptr && self->sched == &sched && self->current != nullptr) unwind(*self->current);
  throw_stopped();
}

g* take_free(p& local) noexcept {
  g* made = local.free_gs;
  if (made != nullptr) {
    local.free_gs = made->next;
    --local.free_count;
    // In a burst of `go` it comes next: its control block, where its closure goes, and its
    // segment's header.
    if (g* after = local.free_gs; after != nullptr) {
      char* block = reinterpret_cast<char*>(after);
      __builtin_prefetch(block, 1);
      __builtin_prefetch(block + 64, 1);
      __builtin_prefetch(block - 64, 1);
      __builtin_prefetch(block + sizeof(g) - made->stack_bytes, 1);
    }
  }
  return made;
}

}  // namespace

namespace {

// From the caller's P. Null: it has none now, or memory is out.
[[gnu::always_inline]] inline g* make_here(m& self) noexcept {
  g* made = nullptr;
  if (pin_or_regain(self)) {
    made = take_free(*self.pp);
    if (__builtin_expect(made == nullptr, 0)) {
      make_request request{self.sched, self.pp, self.sched->config.stack_size, nullptr};
      call_on_home(&make_home, &request);
      made = request.made;
    }
  }
  unpin(self);
  return made;
}

}  // namespace

g* g_make(scheduler& sched, std::size_t stack_bytes) noexcept {
  m* self = this_m();
  if (self != nullptr && self->sched == &sched && stack_bytes == sched.config.stack_size) {
    if (g* made = make_here(*self); made != nullptr) return made;
    check_not_forked("gmp::go or gmp::spawn");
  }
  make_request request{&sched, nullptr, stack_bytes, nullptr};
  call_on_home(&make_home, &request);
  return request.made;
}

namespace {

// The scheduler that go() means: the one given, the caller's own, or on a plain thread the
// registry's. Refuses when it stops.
scheduler& resolve(scheduler* given) {
  if (given == nullptr) {
    if (m* self = this_m(); self != nullptr) {
      given = self->sched;
    } else {
      check_not_forked("gmp::go or gmp::spawn");
      const visit guest;  // only until the G is counted
      if (!announce_outside(*guest)) throw_stopped();
      return *guest;
    }
  }
  if (is_outside(*given)) {
    if (!announce_outside(*given)) throw_stopped();
  } else if (__builtin_expect(given->unwinding.load(memory_order_relaxed), 0)) {
    refuse(*given);
  }
  return *given;
}

unborn make_dressed(scheduler& sched, std::size_t stack_bytes, std::size_t size,
                    std::size_t align) {
  g* made = g_make(sched, stack_bytes);
  if (__builtin_expect(made == nullptr, 0)) {
    renounce(sched);
    throw_no_memory();
  }
  return dress(*made, sched, size, align);
}

constexpr std::size_t most_stack = std::size_t{1} << 30;

}  // namespace

unborn spawn_begin(scheduler* given, std::size_t size, std::size_t align) {
  m* self = this_m();
  if (self != nullptr && (given == nullptr || given == self->sched) &&
      !self->sched->unwinding.load(memory_order_relaxed)) {
    if (g* made = make_here(*self); made != nullptr) return dress(*made, *self->sched, size, align);
  }
  scheduler& sched = resolve(given);
  return make_dressed(sched, sched.config.stack_size, size, align);
}

unborn spawn_begin(scheduler* given, const g_options& options, std::size_t size,
                   std::size_t align) {
  if (options.stack_size > most_stack)
    throw std::invalid_argument("gmp::g_options::stack_size must be at most 1 GiB");
  auto extra = std::make_unique<g_extra>();
  extra->name = options.name;
  extra->facts = options.facts;
  scheduler& sched = resolve(given);
  const std::size_t bytes =
      options.stack_size == 0 ? sched.config.stack_size : round_stack_size(options.stack_size);
  unborn child = make_dressed(sched, bytes, size, align);
  child.made->isolated = options.panic == panic_class::isolated;
  child.made->extra_lock.lock();
  child.made->extra = extra.release();
  child.made->extra_lock.unlock();
  return child;
}

void spawn_abandon(unborn child) noexcept {
  scheduler& sched = *child.made->sched;
  g_clear(*child.made);
  child.made->state.store(g_state::dead, memory_order_relaxed);
  call_on_home(&give_slot_home, child.made);
  renounce(sched);  // last: the scheduler may end with it
}

void spawn_start(unborn child, void (*run)(void*)) noexcept {
  g& made = *child.made;
  made.entry = run;
  scheduler& sched = *made.sched;
  m* self = this_m();
  made.creator_id = self != nullptr && self->current != nullptr ? self->current->id : 0;
  if (self == nullptr || self->sched != &sched) {
    call_on_home(&start_outside, &made);
    return;
  }
  if (!pin_or_regain(*self)) {
    unpin(*self);
    sched.spawned_outside.fetch_add(1, memory_order_relaxed);
    call_on_home(&start_outside, &made);
    return;
  }
  p& local = *self->pp;
  if (local.next_id == local.last_id) {
    local.next_id = sched.ids.fetch_add(id_block, memory_order_relaxed);
    local.last_id = local.next_id + id_block;
  }
  made.id = ++local.next_id;
  // release: pairs with the acquire in survey(): what it reads of this G is complete.
  made.state.store(g_state::newborn, memory_order_release);
  count(local.counters.spawned);
  put_next(local, &made, sched);
  wake_if_idle(sched);
  unpin(*self);
}

namespace {

#if GMPSCHED_THROW_SCENE
// Has a personality of its own and nothing else: an exception that nobody has caught on its way
// passes by while the stack of its throw point is still there (throw_scene_g0.cpp).
GMPSCHED_SCENE_FUNCTION void call_entry(g& me) {
  asm volatile(".cfi_personality 0x9b, gmpsched_scene_personality_ref");
  me.entry(me.entry_arg);
  asm volatile("");  // no tail call
}
#else
void call_entry(g& me) { me.entry(me.entry_arg); }
#endif

// The user's function and everything that may leave it.
__attribute__((noinline)) void run_entry(g& me) noexcept {
  try {
    call_entry(me);
  } catch (const unwind_exception&) {
    // The runtime stops; the G's destructors have run.
  } catch (const abi::__forced_unwind&) {
    thread_ended(me);
  } catch (...) {
    panic(me);
  }
}

}  // namespace

void g_main(boost_transfer from) {
#if defined(__x86_64__)
  asm volatile(".cfi_undefined rip");  // the bottom of every G's backtrace
#endif
  sanitizer_arrive(this_m()->current->sanitizer, nullptr);
  arrive(from.fctx);
  m* self = this_m();
  g& me = *self->current;
  unpin(*self);
  run_entry(me);
  g_finish();
}

namespace {

// To the next G, or to g0 (null). The caller has set the commit.
[[noreturn, gnu::always_inline]] inline void leave_for_ever(m& self, g& me, g* next) noexcept {
  me.stack_limit = stack_limit();
  self.left_ctx = &me.ctx;
  void* to;
  if (next != nullptr) {
    to = activate(self, *next);
    sanitizer_leave(nullptr, next->sanitizer);
  } else {
    load_g0_state(self);
    to = self.g0_ctx;
    sanitizer_leave(nullptr, self.g0_stack);
  }
  context_jump(to);
  __builtin_unreachable();
}

GMPSCHED_COMMIT_FUNCTION(commit_abandon)(m*, void* arg) {
  g* dead = static_cast<g*>(arg);
  sanitizer_destroy(dead->sanitizer);
  dead->state.store(g_state::dead, memory_order_relaxed);
}

}  // namespace

void g_finish() noexcept {
  m* self = this_m();
  g& me = *self->current;
  if (me.extra != nullptr || me.locals != nullptr) {
    g_clear(me);  // on the G itself: destructors of its variables may do what its code may do
    self = this_m();
  }
  bool has_p = pin(*self);
  g* next = nullptr;
  if (has_p) {
    count_release(self->pp->counters.finished);  // pairs with the acquire in live_gs()
    next = pick_direct(*self->pp);
    self->commit = &commit_finish;
  } else {
    check_not_forked("the end of a G");
    self->commit = &commit_finish_without_p;
  }
  self->commit_arg = &me;
  leave_for_ever(*self, me, next);
}

// The stack is left as it is: somebody may point into it.
void g_abandon() noexcept {
  m* self = this_m();
  g& me = *self->current;
  (void)pin(*self);
  self->sched->finished_outside.fetch_add(1, memory_order_release);  // as in g_finish()
  self->commit = &commit_abandon;
  self->commit_arg = &me;
  leave_for_ever(*self, me, nullptr);
}

}  // namespace gmp::detail
