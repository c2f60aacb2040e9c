// Memory of a fiber that waits.
#include <atomic>

#include "fiber_world.hpp"

namespace fiber_bench {

// n fibers block on one channel; bytes of RSS each. The stacks are small ones from malloc without
// guard pages: larger ones cost no more memory, but a million guard pages exceed vm.max_map_count.
bench::report parked(const bench::request& asked) {
  boost::fibers::unbuffered_channel<int> gate;
  std::vector<boost::fibers::fiber> waiters(asked.n);  // written before the first reading
  std::uint64_t begun = 0;
  std::size_t before = bench::resident_bytes();
  for (boost::fibers::fiber& waiter : waiters)
    waiter = boost::fibers::fiber(boost::fibers::launch::dispatch, std::allocator_arg,
                                  boost::fibers::fixedsize_stack(16 * 1024), [&] {
                                    ++begun;
                                    int value;
                                    gate.pop(value);
                                  });
  while (begun < asked.n) boost::this_fiber::yield();
  double bytes =
      static_cast<double>(bench::resident_bytes() - before) / static_cast<double>(asked.n);
  gate.close();
  for (boost::fibers::fiber& waiter : waiters) waiter.join();
  return {{"parked", bytes, "bytes"}};
}

}  // namespace fiber_bench
