// How does the cost of an operation grow with the number of Gs, Ps, channels and timers there are?
//
// Each question runs one operation among 1, 10, 100 ... up to n things, in one program, and prints
// a line for each size and the worst growth from one size to the next, which is what is asked for.
// Of three measurements of a size the best counts: what other programs take is no growth.
#include <gmp/gmp.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "harness.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t at_least = 1'000'000;  // operations of one measurement

// The names must outlive the report, hence the list of all of them.
std::string_view keep(std::string name) {
  static std::vector<std::unique_ptr<std::string>> names;
  names.push_back(std::make_unique<std::string>(std::move(name)));
  return *names.back();
}

class curve {
 public:
  explicit curve(std::string name) : name_(std::move(name)) {}

  // measure(): ns per operation.
  template <class F>
  void add(std::uint64_t size, F measure) {
    double best = measure();
    for (int again = 0; again < 2; ++again) best = std::min(best, measure());
    if (!lines_.empty()) worst_ = std::max(worst_, best / lines_.back().value);
    lines_.push_back({keep(name_ + "_" + std::to_string(size)), best, "ns"});
  }

  bench::report done() && {
    lines_.push_back({keep(name_ + "_growth"), worst_, "x"});
    return std::move(lines_);
  }

 private:
  std::string name_;
  bench::report lines_;
  double worst_ = 0;
};

// n Gs that wait for `release()` and then run body; `end()` waits for their ends.
template <class Body>
class gathered {
 public:
  gathered(std::uint64_t n, const Body& body) {
    gate_.add(1);
    ready_.add(static_cast<int>(n));
    done_.add(static_cast<int>(n));
    for (std::uint64_t i = 0; i < n; ++i)
      gmp::go([this, body] {
        ready_.done();
        gate_.wait();
        body();
        done_.done();
      });
    ready_.wait();
    gmp::this_g::yield();  // the last of them parks
  }
  void release() { gate_.done(); }
  void end() { done_.wait(); }

 private:
  gmp::wait_group gate_, ready_, done_;
};

// All Gs take turns at yielding.
bench::report yield(const bench::request& asked) {
  curve costs("gs_yield");
  for (std::uint64_t gs = 1'000; gs <= asked.n; gs *= 10) {
    const std::uint64_t turns = std::max<std::uint64_t>(4, at_least / gs);
    costs.add(gs, [&] {
      return gmp::run(
          [&] {
            gathered all(gs, [turns] {
              for (std::uint64_t i = 1; i < turns; ++i) gmp::this_g::yield();
            });
            bench::stopwatch watch;
            all.release();  // counts as a turn, as their ends do not
            all.end();
            return watch.ns() / static_cast<double>(gs * turns);
          },
          {.procs = asked.procs});
    });
  }
  return std::move(costs).done();
}

// Spawned, parked together, ended. The first round of a size is not measured: its memory is new.
bench::report spawn(const bench::request& asked) {
  curve costs("gs_spawn");
  for (std::uint64_t gs = 1'000; gs <= asked.n; gs *= 10) {
    const std::uint64_t rounds = std::max<std::uint64_t>(1, at_least / gs);
    gmp::run(
        [&] {
          auto round = [gs] {
            gathered all(gs, [] {});
            all.release();
            all.end();
          };
          round();
          costs.add(gs, [&] {
            bench::stopwatch watch;
            for (std::uint64_t i = 0; i < rounds; ++i) round();
            return watch.ns() / static_cast<double>(gs * rounds);
          });
        },
        {.procs = asked.procs});
  }
  return std::move(costs).done();
}

// 64 Gs yield on 1, 2, 4 ... Ps, more than there are processors.
bench::report procs(const bench::request& asked) {
  constexpr std::uint64_t gs = 64;
  const std::uint64_t turns = asked.n / gs;
  curve costs("ps_yield");
  for (unsigned ps = 1; ps <= 16; ps *= 2)
    costs.add(ps, [&] {
      return gmp::run(
          [&] {
            gathered all(gs, [turns] {
              for (std::uint64_t i = 0; i < turns; ++i) gmp::this_g::yield();
            });
            bench::stopwatch watch;
            all.release();
            all.end();
            return watch.ns() / static_cast<double>(gs * turns);
          },
          {.procs = ps});
    });
  return std::move(costs).done();
}

// 16 pairs of Gs hand values over, on 1, 2, 4 ... Ps.
bench::report procs_channel(const bench::request& asked) {
  constexpr std::uint64_t pairs = 16;
  const std::uint64_t each = asked.n / pairs;
  curve costs("ps_channel");
  for (unsigned ps = 1; ps <= 16; ps *= 2)
    costs.add(ps, [&] {
      return gmp::run(
          [&] {
            gmp::wait_group done;
            done.add(pairs);
            bench::stopwatch watch;
            for (std::uint64_t p = 0; p < pairs; ++p) {
              auto ch = gmp::make_chan<std::uint64_t>();
              gmp::go([ch, each] {
                for (std::uint64_t i = 0; i < each; ++i) ch.send(i);
                ch.close();
              });
              gmp::go([ch, &done] {
                while (ch.recv()) continue;
                done.done();
              });
            }
            done.wait();
            return watch.ns() / static_cast<double>(pairs * each);
          },
          {.procs = ps});
    });
  return std::move(costs).done();
}

// Cheap, and not what is measured.
struct random_numbers {
  std::uint64_t state = 0x9e3779b97f4a7c15;
  std::uint64_t below(std::uint64_t limit) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % limit;
  }
};

// A value into a random one of the channels and out again.
bench::report channels(const bench::request& asked) {
  curve costs("channels");
  gmp::run(
      [&] {
        std::vector<gmp::chan<std::uint64_t>> all;
        random_numbers random;
        for (std::uint64_t n = 1; n <= asked.n; n *= 10) {
          while (all.size() < n) all.push_back(gmp::make_chan<std::uint64_t>(1));
          costs.add(n, [&] {
            bench::stopwatch watch;
            for (std::uint64_t i = 0; i < at_least; ++i) {
              const gmp::chan<std::uint64_t>& ch = all[random.below(n)];
              ch.send(i);
              bench::require(*ch.recv() == i, "wrong value");
            }
            return watch.ns() / at_least;
          });
        }
      },
      {.procs = asked.procs});
  return std::move(costs).done();
}

// Among n timers that wait, operation(a random one of them, a time); all times are random.
template <class Operation>
bench::report among_timers(const bench::request& asked, const char* name, Operation operation) {
  curve costs(name);
  gmp::run(
      [&] {
        std::vector<gmp::timer> all;
        random_numbers random;
        auto some_time = [&random] {
          return 1h + std::chrono::microseconds(random.below(1u << 30));
        };
        for (std::uint64_t n = 1; n <= asked.n; n *= 10) {
          while (all.size() < n) all.emplace_back(some_time());
          costs.add(n, [&] {
            bench::stopwatch watch;
            for (std::uint64_t i = 0; i < at_least; ++i)
              bench::require(operation(all[random.below(n)], some_time()),
                             "a timer of an hour fired");
            return watch.ns() / at_least;
          });
        }
      },
      {.procs = asked.procs});
  return std::move(costs).done();
}

// Another timer is made and stopped.
bench::report timers(const bench::request& asked) {
  return among_timers(asked, "timers",
                      [](gmp::timer&, auto some) { return gmp::timer(some).stop(); });
}

bench::report timers_reset(const bench::request& asked) {
  return among_timers(asked, "timers_reset",
                      [](gmp::timer& one, auto some) { return one.reset(some); });
}

constexpr bench::question questions[] = {
    {"gs_yield", 1'000'000, 0, yield},
    {"gs_spawn", 1'000'000, 0, spawn},
    {"ps_yield", 2'000'000, 0, procs},
    {"ps_channel", 1'000'000, 0, procs_channel},
    {"channels", 100'000, 0, channels},
    {"timers", 1'000'000, 0, timers},
    {"timers_reset", 1'000'000, 0, timers_reset},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
