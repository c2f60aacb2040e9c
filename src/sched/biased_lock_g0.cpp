#include "sched/biased_lock.hpp"

#include <sched.h>

#include "base/check.hpp"

namespace gmp::detail {

// As many takings as last about as long as a heavy fence: 20 us between two busy processors.
std::uint32_t bias_after = 1'024;

namespace {

constexpr std::uint32_t first_tag = bias_seat::nobody + 1;
constexpr std::uint32_t seat_count = 256;

// Seats are never freed: a tag stays good.
constinit bias_seat seats[seat_count];
constinit bias_seat no_seat;
constinit bool taken[seat_count]{};
constinit spin_lock seats_lock;

}  // namespace

bias_seat* take_bias_seat() noexcept {
  if (!membarrier_registered) return &no_seat;
  bias_seat* found = &no_seat;
  seats_lock.lock();
  for (std::uint32_t i = 0; i < seat_count && found == &no_seat; ++i) {
    if (taken[i]) continue;
    taken[i] = true;
    found = &seats[i];
    found->tag = first_tag + i;
  }
  seats_lock.unlock();
  return found;
}

void leave_bias_seat(bias_seat* seat) noexcept {
  if (seat == &no_seat) return;
  for (const auto& section : seat->sections)  // [BL6]
    GMPSCHED_CHECK(section.load(memory_order_relaxed) == nullptr,
                   "an M's thread ends with a lock held");
  seats_lock.lock();
  taken[seat - seats] = false;
  seats_lock.unlock();
}

// The word is 1, by our exchange; it was `tag`, another thread's. [BL1]
void biased_lock::take_over(std::uint32_t tag) noexcept {
  heavy_fence();  // pairs with the light fence in enter() [BL2]
  const auto& section = seats[tag - first_tag].section_of(this);
  // acquire: pairs with the releases in leave_section(): what was done in there is seen.
  for (unsigned round = 0; section.load(memory_order_acquire) == this; ++round) {
    cpu_pause();
    if (round % 64 == 63) ::sched_yield();  // it may have lost its processor in there
  }
  holder_ = 0;
  streak_ = 0;
  limit_ = limit_ > never_biased / 4 ? never_biased : limit_ * 4;  // [BL5]
}

}  // namespace gmp::detail
