// The C half of __morestack: what its assembly does not find in the M's caches. Runs on the M's own
// stack with the user's vector registers live: compiled with -mgeneral-regs-only, calls no libc
// (system.hpp).
#include "stack/segment.hpp"

#include <unwind.h>
#include <cstddef>

#include "stack/system.hpp"

extern "C" {
// The calling thread's caches. Initial-exec: morestack.S reads it with one load.
__attribute__((tls_model(
    "initial-exec"))) thread_local gmp::detail::thread_stacks* gmpsched_current_stacks = nullptr;
}

namespace gmp::detail {

// What morestack.S and layout.h say of the structs.
static_assert(offsetof(segment, low) == SEG_LOW && offsetof(segment, span) == SEG_SPAN);
static_assert(offsetof(segment, limit) == SEG_LIMIT && offsetof(segment, next) == SEG_LINK);
static_assert(offsetof(segment, first) == SEG_FIRST && offsetof(segment, cost) == SEG_COST);
static_assert(offsetof(segment, blocks) == SEG_BLOCKS);
static_assert(offsetof(segment, size_class) == SEG_CLASS);
static_assert(offsetof(segment, next_class) == SEG_NEXT_CLASS);
static_assert(sizeof(segment) == SEG_HEADER_BYTES);
static_assert(offsetof(thread_stacks, home_sp) == THREAD_HOME_SP);
static_assert(offsetof(thread_stacks, cached) == THREAD_CACHED);
static_assert(offsetof(thread_stacks, vacancies) == THREAD_VACANCIES);
static_assert(SEG_HEADER_BYTES + sizeof(segment_canary) + SEG_RESERVE <= SEG_LIMIT_OFFSET);
static_assert(SEG_LIMIT_OFFSET % 16 == 0, "bit 3 of an ordinary limit is clear");
static_assert(SEG_RESERVE >= 256 + 56 + 16 + 8 + 104, "see layout.h");
static_assert((std::size_t{SEG_ARENA_BYTES} >> SEG_BIG_SHIFT) * SEG_HEADER_BYTES ==
              SEG_ARENA_TABLE_MASK + SEG_HEADER_BYTES);
static_assert(SEG_CLASS_FIRST < segment_class_count);

namespace {

// How many free segments of each class an M keeps. 6 MiB of address space at most, as much of it
// resident as was used; enough that a G's way to 1 MiB of stack costs no system call.
constexpr std::uint16_t kept[segment_class_count] = {16, 8, 4, 4, 4, 2, 2, 2, 2, 4, 0, 0};

void put(thread_stacks& self, segment* one) noexcept {
  one->next = self.cached[one->size_class];
  self.cached[one->size_class] = one;
  --self.vacancies[one->size_class];
}

segment* pop(thread_stacks& self, unsigned size_class) noexcept {
  segment* const one = self.cached[size_class];
  if (one != nullptr) {
    self.cached[size_class] = one->next;
    ++self.vacancies[size_class];
  }
  return one;
}

// Gives the list's older half to the pool; huge ones to the system.
void spill(thread_stacks& self, unsigned size_class, std::size_t keep) noexcept {
  segment* all[256];
  std::size_t n = 0;
  while (n < 256) {
    segment* const one = pop(self, size_class);
    if (one == nullptr) break;
    all[n++] = one;
  }
  if (keep > n) keep = n;
  if (size_class == SEG_CLASS_HUGE) {
    for (std::size_t i = 0; i < n; ++i) huge_unmap(all[i]);
    return;
  }
  if (n != keep) pool_give(size_class, all + keep, n - keep);
  while (keep-- != 0) put(self, all[keep]);
}

// Huge segments given back while unwinding, and lists that unwinding made too long. vacancies is
// modulo 2^16: a list longer than `kept` shows as a huge number of vacancies.
void tidy(thread_stacks& self) noexcept {
  if (self.cached[SEG_CLASS_HUGE] != nullptr) spill(self, SEG_CLASS_HUGE, 0);
  for (unsigned c = 0; c <= SEG_CLASS_BIG; ++c)
    if (self.vacancies[c] > kept[c]) spill(self, c, kept[c]);
}

segment* take(thread_stacks& self, unsigned size_class) noexcept {
  if (segment* const one = pop(self, size_class)) return one;
  segment* batch[8];
  const std::size_t want = kept[size_class] >= 8 ? 8 : 1;
  const std::size_t n = pool_take(size_class, batch, want);
  if (n == 0) return nullptr;
  for (std::size_t i = 1; i < n; ++i) put(self, batch[i]);
  return batch[0];
}

bool holds_big(segment* in_use) noexcept {
  for (segment* s = in_use; s != s->first; s = segment_of(s->former_limit))
    if (s->size_class == SEG_CLASS_BIG) return true;
  return false;
}

[[noreturn]] void overflow(const segment* first) noexcept {
  stack_overflow_hook(first->low + first->span, first->max - static_cast<std::size_t>(first->cost),
                      first->max);
  die("stack_overflow_hook returned");
}

// The class to take for `need` bytes when `wanted` is the usual next one: larger when the frame is
// large, smaller when the G's budget has no more. SEG_CLASS_HUGE: no class fits.
unsigned choose_class(const segment* first, unsigned wanted, std::size_t need) noexcept {
  unsigned c = wanted;
  while (c <= SEG_CLASS_LARGEST && class_bytes(c) < need) ++c;
  if (c > SEG_CLASS_LARGEST) return SEG_CLASS_HUGE;
  while (c > 0 && static_cast<std::ptrdiff_t>(class_bytes(c)) > first->cost &&
         class_bytes(c - 1) >= need)
    --c;
  return c;
}

void charge(segment* first, segment* one) noexcept {
  first->cost -= one->cost;
  one->first = first;
}

void free_block(thread_stacks& self, segment* first, segment* block) noexcept {
  first->cost += block->cost;
  put(self, block);
}

void free_blocks(thread_stacks& self, segment* holder) noexcept {
  while (segment* const block = holder->blocks) {
    holder->blocks = block->next_block;
    free_block(self, holder->first, block);
  }
}

// A block is dead when its owner's frame is gone, that is when rsp at an allocation is above where
// the owner's was left: the owner's own later allocations come with a lower rsp, as its rsp was
// lowered then. Equal means a new frame in the same place, or the end of a variable-length array's
// scope; only where there was no room to lower rsp is equality ambiguous, and the block is kept.
void free_dead_blocks(thread_stacks& self, segment* holder, const char* sp) noexcept {
  while (segment* const block = holder->blocks) {
    const bool dead = block->lowered != 0 ? block->owner_sp <= sp : block->owner_sp < sp;
    if (!dead) return;  // older ones belong to frames further up
    holder->blocks = block->next_block;
    free_block(self, holder->first, block);
  }
}

segment* take_for(thread_stacks& self, segment* in_use, unsigned wanted,
                  std::size_t need) noexcept {
  segment* const first = in_use->first;
  unsigned c = wanted;
  if (c == SEG_CLASS_BIG) {
    if (need > big_bytes - guard_bytes) c = SEG_CLASS_HUGE;
  } else {
    c = choose_class(first, c, need);
  }
  if (c == SEG_CLASS_HUGE) {
    if (wanted == SEG_CLASS_BIG) need += 2 * SEG_ENOUGH;  // non-split code runs there
    if (static_cast<std::ptrdiff_t>(need) > first->cost) overflow(first);
    return huge_make(need);
  }
  segment* const one = take(self, c);
  // The first big segment of a G is not held against its budget: a G with a small max_stack may
  // print.
  if (one != nullptr && one->cost > first->cost && (c != SEG_CLASS_BIG || holds_big(in_use)))
    overflow(first);
  return one;
}

}  // namespace

extern "C" {

// From __morestack: a segment of at least `need` bytes for the G that uses `in_use`. Never null.
segment* gmpsched_segment_grow(segment* in_use, unsigned wanted, std::size_t need) noexcept {
  thread_stacks& self = *gmpsched_current_stacks;
  tidy(self);
  segment* const one = take_for(self, in_use, wanted, need);
  if (one == nullptr)
    die("out of memory for a stack segment: ", need, " bytes were needed, the G holds ",
        in_use->first->max - static_cast<std::size_t>(in_use->first->cost),
        " (is vm.max_map_count or the memory limit reached?)");
  charge(in_use->first, one);
  return one;
}

// From __morestack: `one` is out of use and has alloca blocks, or the cache of its class is full.
void gmpsched_segment_shrink(segment* one) noexcept {
  thread_stacks& self = *gmpsched_current_stacks;
  const unsigned size_class = one->size_class;
  free_blocks(self, one);
  one->first->cost += one->cost;
  put(self, one);
  tidy(self);  // `one` may be gone
  if (size_class <= SEG_CLASS_BIG && self.vacancies[size_class] == 0)
    spill(self, size_class, kept[size_class] / 2);
}

struct alloca_result {
  void* memory;
  std::size_t lowered;  // what the caller's rsp is to be lowered by
};

// From __morestack_allocate_stack_space, see there.
alloca_result gmpsched_alloca_block(std::size_t bytes, char* sp, segment* in_use) noexcept {
  thread_stacks& self = *gmpsched_current_stacks;
  tidy(self);
  free_dead_blocks(self, in_use, sp);
  if (bytes > std::size_t{1} << 46) overflow(in_use->first);
  segment* const block = take_for(self, in_use, 0, bytes + SEG_HEADER_BYTES + 16);
  if (block == nullptr) die("out of memory for alloca: ", bytes, " bytes; ", 0, " left");
  in_use->first->cost -= block->cost;
  // A frame may begin 256 + 56 bytes below the limit; 16 more are in the reserve.
  const bool room = sp - 16 >= in_use->limit - (256 + 56 + 16);
  block->owner_sp = sp;
  block->lowered = room;
  block->next_block = in_use->blocks;
  in_use->blocks = block;
  return {block->low + SEG_HEADER_BYTES, room ? std::size_t{16} : 0};
}

// From wrapped.S, before a longjmp: what[0] is the target's rsp, what[1] the limit in force; gives
// back the segments between them and leaves the target's limit in what[1], 0 when the target is on
// none of the G's.
void gmpsched_leave_segments(void* arg) noexcept {
  auto* const what = static_cast<char**>(arg);
  thread_stacks& self = *gmpsched_current_stacks;
  const auto holds = [&what](const segment* s) {
    return static_cast<std::size_t>(what[0] - s->low) < s->span;
  };
  segment* s = segment_of(what[1]);
  if (!holds(s->first)) {
    segment* other = s;
    while (other != s->first && !holds(other)) other = segment_of(other->former_limit);
    if (other == s->first) {
      what[1] = nullptr;
      return;
    }
  }
  while (!holds(s)) {
    segment* const before = segment_of(s->former_limit);
    free_blocks(self, s);
    s->first->cost += s->cost;
    put(self, s);
    s = before;
  }
  what[1] = s->limit;
}

[[noreturn]] void gmpsched_no_home() noexcept {
  die("a G runs on a thread that has no stack of its own for it (home_sp is null)");
}

// The personality of every frame made in morestack.S. While unwinding past one, its segment goes
// back to the cache and its limit is in force again. The unwinder may still be running on that
// segment: nothing takes it before the landing pad is reached, and nothing is unmapped here (P2).
_Unwind_Reason_Code gmpsched_split_personality(int version, _Unwind_Action actions,
                                               _Unwind_Exception_Class, _Unwind_Exception*,
                                               _Unwind_Context* context) {
  if (version != 1) return _URC_FATAL_PHASE1_ERROR;
  if ((actions & (_UA_CLEANUP_PHASE | _UA_FORCE_UNWIND)) == 0) return _URC_CONTINUE_UNWIND;
  constexpr int dwarf_rbp = 6;
  auto* const frame = reinterpret_cast<void**>(_Unwind_GetGR(context, dwarf_rbp));
  if (auto* const taken = static_cast<segment*>(frame[-2])) {
    thread_stacks& self = *gmpsched_current_stacks;
    frame[-2] = nullptr;
    free_blocks(self, taken);
    taken->first->cost += taken->cost;
    put(self, taken);
  }
  set_stack_limit(frame[-1]);
  return _URC_CONTINUE_UNWIND;
}

}  // extern "C"

void thread_stacks_enter(thread_stacks& self) noexcept {
  self.home_sp = nullptr;
  for (std::size_t c = 0; c < segment_class_count; ++c) {
    self.cached[c] = nullptr;
    self.vacancies[c] = kept[c];
  }
  enter_signal_stack(self.signals);
  gmpsched_current_stacks = &self;
}

void thread_stacks_leave(thread_stacks& self) noexcept {
  for (unsigned c = 0; c <= SEG_CLASS_HUGE; ++c)
    while (self.cached[c] != nullptr) spill(self, c, 0);
  gmpsched_current_stacks = nullptr;
  leave_signal_stack(self.signals);
}

void stack_end(void* top, std::size_t bytes, void* limit) noexcept {
  thread_stacks& self = *gmpsched_current_stacks;
  segment* const first = reinterpret_cast<segment*>(static_cast<char*>(top) - bytes);
  if (limit != nullptr) {
    for (segment* s = segment_of(limit); s != first;) {
      segment* const before = segment_of(s->former_limit);
      free_blocks(self, s);
      first->cost += s->cost;
      put(self, s);
      s = before;
    }
  }
  if (first->blocks != nullptr) free_blocks(self, first);
  tidy(self);
}

const char* stack_kind_name() noexcept { return "segmented"; }

fault_place classify_fault(void* address) noexcept {
  void* const limit = stack_limit();
  if (limit == nullptr) return {};
  const segment* const in_use = segment_of(limit);
  const char* const at = static_cast<const char*>(address);
  if (at >= in_use->low || at < in_use->low - guard_bytes) return {};
  const segment* const first = in_use->first;
  const std::size_t used = first->max - static_cast<std::size_t>(first->cost);
  return {fault_kind::big_guard, first->low + first->span, used, in_use->span};
}

}  // namespace gmp::detail
