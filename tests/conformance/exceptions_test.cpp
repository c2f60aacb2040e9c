// Exceptions in Gs: what Go's tests check of panics and recover, and what C++ adds.
#include <exception>
#include <stdexcept>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class exceptions_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(exceptions_conformance, 1u, 2u, 4u);

// Go: test/recover.go: caught where it was meant to be, and nothing is left over.
TEST_P(exceptions_conformance, an_exception_stays_in_its_g) {
  run([] {
    const int gs = 50;
    std::atomic<int> right = 0;
    crowd all;
    for (int k = 0; k < gs; ++k) {
      all.go([k, &right] {
        try {
          gmp::this_g::yield();
          throw k;
        } catch (int caught) {
          gmp::this_g::yield();
          right += caught == k;
        }
      });
    }
    all.wait();
    EXPECT_EQ(right, gs);
  });
}

// The exception being handled belongs to the G, not to the thread (__cxa_get_globals).
TEST_P(exceptions_conformance, handlers_may_be_left_and_resumed_on_another_thread) {
  run([] {
    const int gs = 32, rounds = scaled(100);
    std::atomic<int> wrong = 0;
    crowd all;
    for (int k = 0; k < gs; ++k) {
      all.go([=, &wrong] {
        for (int i = 0; i < rounds; ++i) {
          try {
            throw std::runtime_error(std::to_string(k));
          } catch (const std::exception&) {
            gmp::this_g::yield();
            try {
              throw std::logic_error("inner " + std::to_string(k));
            } catch (const std::exception& inner) {
              gmp::this_g::yield();
              if (inner.what() != "inner " + std::to_string(k)) ++wrong;
            }
            gmp::this_g::yield();
            try {
              throw;  // the outer one
            } catch (const std::exception& outer) {
              if (outer.what() != std::to_string(k)) ++wrong;
            }
          }
          if (std::current_exception() != nullptr) ++wrong;
        }
      });
    }
    all.wait();
    EXPECT_EQ(wrong, 0);
  });
}

struct yields_when_destroyed {
  std::atomic<int>& wrong;
  ~yields_when_destroyed() {
    const int before = std::uncaught_exceptions();
    gmp::this_g::yield();
    if (before != 1 || std::uncaught_exceptions() != before) ++wrong;
  }
};

// A G is switched away from in the midst of unwinding.
TEST_P(exceptions_conformance, unwinding_may_be_interrupted_by_a_switch) {
  run([] {
    const int gs = 16, rounds = scaled(100);
    std::atomic<int> wrong = 0, caught = 0;
    crowd all;
    for (int k = 0; k < gs; ++k) {
      all.go([=, &wrong, &caught] {
        for (int i = 0; i < rounds; ++i) {
          try {
            yields_when_destroyed guard{wrong};
            throw i;
          } catch (int value) {
            caught += value == i;
            if (std::uncaught_exceptions() != 0) ++wrong;
          }
        }
      });
    }
    all.wait();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(caught, gs * rounds);
  });
}

// Go: test/recover4.go and friends: through many frames, each of which cleans up.
int cleaned = 0;
void throw_from_depth(int depth) {
  struct cleaner {
    ~cleaner() { ++cleaned; }
  } guard;
  if (depth == 0) throw std::out_of_range("the end");
  throw_from_depth(depth - 1);
}

TEST_P(exceptions_conformance, thrown_through_a_thousand_frames_of_a_growing_stack) {
  run([] {
    for (int i = 0; i < 5; ++i) {
      cleaned = 0;
      auto deep = gmp::spawn([] { throw_from_depth(1'000); });
      EXPECT_THROW(deep.get(), std::out_of_range);
      EXPECT_EQ(cleaned, 1'001);
    }
  });
}

// Go: TestGoexitDefer, TestRecoverBeforePanicAfterGoexit: a G that is ended from outside runs its
// destructors, and a handler for everything that rethrows lets the end pass.
TEST_P(exceptions_conformance, a_g_ended_from_outside_runs_its_destructors) {
  std::atomic<int> destroyed = 0, swallowed = 0, after = 0;
  run([&] {
    struct counter {
      std::atomic<int>& n;
      ~counter() { ++n; }
    };
    auto never = gmp::make_chan<int>();
    for (int i = 0; i < 10; ++i) {
      gmp::go([=, &destroyed, &swallowed, &after] {
        counter outer{destroyed};
        try {
          counter inner{destroyed};
          never.recv();
          ++after;
        } catch (const std::exception&) {
          ++swallowed;
        } catch (...) {
          throw;
        }
        ++after;
      });
    }
    until([&] { return receivers_waiting(never) == 10; });
  });
  EXPECT_EQ(destroyed, 20);
  EXPECT_EQ(swallowed, 0);
  EXPECT_EQ(after, 0);
}

// Go: TestRecoveredPanicAfterGoexit: a handler that swallows the end meets it again at the next
// wait.
TEST_P(exceptions_conformance, swallowing_the_end_does_not_cancel_it) {
  std::atomic<int> swallowed = 0, after = 0, destroyed = 0;
  run([&] {
    struct counter {
      std::atomic<int>& n;
      ~counter() { ++n; }
    };
    auto never = gmp::make_chan<int>();
    gmp::go([=, &destroyed, &swallowed, &after] {
      counter guard{destroyed};
      try {
        never.recv();
      } catch (...) {
        ++swallowed;
      }
      never.recv();
      ++after;
    });
    until_receiver_waits(never);
  });
  EXPECT_EQ(swallowed, 1);
  EXPECT_EQ(after, 0);
  EXPECT_EQ(destroyed, 1);
}

// Go: B#8158, #16331: a stack that was unwound is clean for the next G that gets it.
TEST_P(exceptions_conformance, a_reused_g_knows_nothing_of_its_predecessor) {
  run([] {
    int clean = 0;
    const int rounds = scaled(500);
    for (int i = 0; i < rounds; ++i) {
      auto failing = gmp::spawn([] { throw std::runtime_error("ends here"); });
      EXPECT_THROW(failing.get(), std::runtime_error);
      clean += gmp::spawn([] {
                 return std::current_exception() == nullptr && std::uncaught_exceptions() == 0;
               }).get();
    }
    EXPECT_EQ(clean, rounds);
  });
}

}  // namespace
