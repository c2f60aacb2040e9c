// A G that wants to run every millisecond, and how late it was: what other Gs did to it.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gmp/gmp.hpp>

namespace examples {

class lateness_ticker {
 public:
  lateness_ticker() {
    ticking_ = gmp::spawn([this] {
      using namespace std::chrono_literals;
      do {  // at least once, however soon it is over
        const auto due = clock::now() + 1ms;
        gmp::this_g::sleep_until(due);
        late_.push_back(std::chrono::duration<double, std::milli>(clock::now() - due).count());
      } while (!over_);
    });
  }

  // The G writes into this object: whatever ends the scope, an exception too, ends the G first.
  ~lateness_ticker() { stop(); }
  lateness_ticker(const lateness_ticker&) = delete;
  lateness_ticker& operator=(const lateness_ticker&) = delete;

  // Ends it and prints what it saw.
  void report() {
    stop();
    std::sort(late_.begin(), late_.end());
    fmt::print(
        "ticker: {} ticks, late by {:.2f} ms (median), {:.2f} ms (99 %), {:.2f} ms (worst)\n",
        late_.size(), late_[late_.size() / 2], late_[late_.size() * 99 / 100], late_.back());
  }

 private:
  using clock = std::chrono::steady_clock;

  void stop() noexcept {
    over_ = true;
    ticking_.wait();
  }

  std::vector<double> late_;
  std::atomic<bool> over_ = false;
  gmp::task<void> ticking_;
};

}  // namespace examples
