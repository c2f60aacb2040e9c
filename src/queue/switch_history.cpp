#include "queue/switch_history.hpp"

#include <algorithm>

namespace gmp::detail {
namespace {

constexpr nanos closest = 1'000'000;  // entries that follow each other faster replace each other

}  // namespace

void switch_history::note(std::uint64_t switches, bool idle, nanos now) noexcept {
  lock_.lock();
  if (n_ != 0) {
    const entry& last = all_[n_ - 1];
    const bool tells_nothing =
        switches < last.switches || (switches == last.switches && (last.idle != 0 || !idle));
    if (tells_nothing) {
      lock_.unlock();
      return;
    }
    const bool crowded =
        n_ > 1 && last.when - all_[n_ - 2].when < closest && now - last.when < closest;
    if (crowded) --n_;
  }
  if (n_ == entries) thin_out(now);
  all_[n_++] = {switches, idle ? 1u : 0u, now};
  lock_.unlock();
}

// A G that left between this entry and the one before gets the time of the next one: that is the
// loss. The first entry stays: nothing is before it.
void switch_history::thin_out(nanos now) noexcept {
  std::size_t victim = 1;
  double least = 1e300;
  for (std::size_t i = 1; i + 1 < n_; ++i) {
    const double loss = static_cast<double>(all_[i + 1].when - all_[i - 1].when) /
                        static_cast<double>(now - all_[i].when + 1);
    if (loss < least) {
      least = loss;
      victim = i;
    }
  }
  std::copy(all_ + victim + 1, all_ + n_, all_ + victim);
  --n_;
}

nanos switch_history::left_at(std::uint64_t resumed, nanos now) const noexcept {
  lock_.lock();
  // The first entry beyond it.
  const entry* end = all_ + n_;
  const entry* at = std::partition_point(all_, end, [resumed](const entry& one) {
    return one.switches < resumed || (one.switches == resumed && one.idle == 0);
  });
  const nanos when = at == end ? now : at->when;
  lock_.unlock();
  return when;
}

}  // namespace gmp::detail
