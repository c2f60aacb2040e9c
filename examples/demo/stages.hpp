// The three stages of the demo. Each runs on a G, and counts what it does where a plain thread can
// watch.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "../wordcount.hpp"

namespace demo {

using counter = std::atomic<std::uint64_t>;

// Numbers through a bounded buffer, half of them with the buffer as a channel, half as a monitor.
// False: a sum was wrong.
bool produce_and_consume(std::uint64_t items, counter& consumed);

// The wordcount example's own pipeline.
examples::wordcount_result count_words(std::vector<std::string> files, counter& bytes_read);

struct parking {
  std::uint64_t made = 0;         // Gs that were parked at the same time
  std::uint64_t bytes_per_g = 0;  // memory they took, divided among them; 0: unknown
  std::string refusal;            // why no more could be made; empty: all were
};

// Makes so many Gs that wait on one channel, measures, and closes the channel, which wakes them
// all.
parking park(std::uint64_t wanted, counter& parked, counter& woken);

}  // namespace demo
