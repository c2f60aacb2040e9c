// A small fast generator (wyrand): steal orders, select orders. Not for secrets.
#pragma once

#include <cstdint>

namespace gmp::detail {

class cheap_random {
 public:
  explicit constexpr cheap_random(std::uint64_t seed = 0) noexcept : state_(seed) {}

  std::uint32_t next() noexcept {
    state_ += 0xa0761d6478bd642fULL;
    unsigned __int128 product =
        static_cast<unsigned __int128>(state_) * (state_ ^ 0xe7037ed1a0b428dbULL);
    return static_cast<std::uint32_t>(product >> 64 ^ product);
  }

  // Uniform in [0, bound), bound > 0, by multiplication instead of division.
  std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(next()) * bound >> 32);
  }

 private:
  std::uint64_t state_;
};

}  // namespace gmp::detail
