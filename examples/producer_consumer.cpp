// Producers and consumers with a bounded buffer, twice: the buffer as a channel, and as a monitor
// of a mutex and two condition variables. Exits with 1 if one of them loses or doubles an item.
//
// Try --procs 1: everything still works, because a G that waits gives its P away. Try --capacity 1
// and 1,000.
#include "producer_consumer.hpp"

#include <chrono>

#include "arguments.hpp"

namespace {

template <class Queue>
bool exchange_and_check(const char* what, Queue& queue, const examples::exchange_plan& plan) {
  const auto start = std::chrono::steady_clock::now();
  const std::uint64_t sum = examples::exchange(queue, plan);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;

  const std::uint64_t expected = examples::sum_up_to(plan.items);
  fmt::print("{:<28} sum {} {} {:.3f} s, {:.0f} ns per item\n", what, sum,
             sum == expected ? "is right," : fmt::format("SHOULD BE {},", expected), took.count(),
             plan.items > 0 ? took.count() * 1e9 / static_cast<double>(plan.items) : 0.0);
  return sum == expected;
}

bool both_ways(const examples::exchange_plan& plan, std::size_t capacity) {
  auto channel = gmp::make_chan<std::uint64_t>(capacity);
  examples::bounded_queue<std::uint64_t> monitor(capacity);
  bool right = exchange_and_check("channel:", channel, plan);
  right &= exchange_and_check("mutex, condition variables:", monitor, plan);
  return right;
}

}  // namespace

int main(int argc, char** argv) {
  examples::exchange_plan plan;
  std::size_t capacity = 64;
  unsigned procs = 0;
  examples::command_line options(
      "Moves numbers through a bounded buffer, as a channel and as a monitor.");
  options.number("--producers", plan.producers, "Gs that send", 1, 100'000);
  options.number("--consumers", plan.consumers, "Gs that receive", 1, 100'000);
  options.number("--items", plan.items, "how many numbers");
  options.number("--capacity", capacity, "room in the buffer", 1, 1'000'000);
  options.number("--procs", procs, "Ps; 0: as many as the machine gives");
  if (auto code = options.parse(argc, argv)) return *code;

  return examples::guarded("producer_consumer", [&] {
    bool right = gmp::run([&] { return both_ways(plan, capacity); }, {.procs = procs});
    return right ? examples::success : examples::failed;
  });
}
