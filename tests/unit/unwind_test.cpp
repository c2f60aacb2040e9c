// What happens to a G that waits where nothing may be thrown when its runtime stops.
#include "support/harness.hpp"

#include <gmp/defer.hpp>
#include <gmp/pool.hpp>
#include <gmp/supervisor.hpp>
#include <gmp/task_group.hpp>
#include <gmp/wait_group.hpp>

namespace {

using namespace gmp_test;

// gcc's ThreadSanitizer gives every function a cleanup, also those out of which there is no way: a
// G that waits in one is given up and named, and its runtime stops all the same.
#if GMPSCHED_TSAN && !defined(__clang__)
constexpr bool told_apart = false;
#else
constexpr bool told_apart = true;
#endif

struct waits_at_the_end {
  gmp::chan<int> ch;
  std::atomic<int>& left;
  ~waits_at_the_end() {
    const bool got = ch.recv().has_value();
    left += got ? 100 : 1;
  }
};

TEST(unwind, a_wait_in_a_destructor_on_a_normal_way_out_ends_as_cancelled) {
  std::atomic<int> left = 0;
  std::atomic<int> unwound = 0;
  gmp::run([&] {
    auto ch = gmp::make_chan<int>();
    for (int i = 0; i < 10; ++i) {
      gmp::go([&, ch] {
        { waits_at_the_end last{ch, left}; }
        struct counts {
          std::atomic<int>& n;
          ~counts() { ++n; }
        } counter{unwound};
        ch.recv();  // the next wait where throwing is possible
        left += 1000;
      });
    }
    for (int i = 0; i < 100; ++i) gmp::this_g::yield();
  });
  EXPECT_EQ(left, told_apart ? 10 : 0);
  EXPECT_EQ(unwound, told_apart ? 10 : 0);
}

void waits_without_throwing(const gmp::chan<int>& ch, std::atomic<int>& n) noexcept {
  if (!ch.recv()) ++n;
}

TEST(unwind, so_does_a_wait_in_a_noexcept_function_below_handlers) {
  std::atomic<int> n = 0;
  gmp::run([&] {
    auto ch = gmp::make_chan<int>();
    gmp::go([&, ch] {
      try {
        waits_without_throwing(ch, n);
        ch.recv();
      } catch (const std::exception&) {
        n += 100;
      }
    });
    for (int i = 0; i < 10; ++i) gmp::this_g::yield();
  });
  EXPECT_EQ(n, told_apart ? 1 : 0);
}

// Instrumented code jumps about too much for its landing pads to be followed: such a G is given up.
#if !GMPSCHED_ASAN

void waits_among_scopes(const gmp::chan<int>& ch, std::atomic<int>& n) noexcept {
  std::string outer = "a string that needs a cleanup";
  try {
    std::string inner = "another string that needs a cleanup";
    if (!ch.recv()) ++n;
    n += static_cast<int>(inner.size() - inner.size());
  } catch (const std::string&) {
    n += 1000;
  }
  n += static_cast<int>(outer.size() - outer.size());
}

TEST(unwind, so_does_a_wait_in_a_noexcept_function_with_scopes_and_handlers_of_its_own) {
  std::atomic<int> n = 0;
  gmp::run([&] {
    auto ch = gmp::make_chan<int>();
    gmp::go([&, ch] { waits_among_scopes(ch, n); });
    for (int i = 0; i < 10; ++i) gmp::this_g::yield();
  });
  EXPECT_EQ(n, 1);
}

#endif

TEST(unwind, handlers_for_everything_within_a_noexcept_function_catch_it) {
  std::atomic<int> caught = 0;
  gmp::run([&] {
    auto ch = gmp::make_chan<int>();
    gmp::go([&, ch]() noexcept {
      try {
        std::string inner = "a string that needs a cleanup";
        ch.recv();
        caught += 1000;
      } catch (...) {
        ++caught;
      }
    });
    for (int i = 0; i < 10; ++i) gmp::this_g::yield();
  });
  EXPECT_EQ(caught, 1);
}

#if defined(__x86_64__)
// Calls fn(arg) from a frame that no unwinder knows.
extern "C" void call_from_nowhere(void (*fn)(void*), void* arg);
asm(R"(
        .text
        .type call_from_nowhere, @function
call_from_nowhere:
        sub $8, %rsp
        mov %rdi, %rax
        mov %rsi, %rdi
        call *%rax
        add $8, %rsp
        ret
        .size call_from_nowhere, .-call_from_nowhere
)");

TEST(unwind, so_does_a_wait_under_a_frame_that_cannot_be_unwound) {
  static std::atomic<int> n;
  n = 0;
  gmp::run([&] {
    auto ch = gmp::make_chan<int>();
    gmp::go([ch]() mutable {
      call_from_nowhere(
          [](void* arg) {
            if (!static_cast<gmp::chan<int>*>(arg)->recv()) ++n;
          },
          &ch);
    });
    for (int i = 0; i < 10; ++i) gmp::this_g::yield();
  });
  EXPECT_EQ(n, 1);
}
#endif

TEST(unwind, a_g_that_turns_its_end_into_terminate_is_given_up_and_named) {
  static gmp::wait_group never;
  never.add(1);
  testing::internal::CaptureStderr();
  gmp::run([&] {
    gmp::go([] {
      try {
        never.wait();
      } catch (...) {
        std::terminate();
      }
    });
    for (int i = 0; i < 10; ++i) gmp::this_g::yield();
  });
  EXPECT_NE(testing::internal::GetCapturedStderr().find("was waiting in a noexcept function"),
            std::string::npos);
  never.done();
}

// What they wait for runs when the stop begins, is unwound and so ends first: no panic of theirs.
TEST(unwind, who_waits_for_an_unwound_g_is_unwound_too) {
  const auto busy = [] {
    for (;;) gmp::this_g::yield();
  };
  const std::function<void()> waits[] = {
      [=] { gmp::spawn(busy).get(); },
      [=] {
        gmp::task_group group;
        group.go(busy);
        group.wait();
      },
      [=] {
        gmp::task_group group(gmp::collect_all);
        group.go(busy);
        group.wait(gmp::context::background());
      },
      [=] {
        gmp::pool workers(1);
        workers.submit(busy).get();
      },
      [=] {
        gmp::supervisor above;
        above.start("busy", gmp::restart::permanent, busy);
        above.wait();
      },
  };
  for (const auto& wait : waits) {
    std::atomic<int> panics = 0;
    std::atomic<int> begun = 0;
    gmp::options wanted;
    wanted.procs = 2;
    wanted.on_panic = [&](const gmp::panic_report&) { ++panics; };
    gmp::run(
        [&] {
          gmp::go({.panic = gmp::panic_class::isolated}, [&] {
            ++begun;
            wait();
          });
          until([&] { return begun == 1; });
          for (int i = 0; i < 20; ++i) gmp::this_g::yield();
        },
        wanted);
    EXPECT_EQ(panics, 0) << &wait - waits;
  }
}

// Its partner closes their channel on the way out. That it minds is no reason to end the process.
TEST(unwind, who_fails_because_others_are_gone_ends_alone) {
  std::vector<gmp::panic_report> told;
  std::mutex lock;
  gmp::options wanted;
  wanted.procs = 2;
  wanted.on_panic = [&](const gmp::panic_report& one) {
    std::scoped_lock both(lock);
    told.push_back(one);
  };
  std::atomic<int> begun = 0;
  gmp::run(
      [&] {
        auto requests = gmp::make_chan<int>();
        gmp::go([=, &begun] {
          const gmp::defer close_it([=]() mutable { requests.close(); });
          ++begun;
          gmp::chan<void>().recv();
        });
        gmp::go({.name = "reader"}, [=, &begun] {
          ++begun;
          bool closed = false;
          while (!closed) {  // never waits: the stop does not touch it
            std::optional<int> got;
            closed = requests.try_recv(got) == gmp::chan_status::closed;
            asm volatile("" ::: "memory");
          }
          throw std::runtime_error("no answer");
        });
        until([&] { return begun == 2; });
      },
      wanted);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].stopping);
  EXPECT_TRUE(told[0].isolated);
  EXPECT_EQ(told[0].name, "reader");
  EXPECT_NE(told[0].text().find(
                "\"reader\" failed while its runtime stopped: std::runtime_error: no answer\n"),
            std::string::npos);
  EXPECT_NE(told[0].json().find("\"class\":\"stopping\""), std::string::npos);
}

// What such a G leaves behind is a leak.
#if !GMPSCHED_ASAN

[[gnu::noinline]] void throw_another() { throw std::runtime_error("another"); }

TEST(unwind, who_fails_where_nothing_may_be_thrown_is_given_up) {
  struct starts_another {
    ~starts_another() {
      gmp::go([] {});  // refused
    }
  };
  std::atomic<int> told = 0;
  gmp::options wanted;
  wanted.on_panic = [&](const gmp::panic_report& one) { told += one.stopping ? 1 : 100; };
  gmp::run(
      [&] {
        gmp::go([] {
          const starts_another late;
          gmp::chan<void>().recv();
        });
        auto twice = gmp::make_chan<int>();
        for (int i = 0; i < 2; ++i)
          gmp::go([twice] {
            const gmp::defer close_it([=]() mutable { twice.close(); });
            gmp::chan<void>().recv();
          });
        gmp::go([]() noexcept {
          try {
            gmp::chan<void>().recv();
          } catch (...) {
            throw_another();
          }
        });
        for (int i = 0; i < 10; ++i) gmp::this_g::yield();
      },
      wanted);
  EXPECT_EQ(told, 3);
}

#endif

TEST(unwind, a_handler_that_makes_an_error_of_it_ends_its_g_alone) {
  std::atomic<int> told = 0;
  gmp::options wanted;
  wanted.on_panic = [&](const gmp::panic_report& one) { told += one.stopping ? 1 : 100; };
  gmp::run(
      [&] {
        for (int i = 0; i < 5; ++i)
          gmp::go([] {
            try {
              gmp::chan<void>().recv();
            } catch (...) {
              std::throw_with_nested(std::runtime_error("cannot serve"));
            }
          });
        for (int i = 0; i < 10; ++i) gmp::this_g::yield();
      },
      wanted);
  EXPECT_EQ(told, 5);
}

TEST(unwind, handlers_that_rethrow_let_it_pass) {
  std::atomic<int> passed = 0;
  std::atomic<int> after = 0;
  gmp::run([&] {
    auto ch = gmp::make_chan<int>();
    gmp::go([&, ch] {
      try {
        std::string kept = "cleanup between";
        ch.recv();
      } catch (...) {
        ++passed;
        throw;
      }
      ++after;
    });
    for (int i = 0; i < 10; ++i) gmp::this_g::yield();
  });
  EXPECT_EQ(passed, 1);
  EXPECT_EQ(after, 0);
}

}  // namespace
