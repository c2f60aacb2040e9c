// What happens at the ends: max_bytes, guards, canaries, signals; and what a big segment costs.
#if GMPSCHED_SPLIT_STACKS  // reserved stacks: slots_test.cpp
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <sys/time.h>
#include <unistd.h>

#include "depths.hpp"

namespace {

[[gnu::noinline]] int deep(int n) {
  volatile char frame[64];
  frame[0] = 1;
  return n == 0 ? 0 : deep(n - 1) + frame[0];
}

TEST(limits_death, of_max_bytes) {
  EXPECT_DEATH(fake::run([] { deep(1000000); }, std::size_t{1} << 20),
               "stack overflow: a G needs more than its max_stack .* the limit is 1048576");
  EXPECT_DEATH(fake::run(
                   [] {
                     volatile char frame[3000000];
                     for (std::size_t i = 0; i < sizeof(frame); i += 1000) frame[i] = 1;
                     deep(static_cast<int>(frame[2000]));
                   },
                   std::size_t{1} << 20),
               "stack overflow");
}

TEST(limits, small_max_bytes_still_prints) {
  fake::run(
      [] {
        char text[20];
        std::snprintf(text, sizeof(text), "%d", 5);
        EXPECT_STREQ(text, "5");
      },
      16384);
  fake::g one([] { EXPECT_EQ(deep(200), 200); }, 64 * 1024);
  EXPECT_FALSE(one.resume());
}

void named(void* first_top, std::size_t used, std::size_t max) noexcept {
  char text[100];
  const int n =
      std::snprintf(text, sizeof(text), "hook: %d %zu %zu\n", first_top != nullptr, used, max);
  static_cast<void>(!::write(2, text, static_cast<std::size_t>(n)));
  std::abort();
}

TEST(limits_death, the_hook_is_asked) {
  EXPECT_DEATH(
      {
        gmp::detail::stack_overflow_hook = &named;
        fake::run([] { deep(1000000); }, std::size_t{1} << 20);
      },
      "hook: 1 [0-9]+ 1048576");
}

// Stands for code that knows nothing of segments and writes far down.
void far_down(std::size_t n) __attribute__((no_split_stack, noinline));
void far_down(std::size_t n) {
  volatile char* p = static_cast<volatile char*>(__builtin_frame_address(0));
  for (std::size_t i = 0; i < n; i += 512) *(p - i) = 1;
}

TEST(limits_death, of_a_big_segment) {
  EXPECT_DEATH(fake::run([] {
                 char text[20];
                 std::snprintf(text, sizeof(text), "%d", 5);
                 far_down(300000);
               }),
               "stack overflow in code that was not built with -fsplit-stack");
}

TEST(limits, canary) {
  fake::g one([] {});
  EXPECT_TRUE(one.canary_ok());
  char* const base = static_cast<char*>(one.base());  // what a stack that runs over meets first
  base[-1] = static_cast<char>(base[-1] + 1);
  EXPECT_FALSE(one.canary_ok());
}

int signal_depth;
bool signal_borrowed;

void handler(int) {
  void* const limit = gmp::detail::stack_limit();
  signal_depth = deep(300);
  char text[30];
  std::snprintf(text, sizeof(text), "%d", signal_depth);
  delete[] new char[static_cast<std::size_t>(std::atoi(text))];
  if (gmp::detail::stack_limit() != limit) signal_borrowed = true;
}

TEST(limits, signals_run_on_their_own_stack) {
  struct sigaction action = {};
  struct sigaction old = {};
  action.sa_handler = &handler;
  action.sa_flags = SA_ONSTACK;
  ::sigaction(SIGUSR1, &action, &old);
  signal_borrowed = false;
  fake::at_every_depth([] {
    signal_depth = 0;
    std::raise(SIGUSR1);
    EXPECT_EQ(signal_depth, 300);
  });
  ::sigaction(SIGUSR1, &old, nullptr);
  EXPECT_FALSE(signal_borrowed);
}

// A timer hits anywhere: in prologues, in __morestack, in the thunks.
TEST(limits, signals_at_any_moment) {
  struct sigaction action = {};
  struct sigaction old = {};
  action.sa_handler = &handler;
  action.sa_flags = SA_ONSTACK | SA_RESTART;
  ::sigaction(SIGVTALRM, &action, &old);
  struct itimerval every = {};
  every.it_interval.tv_usec = every.it_value.tv_usec = 200;
  ::setitimer(ITIMER_VIRTUAL, &every, nullptr);
  fake::run([] {
    for (int i = 0; i < 300; ++i) {
      EXPECT_EQ(deep(2000), 2000);
      char text[30];
      std::snprintf(text, sizeof(text), "%d", i);
      EXPECT_EQ(std::atoi(text), i);
      std::vector<int> some(static_cast<std::size_t>(i) + 1);
      EXPECT_EQ(some.at(0), 0);
    }
  });
  every = {};
  ::setitimer(ITIMER_VIRTUAL, &every, nullptr);
  ::sigaction(SIGVTALRM, &old, nullptr);
}

std::size_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  long all = 0;
  long resident = 0;
  if (std::fscanf(file, "%ld %ld", &all, &resident) != 2) resident = 0;
  std::fclose(file);
  return static_cast<std::size_t>(resident) * 4096;
}

// Called, then parked, in one function: that function pins its big segment.
void print_and_park() {
  char text[80];
  std::snprintf(text, sizeof(text), "%d %s", 42, "hello");
  fake::g::park();
  if (text[0] != '4') std::abort();
}

// Everything here has a thunk or is split: nothing is pinned.
[[maybe_unused]] void allocate_and_park() {
  try {
    std::string text(100, 'x');
    char copy[64];
    std::memcpy(copy, text.data(), sizeof(copy));
    copy[63] = '\0';
    text += copy;
    if (text.substr(1).at(2) == 'x') throw text;
  } catch (const std::string&) {
  }
  fake::g::park();
}

double resident_per_parked(void (*body)(), int n) {
  std::vector<std::unique_ptr<fake::g>> all;
  for (int i = 0; i < n; ++i) all.push_back(std::make_unique<fake::g>(body));
  const std::size_t before = resident_bytes();
  for (auto& one : all) one->resume();
  const std::size_t after = resident_bytes();
  for (auto& one : all) one->resume();
  return static_cast<double>(after - before) / n;
}

TEST(limits, what_a_parked_g_costs_beyond_its_slot) {
#ifdef __OPTIMIZE__  // else even std::string's accessors have frames, and more than the slot is
                     // needed
  EXPECT_LE(resident_per_parked(&allocate_and_park, 5000), 100);
#endif
  EXPECT_LE(resident_per_parked(&print_and_park, 5000), 6 * 1024);
}

TEST(limits, a_hundred_thousand_big_segments) {
  EXPECT_LE(resident_per_parked(&print_and_park, 100000), 6 * 1024);
}

}  // namespace
#endif
