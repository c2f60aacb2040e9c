#include "netpoll/descriptor.hpp"

#include <unistd.h>

#include <cstdlib>
#include <new>

#include "base/check.hpp"
#include "netpoll/poller.hpp"

namespace gmp::detail {
namespace {

constinit spin_lock pool_lock;
constinit descriptor* pool = nullptr;

constexpr std::size_t slab_descriptors = 64;
constexpr unsigned address_shift = 6;  // descriptors are aligned to 64
constexpr unsigned tag_bits = 22;
constexpr std::uint64_t tag_mask = (std::uint64_t{1} << tag_bits) - 1;

}  // namespace

// The timers' callback belongs to a higher layer, which fills it in when it arms one.
descriptor::descriptor() noexcept {
  for (direction dir : {direction::reading, direction::writing}) {
    timers[index(dir)].owner = this;
    timers[index(dir)].dir = dir;
    timers[index(dir)].node.may_fire_early = true;  // when the runtime ends in whose heap it stands
  }
}

descriptor* descriptor::take_free() noexcept {
  pool_lock.lock();
  if (pool == nullptr) {
    pool_lock.unlock();
    void* slab = std::aligned_alloc(alignof(descriptor), slab_descriptors * sizeof(descriptor));
    if (slab == nullptr) return nullptr;
    descriptor* chain = nullptr;
    for (std::size_t i = slab_descriptors; i-- > 0;) {
      auto* one = ::new (static_cast<char*>(slab) + i * sizeof(descriptor)) descriptor;
      one->free_next_ = chain;
      chain = one;
    }
    descriptor* last = chain;
    while (last->free_next_ != nullptr) last = last->free_next_;
    pool_lock.lock();
    last->free_next_ = pool;
    pool = chain;
  }
  descriptor* one = pool;
  pool = one->free_next_;
  pool_lock.unlock();
  return one;
}

descriptor* descriptor::make(int fd) noexcept {
  descriptor* one = take_free();
  if (one == nullptr) return nullptr;
  one->tag_.fetch_add(1, memory_order_relaxed);
  one->fd_ = fd;
  one->hung_up.store(false, memory_order_relaxed);
  one->has_marks = false;
  for (unsigned i = 0; i < 2; ++i) {
    one->deadlines_[i].store(never, memory_order_relaxed);
    one->timers[i].armed_for.store(never, memory_order_relaxed);
    one->words_[i].store(ready, memory_order_relaxed);  // nobody knows: the first call tries
  }
  one->users_.store(held_bit | one_user, memory_order_release);
  return one;
}

void descriptor::finish_close() noexcept {
  // A poller's memory stays, and its own lock decides whether this is still in its list.
  if (poller* at = home.load(memory_order_acquire); at != nullptr) at->remove(*this);
  ::close(fd_);
  if ((users_.fetch_or(closed_bit, memory_order_acq_rel) & held_bit) == 0) give();
}

void descriptor::give() noexcept {
  pool_lock.lock();
  free_next_ = pool;
  pool = this;
  pool_lock.unlock();
}

std::uint64_t descriptor::event_data() const noexcept {
  return reinterpret_cast<std::uint64_t>(this) >> address_shift << tag_bits |
         (tag_.load(memory_order_relaxed) & tag_mask);
}

descriptor* descriptor::of_event(std::uint64_t data) noexcept {
  auto* one = reinterpret_cast<descriptor*>(data >> tag_bits << address_shift);
  return (one->tag_.load(memory_order_relaxed) & tag_mask) == (data & tag_mask) ? one : nullptr;
}

}  // namespace gmp::detail
