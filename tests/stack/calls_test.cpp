// Arguments and results of every class survive a split, whichever of the calls it happens in.
#if GMPSCHED_SPLIT_STACKS  // reserved stacks: slots_test.cpp
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "depths.hpp"
#include "foreign.hpp"
#include "gmp/detail/clang_varargs.hpp"

namespace {

#define NOIPA __attribute__((noinline, noclone))
#if defined(__clang__)
#undef NOIPA
#define NOIPA __attribute__((noinline))
#endif

NOIPA long many(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j) {
  volatile char frame[300];
  frame[0] = 1;
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + frame[0] - 1;
}

NOIPA double doubles(double a, double b, double c, double d, double e, double f, double g, double h,
                     double i, double j) {
  volatile char frame[200];
  frame[0] = 1;
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + frame[0] - 1;
}

NOIPA long double extended(long double x, int n) {
  volatile char frame[120];
  frame[0] = 0;
  return n == 0 ? x : extended(x + 0.25L, n - 1) + frame[0];
}

NOIPA std::complex<double> in_two_vectors(double re, double im) {
  volatile char frame[100];
  frame[0] = 0;
  return {re + frame[0], -im};
}

NOIPA std::complex<long double> in_two_x87(long double re, long double im) {
  volatile char frame[100];
  frame[0] = 0;
  return {re + frame[0], -im};
}

NOIPA __int128 wide(__int128 a, __int128 b, __int128 c, __int128 d) {
  volatile char frame[100];
  frame[0] = 0;
  return a * b + c * d + frame[0];
}

struct in_memory {
  long words[20];
};

NOIPA in_memory by_value(in_memory in, int n) {
  volatile char frame[100];
  frame[0] = 1;
  for (long& w : in.words) w += n;
  in.words[0] += frame[0];
  return in;
}

struct mixed {
  double d;
  long l;
};

NOIPA mixed in_both(mixed m) {
  volatile char frame[100];
  frame[0] = 0;
  return {m.d * 2 + frame[0], m.l * 3};
}

#if !defined(__clang__)  // clang 16 compiles no vararg function with -fsplit-stack
NOIPA double varargs(int n, ...) {
  volatile char frame[100];
  frame[0] = 0;
  va_list list;
  va_start(list, n);
  double sum = frame[0];
  for (int i = 0; i < n; ++i) sum += i % 2 != 0 ? va_arg(list, double) : va_arg(list, int);
  va_end(list);
  return sum;
}

TEST(calls, varargs) {
  fake::at_every_depth(
      [] { EXPECT_EQ(varargs(12, 1, 2.0, 3, 4.0, 5, 6.0, 7, 8.0, 9, 10.0, 11, 12.0), 78.0); });
}
#endif

TEST(calls, integers_in_registers_and_on_the_stack) {
  fake::at_every_depth([] { EXPECT_EQ(many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 385); });
}

TEST(calls, floating_point) {
  fake::at_every_depth([] {
    EXPECT_EQ(doubles(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 385.0);
    EXPECT_EQ(extended(1.0L, 100), 26.0L);
  });
}

TEST(calls, results_in_register_pairs) {
  fake::at_every_depth([] {
    EXPECT_EQ(in_two_vectors(1.5, 2.5), std::complex<double>(1.5, -2.5));
    EXPECT_TRUE(in_two_x87(1.5L, 2.5L) == std::complex<long double>(1.5L, -2.5L));
    const mixed m = in_both({1.25, 7});
    EXPECT_EQ(m.d, 2.5);
    EXPECT_EQ(m.l, 21);
    const __int128 big = (static_cast<__int128>(1) << 70) + 3;
    EXPECT_TRUE(wide(big, 2, big, 5) == big * 7);
  });
}

TEST(calls, structs_by_value) {
  fake::at_every_depth([] {
    in_memory in;
    std::iota(in.words, in.words + 20, 0L);
    const in_memory out = by_value(in, 5);
    EXPECT_EQ(out.words[0], 6);
    EXPECT_EQ(out.words[19], 24);
  });
}

__attribute__((target("avx"))) NOIPA __m256d vectors(__m256d a, __m256d b) {
  volatile double frame[16];
  frame[0] = 0;
  return _mm256_add_pd(a, _mm256_add_pd(b, _mm256_set1_pd(frame[0])));
}

__attribute__((target("avx"))) NOIPA double upper_half(double x) {
  const __m256d sum = vectors(_mm256_set_pd(x, 2, 3, 4), _mm256_set_pd(1, 2, 3, 4));
  alignas(32) double out[4];
  _mm256_store_pd(out, sum);
  return out[3];
}

TEST(calls, upper_halves_of_vectors) {
  if (!__builtin_cpu_supports("avx")) GTEST_SKIP();
  fake::at_every_depth([] { EXPECT_EQ(upper_half(41), 42.0); });
}

struct base {
  virtual ~base() = default;
  virtual long get() const { return 3; }
  virtual long compute(long a, long b, long c, long d, long e, long f, long g) {
    volatile char frame[400];
    frame[0] = 0;
    return a + b + c + d + e + f + g + frame[0];
  }
};

struct derived : base {
  long get() const override { return 4; }
};

base* volatile object_source;

TEST(calls, virtual_functions) {
  derived d;
  object_source = &d;
  fake::at_every_depth([] {
    base* const object = object_source;
    EXPECT_EQ(object->get(), 4);
    EXPECT_EQ(object->compute(1, 2, 3, 4, 5, 6, 7), 28);
  });
}

// snprintf through a pointer: varargs, vector arguments, nine of them on the stack, target not
// split.
int (*volatile print)(char*, std::size_t, const char*, ...) = &std::snprintf;

TEST(calls, pointers_to_code_that_is_not_split) {
  fake::at_every_depth([] {
    char text[100];
    const int n = print(text, sizeof(text), "%d %g %s %d %d %d %d %g %d", 1, 2.5, "three", 4, 5, 6,
                        7, 8.5, 9);
    EXPECT_EQ(n, 25);
    EXPECT_STREQ(text, "1 2.5 three 4 5 6 7 8.5 9");
  });
}

TEST(calls, into_code_that_is_not_split) {
  fake::at_every_depth([] {
    char text[100];
    std::snprintf(text, sizeof(text), "%d %g %s %d %d %d %d %g %d", 1, 2.5, "three", 4, 5, 6, 7,
                  8.5, 9);
    EXPECT_STREQ(text, "1 2.5 three 4 5 6 7 8.5 9");
    std::snprintf(text, sizeof(text), "%.40Lf", 1.0L / 3);
    EXPECT_EQ(std::string(text).substr(0, 12), "0.3333333333");
  });
}

NOIPA int recursive(int n) {
  volatile char frame[200];
  frame[0] = 1;
  return n == 0 ? 0 : recursive(n - 1) + frame[0];
}

TEST(calls, virtual_functions_that_are_not_split) {
  fake::at_every_depth([] {
    foreign::object& object = foreign::get_object();
    for (int round = 0; round < 2;
         ++round) {  // first the target is judged, then its verdict is used
      object.set(7);
      EXPECT_EQ(object.get(), 7);
      EXPECT_EQ(object.half(), 3.5);
      EXPECT_EQ(object.sum(1, 2, 3, 4, 5, 6, 7, 8), 204);
      EXPECT_EQ(object.frame(9), 9);
      EXPECT_EQ(object.deep(500), 500);
      EXPECT_EQ(object.call(&recursive, 3000), 3001);
      EXPECT_EQ(object.red_zone(5), 12);
    }
  });
}

// Thunks as targets: they must not be taken for code that needs a big segment, nor lose a register.
void* (*volatile allocate)(std::size_t) = &std::malloc;
void (*volatile release)(void*) = &std::free;
std::size_t (*volatile length)(const char*) = &std::strlen;

TEST(calls, pointers_to_wrapped_functions) {
  fake::at_every_depth([] {
    void* const p = allocate(100);
    EXPECT_NE(p, nullptr);
    release(p);
    EXPECT_EQ(length("four"), 4u);
  });
}

// The thunks for indirect calls serve computed gotos, too.
NOIPA int interpret(const char* program) {
  static const void* const labels[] = {&&add, &&twice, &&end};
  volatile int value = 1;
  goto* labels[static_cast<int>(*program++ - '0')];
add:
  value = value + 3;
  goto* labels[static_cast<int>(*program++ - '0')];
twice:
  value = value * 2;
  goto* labels[static_cast<int>(*program++ - '0')];
end:
  return value;
}

TEST(calls, computed_gotos) {
  fake::at_every_depth([] { EXPECT_EQ(interpret("0101012"), 50); });
}

TEST(calls, mathematics) {
  volatile double x = 0.5;
  const double sine = std::sin(x);
  const float power = std::pow(static_cast<float>(x), 3.5F);
  fake::at_every_depth([&] {
    EXPECT_EQ(std::sin(x), sine);
    EXPECT_EQ(std::pow(static_cast<float>(x), 3.5F), power);
    int exponent = 0;
    EXPECT_EQ(std::frexp(x * 16, &exponent), 0.5);
    EXPECT_EQ(exponent, 4);
  });
}

// A member of libstdc++ reached through a vtable: std::ctype, num_put and the stream buffer.
TEST(calls, streams) {
  fake::at_every_depth(
      [] { EXPECT_EQ(std::to_string(123456) + std::to_string(2.5), "1234562.500000"); });
}

TEST(calls, std_function) {
  fake::at_every_depth([] {
    std::string text = "a string that does not fit into the small buffer";
    std::function<std::size_t(std::string)> f = [text](std::string more) {
      return text.size() + more.size();
    };
    EXPECT_EQ(f("four"), text.size() + 4);
  });
}

TEST(calls, callbacks_from_code_that_is_not_split) {
  fake::at_every_depth([] {
    int numbers[64];
    for (int i = 0; i < 64; ++i) numbers[i] = i * 37 % 64;
    std::qsort(numbers, 64, sizeof(int), [](const void* a, const void* b) {
      volatile char frame[900];
      frame[0] = 0;
      return *static_cast<const int*>(a) - *static_cast<const int*>(b) + frame[0];
    });
    EXPECT_TRUE(std::is_sorted(numbers, numbers + 64));
  });
}

NOIPA int large_frame(int n) {
  volatile char frame[200000];
  for (std::size_t i = 0; i < sizeof(frame); i += 1000) frame[i] = static_cast<char>(n);
  return frame[199000];
}

NOIPA int huge_frame(int n) {
  volatile char frame[5000000];
  for (std::size_t i = 0; i < sizeof(frame); i += 4096) frame[i] = static_cast<char>(n);
  char text[20];
  std::snprintf(text, sizeof(text), "%d", static_cast<int>(frame[4096]));
  return std::atoi(text);
}

TEST(calls, frames_larger_than_any_class) {
  fake::run([] {
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(large_frame(i), i);
      EXPECT_EQ(huge_frame(i), i);
    }
  });
}

struct large {
  char bytes[65'536];
};

NOIPA large filled(int n) {
  large made;
  std::memset(made.bytes, n, sizeof made.bytes);
  return made;
}
NOIPA int sum_of(large a, int n, large b) { return a.bytes[0] + n + b.bytes[sizeof b.bytes - 1]; }
NOIPA int pass_on(int n) { return sum_of(filled(n), n, filled(n + 1)); }

// The room for them belongs to the caller's frame, and its prologue must ask for it.
TEST(calls, large_arguments_by_value) {
  fake::run([] {
    for (int i = 0; i < 20; ++i) EXPECT_EQ(pass_on(i), 3 * i + 1);
  });
}

// All of the above on an ordinary thread: nothing may be borrowed, nothing may fail.
TEST(calls, on_a_plain_thread) {
  EXPECT_EQ(many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 385);
  EXPECT_EQ(extended(1.0L, 100), 26.0L);
  EXPECT_EQ(huge_frame(3), 3);
  char text[100];
  print(text, sizeof(text), "%d %g %s %d %d %d %d %g %d", 1, 2.5, "three", 4, 5, 6, 7, 8.5, 9);
  EXPECT_STREQ(text, "1 2.5 three 4 5 6 7 8.5 9");
}

}  // namespace
#endif
