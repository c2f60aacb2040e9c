// go, spawn and what they hand back.
#include <array>
#include <memory>
#include <string>
#include <type_traits>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class task_at : public at_procs {};
GMPSCHED_TEST_AT_PROCS(task_at, 1u, 2u, 4u);

static_assert(!std::is_copy_constructible_v<gmp::task<int>>);
static_assert(std::is_nothrow_move_constructible_v<gmp::task<int>>);
static_assert(std::is_same_v<decltype(gmp::spawn([] { return 1L; })), gmp::task<long>>);
static_assert(std::is_same_v<decltype(gmp::spawn([](int) {}, 1)), gmp::task<void>>);

TEST_P(task_at, results_of_every_kind) {
  run([] {
    EXPECT_EQ(gmp::spawn([] { return 5; }).get(), 5);
    gmp::spawn([] {}).get();
    EXPECT_EQ(*gmp::spawn([] { return std::make_unique<int>(6); }).get(), 6);
    static int target = 0;
    gmp::spawn([]() -> int& { return target; }).get() = 7;
    EXPECT_EQ(target, 7);
    struct strict {
      explicit strict(int v) : value(v) {}
      strict(strict&&) = default;
      strict& operator=(strict&&) = delete;
      int value;
    };
    EXPECT_EQ(gmp::spawn([] { return strict(8); }).get().value, 8);
    EXPECT_EQ(gmp::spawn([] { return std::array<int, 10'000>{9}; }).get()[0], 9);
  });
}

TEST_P(task_at, exceptions_are_rethrown_by_get_and_not_by_wait) {
  run([] {
    auto failing = gmp::spawn([]() -> int { throw std::out_of_range("beyond"); });
    failing.wait();
    EXPECT_TRUE(failing.wait_for(0s));
    try {
      failing.get();
      ADD_FAILURE();
    } catch (const std::out_of_range& error) {
      EXPECT_STREQ(error.what(), "beyond");
    }
    auto odd = gmp::spawn([] { throw 42; });
    EXPECT_THROW(odd.get(), int);
  });
}

TEST_P(task_at, get_once_then_empty) {
  run([] {
    auto t = gmp::spawn([] { return 1; });
    EXPECT_TRUE(t.valid());
    EXPECT_EQ(t.get(), 1);
    EXPECT_FALSE(t.valid());
    EXPECT_THROW(t.get(), std::logic_error);
    EXPECT_THROW(t.wait(), std::logic_error);
    gmp::task<int> empty;
    EXPECT_FALSE(empty);
    EXPECT_THROW(empty.get(), std::logic_error);
    EXPECT_THROW(static_cast<void>(empty.wait_for(1s)), std::logic_error);
    auto a = gmp::spawn([] { return 2; });
    auto b = std::move(a);
    EXPECT_FALSE(a);
    b = gmp::spawn([] { return 3; });  // the first one is detached
    EXPECT_EQ(b.get(), 3);
  });
}

TEST_P(task_at, waiting_with_a_limit) {
  run([] {
    auto gate = gmp::make_chan<void>();
    auto t = gmp::spawn([gate] { gate.recv(); });
    EXPECT_FALSE(t.wait_for(1ms));
    EXPECT_FALSE(t.wait_until(std::chrono::steady_clock::now() + 1ms));
    EXPECT_FALSE(t.wait_for(-1s));
    gate.send();
    EXPECT_TRUE(t.wait_for(1h));
    EXPECT_TRUE(t.wait_until(std::chrono::steady_clock::now()));
    t.get();
  });
}

TEST_P(task_at, a_dropped_task_runs_on) {
  run([] {
    auto done = gmp::make_chan<int>();
    {
      auto t = gmp::spawn([done] {
        done.send(1);
        return 1;
      });
    }
    EXPECT_EQ(done.recv(), 1);
  });
}

TEST_P(task_at, arguments_travel_as_std_thread_takes_them) {
  run([] {
    int target = 0;
    gmp::spawn([](int& to, int value) { to = value; }, std::ref(target), 5).get();
    EXPECT_EQ(target, 5);
    EXPECT_EQ(gmp::spawn([](std::unique_ptr<int> p) { return *p; }, std::make_unique<int>(6)).get(),
              6);
    EXPECT_EQ(gmp::spawn([](const std::string& s) { return s.size(); }, "literal").get(), 7u);
    char text[] = "changes";
    auto copy = gmp::spawn([](std::string s) { return s; }, std::string(text));
    text[0] = 'X';
    EXPECT_EQ(copy.get(), "changes");
    struct object {
      int base;
      int plus(int n) const { return base + n; }
    } o{10};
    EXPECT_EQ(gmp::spawn(&object::plus, &o, 1).get(), 11);
    EXPECT_EQ(gmp::spawn(&std::string::size, std::string("four")).get(), 4u);
  });
}

struct tracked {
  explicit tracked(std::atomic<int>& n) : alive(&n) { ++*alive; }
  tracked(const tracked& other) : alive(other.alive) { ++*alive; }
  tracked(tracked&& other) noexcept : alive(other.alive) { ++*alive; }
  ~tracked() { --*alive; }
  std::atomic<int>* alive;
};

TEST_P(task_at, closures_of_every_size_are_destroyed_on_the_g) {
  std::atomic<int> alive = 0;
  run([&] {
    auto done = gmp::make_chan<void>();
    for (int i = 0; i < 10; ++i) {
      gmp::go([done, t = tracked(alive)] { done.send(); });
      gmp::go([done, t = tracked(alive), room = std::array<char, 400>()] {
        static_cast<void>(room);
        done.send();
      });
      gmp::go([done, t = tracked(alive), room = std::array<char, 3'000>()] {
        static_cast<void>(room);
        done.send();
      });
      gmp::go([done, t = tracked(alive), room = std::array<char, 100'000>()] {
        static_cast<void>(room);
        done.send();
      });
    }
    for (int i = 0; i < 40; ++i) done.recv();
    until([&] { return alive == 0; });
  });
  EXPECT_EQ(alive, 0);
}

struct alignas(128) wide {
  wide() = default;
  wide(const wide&) {}
  bool right() const { return reinterpret_cast<std::uintptr_t>(this) % 128 == 0; }
};
struct alignas(64) line {
  bool right() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0; }
};

TEST_P(task_at, closures_are_aligned) {
  run([] {
    EXPECT_TRUE(gmp::spawn([w = wide()] { return w.right(); }).get());
    EXPECT_TRUE(gmp::spawn([l = line()] { return l.right(); }).get());
    EXPECT_TRUE(gmp::spawn([](const wide& w) { return w.right(); }, wide()).get());
  });
}

TEST_P(task_at, a_closure_that_cannot_be_copied_in_starts_nothing) {
  run([] {
    struct refuses {
      refuses() = default;
      refuses(const refuses&) { throw std::runtime_error("no copies"); }
      void operator()() const { ADD_FAILURE(); }
    };
    const refuses body;
    const auto before = gmp::stats().live;
    for (int i = 0; i < 100; ++i) EXPECT_THROW(gmp::go(body), std::runtime_error);
    EXPECT_EQ(gmp::stats().live, before);
    EXPECT_EQ(gmp::spawn([] { return 3; }).get(), 3);
  });
}

TEST_P(task_at, options_of_one_g) {
  run([] {
    auto done = gmp::make_chan<int>();
    gmp::g_options wanted;
    wanted.name = "large";
    wanted.stack_size = 65'536;
    wanted.facts = {{"peer", "nobody"}};
    gmp::go(
        wanted, [done](int v) { done.send(v); }, 5);
    EXPECT_EQ(done.recv(), 5);
    gmp::go({.name = "small"}, [done] { done.send(6); });
    EXPECT_EQ(done.recv(), 6);
    for (std::size_t size : {2'048u, 4'096u, 10'000u}) {
      gmp::go({.stack_size = size}, [done] { done.send(7); });
      EXPECT_EQ(done.recv(), 7);
    }
  });
}

TEST_P(task_at, an_isolated_g_ends_alone_and_is_reported) {
  std::atomic<int> reports = 0;
  gmp::panic_report seen;
  gmp::options wanted;
  wanted.procs = GetParam();
  wanted.on_panic = [&](const gmp::panic_report& report) {
    seen = report;
    ++reports;
  };
  gmp::run(
      [&] {
        gmp::go(
            {.name = "fails", .panic = gmp::panic_class::isolated, .facts = {{"request", "17"}}},
            [] { throw std::invalid_argument("bad request"); });
        until([&] { return reports == 1; });
        EXPECT_EQ(gmp::spawn([] { return 1; }).get(), 1);
      },
      wanted);
  EXPECT_EQ(seen.name, "fails");
  EXPECT_EQ(seen.creator_id, 1u);
  EXPECT_GT(seen.g_id, 1u);
  EXPECT_TRUE(seen.isolated);
  EXPECT_EQ(seen.exception_type, "std::invalid_argument");
  EXPECT_EQ(seen.message, "bad request");
  ASSERT_EQ(seen.facts.size(), 1u);
  EXPECT_EQ(seen.facts[0].second, "17");
  EXPECT_THROW(std::rethrow_exception(seen.exception), std::invalid_argument);
}

}  // namespace
