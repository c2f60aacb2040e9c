// Exceptions of every kind through any number of segments: destructors run once, the limit is right
// after.
#if GMPSCHED_SPLIT_STACKS  // reserved stacks: slots_test.cpp
#include <unwind.h>
#include <csetjmp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "depths.hpp"

namespace {

// `through` with an f that always throws: gcc sees that it never returns.
#pragma GCC diagnostic ignored "-Winfinite-recursion"

void* volatile kept_alive;
int alive;
int destroyed;

struct counted {
  counted() { ++alive; }
  counted(const counted&) = delete;
  ~counted() {
    volatile char frame[500];  // the destructor itself may need a segment
    frame[0] = 1;
    alive -= frame[0];
    ++destroyed;
  }
};

template <class F>
[[gnu::noinline]] int through(int levels, F& f) {
  counted here;
  volatile char frame[1500];
  frame[0] = 0;
  if (levels == 0)
    f();
  else
    through(levels - 1, f);
  return frame[0];
}

// The stack is usable as before: it grows, and everything borrowed is back.
[[gnu::noinline]] int deep(int n) {
  volatile char frame[64];
  frame[0] = 1;
  return n == 0 ? 0 : deep(n - 1) + frame[0];
}

class exceptions : public testing::Test {
 protected:
  void SetUp() override { alive = destroyed = 0; }
  void TearDown() override { EXPECT_EQ(alive, 0); }

  // Runs f on a G and checks that the G is back on its first segment afterwards.
  template <class F>
  void on_g(F f) {
    fake::g one([&f] {
      f();
      EXPECT_EQ(deep(1000), 1000);
    });
    one.resume();
    ASSERT_TRUE(one.ended());
    EXPECT_TRUE(one.canary_ok());
    EXPECT_EQ(one.used(), gmp::detail::min_stack_size);
  }
};

TEST_F(exceptions, through_a_thousand_segments) {
  on_g([] {
    auto thrower = [] { throw std::runtime_error("from below"); };
    for (int round = 0; round < 3; ++round) {
      destroyed = 0;
      bool caught = false;
      try {
        through(1000, thrower);
      } catch (const std::exception& e) {
        caught = true;
        EXPECT_STREQ(e.what(), "from below");
      }
      EXPECT_TRUE(caught);
      EXPECT_EQ(destroyed, 1001);
    }
  });
}

TEST_F(exceptions, at_every_depth) {
  fake::at_every_depth([] {
    auto thrower = [] { throw 42; };
    try {
      through(2, thrower);
      ADD_FAILURE();
    } catch (int n) {
      EXPECT_EQ(n, 42);
    }
  });
}

TEST_F(exceptions, rethrown_on_every_segment) {
  static int rethrows;
  struct chain {
    [[gnu::noinline]] static void down(int n) {
      volatile char frame[2500];
      frame[0] = 0;
      counted here;
      try {
        if (n == frame[0]) throw std::string("bottom");
        down(n - 1);
      } catch (std::string& s) {
        ++rethrows;
        s += '.';
        throw;
      }
    }
  };
  on_g([] {
    rethrows = 0;
    try {
      chain::down(100);
    } catch (const std::string& s) {
      EXPECT_EQ(s.size(), 6u + 101u);
    }
    EXPECT_EQ(rethrows, 101);
    EXPECT_EQ(destroyed, 101);
  });
}

TEST_F(exceptions, nested) {
  struct nest {
    [[gnu::noinline]] static int down(int n) {
      volatile char frame[1200];
      frame[0] = 0;
      try {
        counted here;
        throw n;
      } catch (int outer) {
        int inner = 0;
        if (n > 0) {
          try {
            inner = down(n - 1);
            throw std::runtime_error("second");
          } catch (const std::runtime_error&) {
            inner += 1;
          }
        }
        EXPECT_EQ(outer, n);
        return inner + frame[0];
      }
    }
  };
  on_g([] { EXPECT_EQ(nest::down(50), 50); });
}

TEST_F(exceptions, out_of_a_frame_on_a_big_segment) {
  on_g([] {
    auto thrower = [] {
      char text[40];
      counted here;
      std::snprintf(text, sizeof(text), "%d", 7);
      throw std::runtime_error(text);
    };
    for (int i = 0; i < 20; ++i) {
      try {
        through(i, thrower);
        ADD_FAILURE();
      } catch (const std::runtime_error& e) {
        EXPECT_STREQ(e.what(), "7");
      }
    }
  });
}

TEST_F(exceptions, thrown_by_libstdcxx) {
  on_g([] {
    auto out_of_range = [] { std::vector<int>().at(static_cast<std::size_t>(std::rand()) + 1); };
    EXPECT_THROW(through(5, out_of_range), std::out_of_range);
    auto length = [] { std::string().reserve(std::string::npos); };
    EXPECT_THROW(through(5, length), std::length_error);
    auto bad_function = [] { std::function<void()>()(); };
    EXPECT_THROW(through(5, bad_function), std::bad_function_call);
    auto memory = [] { kept_alive = ::operator new(static_cast<std::size_t>(alive) << 60); };
    EXPECT_THROW(through(5, memory), std::bad_alloc);
    auto number = [] { static_cast<void>(std::stoi("no number")); };
    EXPECT_THROW(through(5, number), std::invalid_argument);
    auto cast = [] {
      struct a {
        virtual ~a() = default;
      };
      struct b : a {};
      std::unique_ptr<a> object = std::make_unique<a>();
      static_cast<void>(dynamic_cast<b&>(*object));
    };
    EXPECT_THROW(through(5, cast), std::bad_cast);
  });
}

TEST_F(exceptions, from_callbacks_of_code_that_is_not_split) {
  on_g([] {
    std::vector<int> numbers(200);
    for (int i = 0; i < 200; ++i) numbers[i] = i * 37 % 200;
    int calls = 0;
    auto comparator = [&calls](int a, int b) {
      counted here;
      if (++calls == 100) throw calls;
      return a < b;
    };
    EXPECT_THROW(std::sort(numbers.begin(), numbers.end(), comparator), int);
    static int compared;
    compared = 0;
    auto compare = [](const void* a, const void* b) {
      counted here;
      if (++compared == 100) throw std::string("qsort");
      return *static_cast<const int*>(a) - *static_cast<const int*>(b);
    };
    EXPECT_THROW(std::qsort(numbers.data(), numbers.size(), sizeof(int), compare), std::string);
  });
}

TEST_F(exceptions, kept_and_rethrown_elsewhere) {
  std::exception_ptr kept;
  on_g([&kept] {
    auto thrower = [] { throw std::runtime_error("kept"); };
    try {
      through(10, thrower);
    } catch (...) {
      kept = std::current_exception();
    }
  });
  on_g([&kept] {
    auto again = [&kept] { std::rethrow_exception(kept); };
    EXPECT_THROW(through(3, again), std::runtime_error);
  });
  EXPECT_THROW(std::rethrow_exception(kept), std::runtime_error);
}

// Foreign exceptions: another language's, caught by `catch (...)` only.
TEST_F(exceptions, of_another_language) {
  static _Unwind_Exception foreign;
  on_g([] {
    auto raise = [] {
      foreign = {};
      foreign.exception_class = 0x474d505343484544;
      _Unwind_RaiseException(&foreign);
    };
    bool caught = false;
    try {
      through(20, raise);
    } catch (...) {
      caught = true;
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ(destroyed, 21);
  });
}

// Forced unwinding, as pthread_cancel does it: the cleanups of all frames run; at the end of the
// stack, or when enough have run, the stop function leaves.
fake::g* volatile unwound;

_Unwind_Reason_Code stop(int, _Unwind_Action actions, _Unwind_Exception_Class, _Unwind_Exception*,
                         _Unwind_Context*, void*) {
  EXPECT_EQ(actions & _UA_SEARCH_PHASE, 0);
  if (destroyed < 30 && (actions & _UA_END_OF_STACK) == 0) return _URC_NO_REASON;
  unwound->leave();
}

TEST_F(exceptions, forced_unwinding) {
  static _Unwind_Exception forced;
  fake::g one([] {
    auto force = [] {
      forced = {};
      _Unwind_ForcedUnwind(&forced, &stop, nullptr);
    };
    through(29, force);
  });
  unwound = &one;
  one.resume();
  EXPECT_TRUE(one.ended());
  EXPECT_TRUE(one.canary_ok());
  EXPECT_EQ(destroyed, 30);
}

// No part of gtest in it: that would borrow a big segment for the whole function.
std::string park_in_catch() {
  auto thrower = [] { throw std::string("mine"); };
  try {
    through(3, thrower);
  } catch (const std::string& s) {
    fake::g::park();
    return s;
  }
  return {};
}

TEST_F(exceptions, parked_inside_a_catch_block) {
  std::string result;
  fake::g one([&result] { result = park_in_catch(); });
  one.resume();
  EXPECT_EQ(one.used(), gmp::detail::min_stack_size) << "a catch block must not pin a segment";
  one.resume();
  EXPECT_TRUE(one.ended());
  EXPECT_EQ(result, "mine");
}

jmp_buf target;

[[gnu::noinline]] int jump_from(int levels) {
  volatile char frame[1500];
  frame[0] = 1;
  if (levels == 0) std::longjmp(target, 5);
  return jump_from(levels - 1) + frame[0];
}

[[gnu::noinline]] int land(int levels) { return setjmp(target) == 0 ? jump_from(levels) : 5; }

TEST_F(exceptions, longjmp) {
  on_g([] {
    for (int levels = 0; levels < 200; ++levels) EXPECT_EQ(land(levels), 5);
  });
  EXPECT_EQ(land(3), 5) << "on a plain thread";
}

TEST_F(exceptions, through_home) {
  on_g([] {
    auto thrower = [] {
      gmp::detail::call_on_home(
          [](void*) {
            counted here;
            throw std::runtime_error("from home");
          },
          nullptr);
    };
    EXPECT_THROW(through(4, thrower), std::runtime_error);
    void* const limit = gmp::detail::stack_limit();
    gmp::detail::call_on_home([](void*) { deep(20000); }, nullptr);
    EXPECT_EQ(gmp::detail::stack_limit(), limit);
  });
}

}  // namespace
#endif
