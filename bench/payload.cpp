// What does the size of a value add to its way through a channel? One G sends, another receives.
#include <gmp/gmp.hpp>

#include "harness.hpp"

namespace {

constexpr std::size_t room = 128;  // of the buffered channel

template <std::size_t Bytes>
struct payload {
  std::int64_t words[Bytes / sizeof(std::int64_t)];
};

// ns per value; both ends touch the first and the last word.
template <std::size_t Bytes>
double one_way(const bench::request& asked, std::size_t capacity) {
  const auto n = static_cast<std::int64_t>(asked.n);
  std::int64_t sum = 0;
  const double ns = gmp::run(
      [n, capacity, &sum] {
        auto ch = gmp::make_chan<payload<Bytes>>(capacity);
        bench::stopwatch watch;
        gmp::go([n, ch] {
          payload<Bytes> value{};
          for (std::int64_t i = 0; i < n; ++i) {
            value.words[0] = i;
            value.words[std::size(value.words) - 1] = i;
            ch.send(value);
          }
          ch.close();
        });
        while (auto value = ch.recv()) sum += value->words[std::size(value->words) - 1];
        return watch.ns();
      },
      {.procs = asked.procs});
  bench::require(sum == n * (n - 1) / 2, "wrong sum");
  return ns / static_cast<double>(n);
}

constexpr bench::question questions[] = {
    {"payload8", 8'000'000, 100'000,
     [](const bench::request& asked) -> bench::report {
       return {{"payload8", one_way<8>(asked, room), "ns"}};
     }},
    {"payload64", 8'000'000, 100'000,
     [](const bench::request& asked) -> bench::report {
       return {{"payload64", one_way<64>(asked, room), "ns"}};
     }},
    {"payload256", 4'000'000, 100'000,
     [](const bench::request& asked) -> bench::report {
       return {{"payload256", one_way<256>(asked, room), "ns"}};
     }},
    {"payload1024", 2'000'000, 100'000,
     [](const bench::request& asked) -> bench::report {
       return {{"payload1024", one_way<1024>(asked, room), "ns"}};
     }},
    {"payload8_unbuffered", 4'000'000, 100'000,
     [](const bench::request& asked) -> bench::report {
       return {{"payload8_unbuffered", one_way<8>(asked, 0), "ns"}};
     }},
    {"payload64_unbuffered", 4'000'000, 100'000,
     [](const bench::request& asked) -> bench::report {
       return {{"payload64_unbuffered", one_way<64>(asked, 0), "ns"}};
     }},
    {"payload256_unbuffered", 2'000'000, 100'000,
     [](const bench::request& asked) -> bench::report {
       return {{"payload256_unbuffered", one_way<256>(asked, 0), "ns"}};
     }},
    {"payload1024_unbuffered", 2'000'000, 100'000,
     [](const bench::request& asked) -> bench::report {
       return {{"payload1024_unbuffered", one_way<1024>(asked, 0), "ns"}};
     }},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
