// The questions that Boost.Fiber can answer, in one program.
#include "fiber_world.hpp"

namespace {

// One use_scheduling_algorithm per thread and process: what needs workers has no warm-up run.
constexpr bench::question questions[] = {
    {"yield", 2'000'000, 0, fiber_bench::yield},
    {"spawn", 100'000, 0, fiber_bench::spawn},
    {"roundtrip", 500'000, 0, fiber_bench::round_trip},
    {"buffered11", 4'000'000, 0, fiber_bench::buffered11},
    {"buffered14", 4'000'000, 0, fiber_bench::buffered14},
    {"buffered41", 4'000'000, 0, fiber_bench::buffered41},
    {"buffered44", 4'000'000, 0, fiber_bench::buffered44},
    {"unbuffered14", 1'000'000, 0, fiber_bench::unbuffered14},
    {"unbuffered41", 1'000'000, 0, fiber_bench::unbuffered41},
    {"payload8", 4'000'000, 0, fiber_bench::payload<8>},
    {"payload64", 4'000'000, 0, fiber_bench::payload<64>},
    {"payload256", 2'000'000, 0, fiber_bench::payload<256>},
    {"payload1024", 1'000'000, 0, fiber_bench::payload<1024>},
    {"payload8_unbuffered", 1'000'000, 0, fiber_bench::payload_unbuffered<8>},
    {"payload64_unbuffered", 1'000'000, 0, fiber_bench::payload_unbuffered<64>},
    {"payload256_unbuffered", 1'000'000, 0, fiber_bench::payload_unbuffered<256>},
    {"payload1024_unbuffered", 1'000'000, 0, fiber_bench::payload_unbuffered<1024>},
    {"skynet", 1'000'000, 0, fiber_bench::skynet},
    {"mutex8", 2'000'000, 0, fiber_bench::mutex8},
    {"condition", 500'000, 0, fiber_bench::condition},
    {"parked", 200'000, 0, fiber_bench::parked},
    {"fib", 20, 0, fiber_bench::fib},
    {"uneven", 20'000, 0, fiber_bench::uneven},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
