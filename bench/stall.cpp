// How late are the others when one G stalls its thread, and what does announcing a call cost?
//
// At one P a ticker sleeps for 1 ms, again and again. Its lateness is measured while another G
// computes without a call, or sits in a system call of 100 ms.
#include <poll.h>
#include <unistd.h>

#include <gmp/gmp.hpp>

#include <algorithm>
#include <chrono>
#include <vector>

#include "harness.hpp"

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

double ms(clock_type::duration length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

// The ticker's lateness in milliseconds while `hold` runs beside it, sorted.
template <class Hold>
std::vector<double> lateness_beside(unsigned procs, Hold hold) {
  return gmp::run(
      [&] {
        std::vector<double> late;
        late.reserve(10'000);
        bool measure = false, over = false;
        gmp::wait_group done;
        done.add(1);
        gmp::go([&] {
          while (!over) {
            const auto due = clock_type::now() + 1ms;
            gmp::this_g::sleep_for(1ms);
            if (measure) late.push_back(ms(clock_type::now() - due));
          }
          done.done();
        });
        gmp::this_g::sleep_for(50ms);
        measure = true;
        hold();
        measure = false;
        over = true;
        done.wait();
        std::sort(late.begin(), late.end());
        return late;
      },
      {.procs = procs});
}

void compute(std::chrono::milliseconds length) {
  const auto end = clock_type::now() + length;
  while (clock_type::now() < end) {
  }
}

bench::report hog(const bench::request& asked) {
  std::vector<double> late =
      lateness_beside(asked.procs, [&] { compute(std::chrono::milliseconds(asked.n)); });
  bench::require(late.size() > 20, "the ticker stood still beside a G that computes");
  return {{"hog_p99", late[late.size() * 99 / 100], "ms"}, {"hog_max", late.back(), "ms"}};
}

bench::report unannounced(const bench::request& asked) {
  std::vector<double> late = lateness_beside(asked.procs, [&] {
    for (std::uint64_t i = 0; i < asked.n; ++i) {
      ::usleep(100'000);
      gmp::this_g::sleep_for(20ms);
    }
  });
  bench::require(late.size() > 20, "the ticker stood still beside a G that blocks");
  return {{"unannounced_p99", late[late.size() * 99 / 100], "ms"},
          {"unannounced_max", late.back(), "ms"}};
}

bench::report announced(const bench::request& asked) {
  std::vector<double> late = lateness_beside(asked.procs, [&] {
    for (std::uint64_t i = 0; i < asked.n; ++i) {
      gmp::blocking([] { ::usleep(100'000); });
      gmp::this_g::sleep_for(20ms);
    }
  });
  bench::require(late.size() > 20, "the ticker stood still beside a G that announced its call");
  return {{"announced_p99", late[late.size() * 99 / 100], "ms"},
          {"announced_max", late.back(), "ms"}};
}

// blocking() around nothing.
bench::report blocking_cost(const bench::request& asked) {
  return gmp::run(
      [&]() -> bench::report {
        bench::stopwatch watch;
        for (std::uint64_t i = 0; i < asked.n; ++i) gmp::blocking([] {});
        return {{"blocking", watch.ns() / static_cast<double>(asked.n), "ns"}};
      },
      {.procs = asked.procs});
}

// One G sends and receives on a channel with room: no partner, no switch.
bench::report channel_alone(const bench::request& asked) {
  return gmp::run(
      [&]() -> bench::report {
        auto ch = gmp::make_chan<int>(1);
        bench::stopwatch watch;
        for (std::uint64_t i = 0; i < asked.n; ++i) {
          ch.send(1);
          ch.recv();
        }
        return {{"channel_alone", watch.ns() / static_cast<double>(2 * asked.n), "ns"}};
      },
      {.procs = asked.procs});
}

// Two Gs hand a value to and fro: each operation readies or parks, and so pins.
bench::report channel_pair(const bench::request& asked) {
  return gmp::run(
      [&]() -> bench::report {
        auto there = gmp::make_chan<int>(), back = gmp::make_chan<int>();
        gmp::go([=] {
          for (int v : there) back.send(v);
        });
        bench::stopwatch watch;
        for (std::uint64_t i = 0; i < asked.n; ++i) {
          there.send(1);
          back.recv();
        }
        const double ns = watch.ns();
        there.close();
        return {{"channel_pair", ns / static_cast<double>(4 * asked.n), "ns"}};
      },
      {.procs = asked.procs});
}

// n Gs in poll() for two seconds: the ticker's lateness, the most threads, and how long until they
// are back to what an idle runtime keeps.
bench::report crowd(const bench::request& asked) {
  gmp::runtime scheduler({.procs = asked.procs});
  unsigned most = 0;
  std::vector<double> late;
  scheduler.run([&] {
    gmp::wait_group blocked, ticker;
    blocked.add(static_cast<int>(asked.n));
    ticker.add(1);
    bool over = false;
    gmp::go([&] {
      while (!over) {
        const auto due = clock_type::now() + 1ms;
        gmp::this_g::sleep_for(1ms);
        late.push_back(ms(clock_type::now() - due));
        most = std::max(most, scheduler.stats().threads);
      }
      ticker.done();
    });
    for (std::uint64_t k = 0; k < asked.n; ++k)
      gmp::go([&blocked] {
        ::poll(nullptr, 0, 2'000);
        blocked.done();
      });
    blocked.wait();
    over = true;
    ticker.wait();
  });
  const auto start = clock_type::now();
  while (scheduler.stats().threads > asked.procs + 5) ::usleep(10'000);
  std::sort(late.begin(), late.end());
  return {{"crowd_threads", static_cast<double>(most), "threads"},
          {"crowd_p99", late[late.size() * 99 / 100], "ms"},
          {"crowd_max", late.back(), "ms"},
          {"crowd_back", ms(clock_type::now() - start) / 1e3, "s"}};
}

// n seconds of nothing, with parked Gs about.
bench::report idle(const bench::request& asked) {
  gmp::runtime scheduler({.procs = asked.procs});
  auto never = gmp::make_chan<void>();
  scheduler.run([&] {
    for (int k = 0; k < 100; ++k) gmp::go([never] { never.recv(); });
    compute(20ms);
  });
  ::usleep(200'000);
  const double cpu = bench::cpu_seconds();
  ::usleep(static_cast<useconds_t>(asked.n * 1'000'000));
  const double used = bench::cpu_seconds() - cpu;
  never.close();
  return {{"idle_cpu", used / static_cast<double>(asked.n) * 100, "%"}};
}

constexpr bench::question questions[] = {
    {"hog", 1'000, 0, hog},
    {"unannounced", 20, 0, unannounced},
    {"announced", 20, 0, announced},
    {"blocking", 100'000, 1'000, blocking_cost},
    {"channel_alone", 20'000'000, 100'000, channel_alone},
    {"channel_pair", 5'000'000, 100'000, channel_pair},
    {"crowd", 1'000, 0, crowd},
    {"idle", 3, 0, idle},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
