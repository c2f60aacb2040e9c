// A throw on a G does what __cxa_throw does: counts, references, handlers, the end without one.
#if GMPSCHED_SPLIT_STACKS  // on reserved stacks it is __cxa_throw
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "depths.hpp"

namespace {

int alive;

struct counted_error {
  counted_error() { ++alive; }
  counted_error(const counted_error&) { ++alive; }
  ~counted_error() { --alive; }
  char text[300] = {};
};

// From the G's first segment, from others, and from a big one.
template <class F>
void on_every_kind_of_segment(F f) {
  alive = 0;
  fake::at_every_depth(f);
  fake::run([&f] {
    char room[80 << 10];
    asm volatile("" : : "r"(&room[0]) : "memory");
    f();
    asm volatile("" : : "r"(&room[0]) : "memory");
  });
  f();  // on a thread
  EXPECT_EQ(alive, 0);
}

TEST(throwing, ends_the_exception_once) {
  on_every_kind_of_segment([] {
    try {
      throw counted_error();
    } catch (const counted_error&) {
      EXPECT_EQ(alive, 1);
    }
    EXPECT_EQ(alive, 0);
  });
}

TEST(throwing, counts_references) {
  on_every_kind_of_segment([] {
    std::exception_ptr kept;
    try {
      throw counted_error();
    } catch (...) {
      kept = std::current_exception();
    }
    EXPECT_EQ(alive, 1) << "kept";
    for (int i = 0; i < 3; ++i) {
      std::exception_ptr other = kept;
      EXPECT_THROW(std::rethrow_exception(std::move(other)), counted_error);
      EXPECT_EQ(alive, 1);
    }
    kept = nullptr;
    EXPECT_EQ(alive, 0);
  });
}

TEST(throwing, counts_as_uncaught_until_it_is_caught) {
  struct outer {
    ~outer() {
      EXPECT_EQ(std::uncaught_exceptions(), 1);
      try {
        struct inner {
          ~inner() { EXPECT_EQ(std::uncaught_exceptions(), 2); }
        } here;
        throw std::runtime_error("while another is under way");
      } catch (const std::runtime_error&) {
        EXPECT_EQ(std::uncaught_exceptions(), 1);
      }
    }
  };
  on_every_kind_of_segment([] {
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    try {
      outer here;
      throw counted_error();
    } catch (const counted_error&) {
      EXPECT_EQ(std::uncaught_exceptions(), 0);
    }
    EXPECT_EQ(std::uncaught_exceptions(), 0);
  });
}

TEST(throwing, nests_and_rethrows) {
  on_every_kind_of_segment([] {
    try {
      try {
        try {
          throw counted_error();
        } catch (...) {
          std::throw_with_nested(std::runtime_error("outside"));
        }
      } catch (...) {
        throw;
      }
    } catch (const std::exception& e) {
      EXPECT_STREQ(e.what(), "outside");
      EXPECT_THROW(std::rethrow_if_nested(e), counted_error);
    }
  });
}

TEST(throwing, a_copy_that_throws_frees_the_exception) {
  struct broken {
    broken() = default;
    broken(const broken&) { throw std::runtime_error("copied"); }
  };
  on_every_kind_of_segment([] {
    const broken one;
    EXPECT_THROW(throw one, std::runtime_error);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
  });
}

// Calls f from a frame that no unwinder knows.
extern "C" void gmpsched_test_without_frame(void (*f)());
asm(R"(
        .text
        .type   gmpsched_test_without_frame, @function
gmpsched_test_without_frame:
        sub     $8, %rsp
        call    *%rdi
        add     $8, %rsp
        ret
        .size   gmpsched_test_without_frame, .-gmpsched_test_without_frame
)");

[[gnu::noinline]] void refuse() { throw std::runtime_error("not here"); }

TEST(throwing, what_cannot_be_raised_terminates) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(fake::run([] { gmpsched_test_without_frame([] { throw 42; }); }),
               "terminate called after throwing an instance of 'int'");
  EXPECT_DEATH(fake::run([]() noexcept { refuse(); }),
               "terminate called after throwing an instance of 'std::runtime_error'");
}

}  // namespace
#endif
