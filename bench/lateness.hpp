// How late something came, again and again, and what is said of it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace bench {

class lateness {
 public:
  using clock = std::chrono::steady_clock;

  lateness() { late_.reserve(10'000); }
  // Due then, come now.
  void come(clock::time_point due) { add(clock::now() - due); }
  void add(clock::duration late) {
    late_.push_back(std::chrono::duration<double, std::micro>(late).count());
  }
  std::size_t size() const { return late_.size(); }

  // Microseconds; size() > 0.
  double median() { return at(1, 2); }
  double p99() { return at(99, 100); }
  double max() { return *std::max_element(late_.begin(), late_.end()); }

 private:
  double at(std::size_t part, std::size_t of) {
    std::sort(late_.begin(), late_.end());
    return late_[late_.size() * part / of];
  }

  std::vector<double> late_;
};

inline void compute(lateness::clock::duration length) {
  const auto end = lateness::clock::now() + length;
  while (lateness::clock::now() < end) {
  }
}

}  // namespace bench
