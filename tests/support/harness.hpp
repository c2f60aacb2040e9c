// What all tests share: runtimes at several numbers of Ps, sizes that fit the build, a guard
// against hanging.
//
// GoogleTest keeps its traces per thread: no SCOPED_TRACE in a G that may move to another thread.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include <gmp/chan.hpp>
#include <gmp/detail/sanitizers.hpp>
#include <gmp/go.hpp>
#include <gmp/runtime.hpp>
#include <gmp/select.hpp>
#include <gmp/task.hpp>
#include <gmp/this_g.hpp>

namespace gmp_test {

using namespace std::chrono_literals;

inline constexpr bool sanitized = GMPSCHED_ASAN != 0 || GMPSCHED_TSAN != 0;

// A number of rounds: a tenth under sanitizers, which are about as much slower.
constexpr int scaled(int n) {
  if (!sanitized || n <= 10) return n;
  return n / 10;
}

// A number of Gs alive at once: sanitizers keep whole stacks and tables for each.
constexpr int scaled_gs(int n) {
  constexpr int most = 1'000;
  return sanitized && n > most ? most : n;
}

inline unsigned number_from_environment(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  const unsigned long value = text == nullptr ? 0 : std::strtoul(text, nullptr, 10);
  return value == 0 ? otherwise : static_cast<unsigned>(value);
}

// Ends the process, naming the test, when a test takes longer than GMPSCHED_TEST_LIMIT seconds.
class watchdog {
 public:
  watchdog() : thread_([this] { watch(); }) {}
  ~watchdog() {
    {
      std::lock_guard hold(mutex_);
      over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

 private:
  void watch() {
    const auto limit = std::chrono::seconds(number_from_environment("GMPSCHED_TEST_LIMIT", 100));
    const std::string name = current_test();
    std::unique_lock hold(mutex_);
    if (changed_.wait_for(hold, limit, [this] { return over_; })) return;
    std::fprintf(stderr, "test %s hangs\n", name.c_str());
    std::abort();
  }
  static std::string current_test() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    return info == nullptr ? "?" : std::string(info->test_suite_name()) + "." + info->name();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

// A test that runs its body as the main G of a new runtime.
class in_runtime : public testing::Test {
 protected:
  template <class F>
  static decltype(auto) run_at(unsigned procs, F&& body) {
    gmp::options wanted;
    wanted.procs = procs;
    return gmp::run(std::forward<F>(body), std::move(wanted));
  }

 private:
  watchdog watchdog_;
};

// The same at each of several numbers of Ps.
class at_procs : public testing::TestWithParam<unsigned> {
 protected:
  template <class F>
  decltype(auto) run(F&& body) {
    gmp::options wanted;
    wanted.procs = GetParam();
    return gmp::run(std::forward<F>(body), std::move(wanted));
  }

 private:
  watchdog watchdog_;
};

#define GMPSCHED_TEST_AT_PROCS(suite, ...)                             \
  INSTANTIATE_TEST_SUITE_P(procs, suite, testing::Values(__VA_ARGS__), \
                           testing::PrintToStringParamName())

// Gives everybody else several turns. Not a proof that they parked: tests use it where a bug might
// then show.
inline void yield_often(int times = 64) {
  for (int i = 0; i < times; ++i) gmp::this_g::yield();
}

// Waits, as a G or a thread, until the condition holds.
template <class Condition>
void until(Condition&& condition) {
  while (!condition()) gmp::this_g::yield();
}

// Counts down Gs that end; wait() returns when none is left. Made of a channel alone, so that it
// can test the rest.
class crowd {
 public:
  // Starts f as one G of the crowd.
  template <class F>
  void go(F&& f) {
    ++started_;
    gmp::go([done = done_, body = std::forward<F>(f)]() mutable {
      body();
      done.send();
    });
  }
  void wait() {
    for (; started_ > 0; --started_) done_.recv();
  }

 private:
  gmp::chan<void> done_ = gmp::make_chan<void>(1024);
  int started_ = 0;
};

}  // namespace gmp_test
