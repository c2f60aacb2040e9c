// The work that bench_steal and its partners spread, without a word about how it is spread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench {

inline std::uint64_t fibonacci(std::uint64_t n) {
  std::uint64_t a = 0;
  std::uint64_t b = 1;
  for (std::uint64_t i = 0; i < n; ++i) {
    b += a;
    a = b - a;
  }
  return a;
}

// How many calls of fib(n) fork: all with n of at least two.
inline double fib_forks(std::uint64_t n) { return static_cast<double>(fibonacci(n + 1) - 1); }

// The rows of a chess board that queens hold so far, as bits: columns and diagonals under attack.
class board {
 public:
  static constexpr std::size_t most = 16;
  explicit board(std::uint64_t size) : all_((std::uint32_t{1} << size) - 1) {}
  bool full() const { return columns_ == all_; }
  std::uint32_t free() const { return all_ & ~(columns_ | left_ | right_); }
  board with(std::uint32_t queen) const {
    board next = *this;
    next.columns_ |= queen;
    next.left_ = (left_ | queen) << 1;
    next.right_ = (right_ | queen) >> 1;
    return next;
  }

 private:
  std::uint32_t all_;
  std::uint32_t columns_ = 0;
  std::uint32_t left_ = 0;
  std::uint32_t right_ = 0;
};

inline std::uint64_t queens_solutions(std::uint64_t size) {
  constexpr std::uint64_t known[] = {1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200, 73712};
  return size < sizeof known / sizeof known[0] ? known[size] : 0;
}

// A node of a tree of given size and random shape: up to four children share what is left in random
// parts, so that depths differ much; the same seed gives the same tree.
struct uneven_node {
  static constexpr std::size_t most = 4;
  static constexpr int rounds = 32;

  std::uint64_t seed;
  std::uint64_t size;  // nodes, this one included

  static uneven_node root(std::uint64_t size) { return {.seed = 20'240'229, .size = size}; }

  static std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 32)) * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 29)) * 0x9e3779b97f4a7c15;
    return x ^ (x >> 32);
  }

  // The children; returns how many.
  std::size_t split(uneven_node (&children)[most]) const {
    std::uint64_t left = size - 1;
    std::uint64_t random = mix(seed);
    const std::size_t wanted = 1 + random % most;
    std::size_t n = 0;
    while (left > 0) {
      random = mix(random + 1);
      const std::uint64_t part = n + 1 == wanted ? left : 1 + random % left;
      children[n++] = {.seed = random, .size = part};
      left -= part;
    }
    return n;
  }

  // What every node computes; returns 1.
  std::uint64_t work() const {
    std::uint64_t x = seed;
    for (int i = 0; i < rounds; ++i) x = mix(x);
    return x == 0 ? 0 : 1;
  }
};

}  // namespace bench
