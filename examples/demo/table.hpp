// The table at the end: one column per stage, made of the difference of two readings of the
// runtime's counters.
#pragma once

#include <gmp/stats.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace demo {

class table {
 public:
  // A stage that began and ended with these counters.
  void add(std::string stage, const gmp::runtime_stats& before, const gmp::runtime_stats& after);
  void print() const;

  std::uint64_t bytes_per_g = 0;          // 0: not measured
  std::uint64_t requests_per_second = 0;  // 0: not measured

 private:
  struct column {
    std::string name;
    gmp::runtime_stats change;
  };
  std::vector<column> columns_;
};

}  // namespace demo
