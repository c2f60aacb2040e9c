// What does a select cost for each value, over one to 32 channels, with and without buffers, and
// when nothing is ready and it need not wait?
#include <gmp/gmp.hpp>

#include <array>
#include <optional>
#include <utility>

#include "harness.hpp"

namespace {

using channel = gmp::chan<std::int64_t>;

template <std::size_t Cases>
std::array<channel, Cases> make_channels(std::size_t capacity) {
  std::array<channel, Cases> all;
  for (channel& ch : all) ch = gmp::make_chan<std::int64_t>(capacity);
  return all;
}

// One G sends to the channels in turn, another selects; ns per value.
template <std::size_t Cases>
double select_of(const bench::request& asked, std::size_t capacity) {
  auto n = static_cast<std::int64_t>(asked.n);
  std::int64_t sum = 0;
  double ns = gmp::run(
      [n, capacity, &sum] {
        const std::array<channel, Cases> ch = make_channels<Cases>(capacity);
        auto take = [&sum](std::optional<std::int64_t> v) { sum += *v; };
        bench::stopwatch watch;
        gmp::go([n, &ch] {
          for (std::int64_t i = 0; i < n; ++i) ch[static_cast<std::size_t>(i) % Cases].send(i);
        });
        [&]<std::size_t... I>(std::index_sequence<I...>) {
          for (std::int64_t i = 0; i < n; ++i) gmp::select(gmp::on_recv(ch[I], take)...);
        }
        (std::make_index_sequence<Cases>());
        return watch.ns();
      },
      {.procs = asked.procs});
  bench::require(sum == n * (n - 1) / 2, "wrong sum");
  return ns / static_cast<double>(n);
}

// Over empty channels, with a default; ns per select.
template <std::size_t Cases>
double select_none(const bench::request& asked) {
  return gmp::run(
      [&asked] {
        const std::array<channel, Cases> ch = make_channels<Cases>(0);
        std::uint64_t missed = 0;
        bench::stopwatch watch;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
          for (std::uint64_t i = 0; i < asked.n; ++i)
            gmp::select(gmp::on_recv(ch[I])..., gmp::otherwise([&missed] { ++missed; }));
        }
        (std::make_index_sequence<Cases>());
        const double ns = watch.ns();
        bench::require(missed == asked.n, "an empty channel gave a value");
        return ns / static_cast<double>(asked.n);
      },
      {.procs = asked.procs});
}

constexpr bench::question questions[] = {
    {"select1", 2'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select1", select_of<1>(asked, 0), "ns"}};
     }},
    {"select2", 2'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select2", select_of<2>(asked, 0), "ns"}};
     }},
    {"select4", 1'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select4", select_of<4>(asked, 0), "ns"}};
     }},
    {"select8", 1'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select8", select_of<8>(asked, 0), "ns"}};
     }},
    {"select32", 200'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select32", select_of<32>(asked, 0), "ns"}};
     }},
    {"select1_buffered", 4'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select1_buffered", select_of<1>(asked, 128), "ns"}};
     }},
    {"select2_buffered", 4'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select2_buffered", select_of<2>(asked, 128), "ns"}};
     }},
    {"select4_buffered", 2'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select4_buffered", select_of<4>(asked, 128), "ns"}};
     }},
    {"select8_buffered", 2'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select8_buffered", select_of<8>(asked, 128), "ns"}};
     }},
    {"select32_buffered", 500'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select32_buffered", select_of<32>(asked, 128), "ns"}};
     }},
    {"select1_none", 8'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select1_none", select_none<1>(asked), "ns"}};
     }},
    {"select4_none", 4'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select4_none", select_none<4>(asked), "ns"}};
     }},
    {"select32_none", 1'000'000, 20'000,
     [](const bench::request& asked) -> bench::report {
       return {{"select32_none", select_none<32>(asked), "ns"}};
     }},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
