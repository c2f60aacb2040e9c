// Dead Gs between Ps: what one has too many of, because it runs what another spawns, goes back to
// the other as whole lists. Neither touches the Gs one by one, nor the slabs' lock.
#pragma once

#include <cstdint>

#include "g/g.hpp"
#include "gmp/detail/spin_lock.hpp"

namespace gmp::detail {

class spare_gs {
 public:
  struct list {
    g* head = nullptr;  // chained by g::next
    std::uint32_t count = 0;
  };

  // False: there are enough.
  [[nodiscard]] bool give(list more) noexcept {
    lock_.lock();
    const bool room = held_ < most;
    if (room) lists_[held_++] = more;
    lock_.unlock();
    return room;
  }

  // Empty: there is none.
  list take() noexcept {
    lock_.lock();
    const list taken = held_ != 0 ? lists_[--held_] : list{};
    lock_.unlock();
    return taken;
  }

 private:
  static constexpr std::uint32_t most = 4;

  spin_lock lock_;
  std::uint32_t held_ = 0;
  list lists_[most];
};

}  // namespace gmp::detail
