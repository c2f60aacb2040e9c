#include "stages.hpp"

#include <chrono>
#include <system_error>
#include <utility>

#include "../producer_consumer.hpp"
#include "machine.hpp"

using namespace std::chrono_literals;

namespace demo {

bool produce_and_consume(std::uint64_t items, counter& consumed) {
  constexpr std::size_t capacity = 64;
  auto channel = gmp::make_chan<std::uint64_t>(capacity);
  examples::bounded_queue<std::uint64_t> monitor(capacity);
  const examples::exchange_plan first{.items = items / 2, .consumed = &consumed};
  const examples::exchange_plan second{.items = items - items / 2, .consumed = &consumed};
  return examples::exchange(channel, first) == examples::sum_up_to(first.items) &&
         examples::exchange(monitor, second) == examples::sum_up_to(second.items);
}

examples::wordcount_result count_words(std::vector<std::string> files, counter& bytes_read) {
  return examples::count_words({.files = std::move(files), .bytes_read = &bytes_read});
}

parking park(std::uint64_t wanted, counter& parked, counter& woken) {
  parking result;
  auto gate = gmp::make_chan<void>();
  gmp::wait_group all;
  const std::uint64_t before = resident_bytes();
  try {
    for (; result.made < wanted; ++result.made) {
      all.add(1);
      gmp::go([&] {
        parked.fetch_add(1, std::memory_order_relaxed);
        gate.recv();
        woken.fetch_add(1, std::memory_order_relaxed);
        all.done();
      });
    }
  } catch (const std::system_error& why) {  // out of memory: do with those there are
    all.done();
    result.refusal = why.what();
  }
  while (parked < result.made) gmp::this_g::sleep_for(1ms);

  const std::uint64_t after = resident_bytes();
  if (result.made > 0 && after > before) result.bytes_per_g = (after - before) / result.made;
  gate.close();
  all.wait();
  return result;
}

}  // namespace demo
