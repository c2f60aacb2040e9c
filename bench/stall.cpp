// How late are the others when one G stalls its thread, and what does announcing a call cost?
//
// At one P a ticker sleeps for 1 ms, again and again. Its lateness is measured while another G
// computes without a call, or sits in a system call of 100 ms. Beside it stands the lateness of a
// plain thread that does the same alone: the machine's own.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gmp/gmp.hpp>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>
#include <vector>

#include "harness.hpp"

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

double ms(clock_type::duration length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

using lateness = std::vector<double>;  // milliseconds

double p99(lateness& late) {
  std::sort(late.begin(), late.end());
  return late[late.size() * 99 / 100];
}

// How late the machine itself is: a plain thread sleeps as the ticker does, for half of the time
// before and half after what is measured, with no runtime about.
void sleep_on_thread(clock_type::duration length, lateness& late) {
  const auto end = clock_type::now() + length / 2;
  while (clock_type::now() < end) {
    const auto due = clock_type::now() + 1ms;
    std::this_thread::sleep_for(1ms);
    late.push_back(ms(clock_type::now() - due));
  }
}

// The ticker's lateness while `hold` runs beside it.
template <class Hold>
lateness ticks_beside(unsigned procs, Hold hold) {
  return gmp::run(
      [&] {
        lateness late;
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
        return late;
      },
      {.procs = procs});
}

struct names {
  std::string_view p99, max;
};

// Beside a `hold` that takes `length`.
template <class Hold>
bench::report lateness_beside(unsigned procs, clock_type::duration length, names called,
                              Hold hold) {
  lateness thread;
  sleep_on_thread(length, thread);
  lateness ticks = ticks_beside(procs, hold);
  sleep_on_thread(length, thread);
  bench::require(ticks.size() > 20, "the ticker stood still");
  const double of_ticks = p99(ticks);
  const double of_thread = p99(thread);
  return {{called.p99, of_ticks, "ms"},
          {called.max, ticks.back(), "ms"},
          {"thread_p99", of_thread, "ms"},
          {"thread_max", thread.back(), "ms"}};
}

void compute(std::chrono::milliseconds length) {
  const auto end = clock_type::now() + length;
  while (clock_type::now() < end) {
  }
}

bench::report hog(const bench::request& asked) {
  const std::chrono::milliseconds length(asked.n);
  return lateness_beside(asked.procs, length, {"hog_p99", "hog_max"}, [=] { compute(length); });
}

// n calls of 100 ms, 20 ms apart.
template <class Call>
bench::report beside_calls(const bench::request& asked, names called, Call call) {
  return lateness_beside(asked.procs, asked.n * 120ms, called, [&] {
    for (std::uint64_t i = 0; i < asked.n; ++i) {
      call();
      gmp::this_g::sleep_for(20ms);
    }
  });
}

bench::report unannounced(const bench::request& asked) {
  return beside_calls(asked, {"unannounced_p99", "unannounced_max"}, [] { ::usleep(100'000); });
}

bench::report announced(const bench::request& asked) {
  return beside_calls(asked, {"announced_p99", "announced_max"},
                      [] { gmp::blocking([] { ::usleep(100'000); }); });
}

// How long others stand still when a G announces a call: from there to the first line of a G that
// was ready to run. What a ticker sees beside it is the machine's.
bench::report handed_off(const bench::request& asked) {
  std::vector<double> us(asked.n);
  gmp::run(
      [&] {
        for (double& each : us) {
          const bench::stopwatch watch;
          auto other = gmp::spawn([&] { each = watch.ns() / 1'000; });
          gmp::blocking([] { ::usleep(2'000); });
          other.get();
        }
      },
      {.procs = asked.procs});
  const double median = bench::median(us);
  return {{"handed_off", median, "us"},
          {"handed_off_p99", us[us.size() * 99 / 100], "us"},
          {"handed_off_max", us.back(), "us"}};
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

// How often a thread of this process has waited in the kernel.
long sleeps() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw;
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
  const auto seconds = static_cast<double>(asked.n);
  const double cpu = bench::cpu_seconds();
  const long wakeups = sleeps();
  ::usleep(static_cast<useconds_t>(asked.n * 1'000'000));
  const double used = bench::cpu_seconds() - cpu;
  const long woken = sleeps() - wakeups - 1;  // without this thread's own
  never.close();
  return {{"idle_cpu", used / seconds * 100, "%"},
          {"idle_wakeups", static_cast<double>(woken) / seconds, "per_second"}};
}

constexpr bench::question questions[] = {
    {"hog", 1'000, 0, hog},
    {"unannounced", 20, 0, unannounced},
    {"announced", 20, 0, announced},
    {"handed_off", 500, 10, handed_off},
    {"blocking", 100'000, 1'000, blocking_cost},
    {"channel_alone", 20'000'000, 100'000, channel_alone},
    {"channel_pair", 5'000'000, 100'000, channel_pair},
    {"crowd", 1'000, 0, crowd},
    {"idle", 3, 0, idle},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
