// The child of a fork(): it may exec, and any call of the runtime there says which one it was.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmp/mutex.hpp>
#include <gmp/timer.hpp>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

struct ending {
  int status;
  std::string said;
};

// What comes until the other end is closed; closes this one.
std::string all_of(int end) {
  std::string said;
  char text[512];
  for (ssize_t n; (n = ::read(end, text, sizeof text)) > 0;)
    said.append(text, static_cast<std::size_t>(n));
  ::close(end);
  return said;
}

// Forks, runs `body` in the child with stderr in a pipe.
template <class F>
ending in_child(F&& body) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_DUMPABLE, 0);
    ::dup2(ends[1], 2);
    body();
    ::_exit(3);
  }
  ::close(ends[1]);
  ending result{0, all_of(ends[0])};
  ::waitpid(child, &result.status, 0);
  return result;
}

void expect_refusal(const ending& end, const char* call) {
  EXPECT_TRUE(WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGABRT)
      << "status " << end.status << " for " << call;
  EXPECT_NE(end.said.find("in the child of a fork()"), std::string::npos) << end.said;
  EXPECT_NE(end.said.find(call), std::string::npos) << end.said;
}

class fork_from_a_g : public at_procs {};
class fork_from_a_thread : public testing::Test {
  watchdog guard_;
};

TEST_P(fork_from_a_g, the_child_may_exec) {
  const ending end = run([] { return in_child([] { ::execl("/bin/true", "true", nullptr); }); });
  EXPECT_TRUE(WIFEXITED(end.status));
  EXPECT_EQ(WEXITSTATUS(end.status), 0);
}

TEST_P(fork_from_a_g, what_needs_nobody_else_works_in_the_child) {
  const ending end = run([] {
    auto ch = gmp::make_chan<int>(1);
    return in_child([&] {
      ch.send(7);
      if (ch.recv() == 7 && gmp::this_g::exists()) ::_exit(5);
    });
  });
  EXPECT_EQ(WEXITSTATUS(end.status), 5) << end.said;
}

TEST_P(fork_from_a_g, calls_that_start_wait_or_wake_are_refused_by_name) {
  run([] {
    auto ch = gmp::make_chan<int>();
    auto waited = gmp::make_chan<int>();
    gmp::go([waited] { waited.recv(); });
    until_receiver_waits(waited);
    gmp::mutex held;
    held.lock();
    expect_refusal(in_child([] { gmp::go([] {}); }), "gmp::go");
    expect_refusal(in_child([] { gmp::spawn([] {}).get(); }), "gmp::spawn");
    expect_refusal(in_child([&] { ch.recv(); }), "receive");
    expect_refusal(in_child([&] { ch.send(1); }), "send");
    expect_refusal(in_child([&] { gmp::select(gmp::on_recv(ch, [](auto) {})); }), "select");
    expect_refusal(in_child([&] { waited.send(1); }), "waking another G");
    expect_refusal(in_child([&] { held.lock(); }), "mutex");
    expect_refusal(in_child([] { gmp::this_g::sleep_for(1ms); }), "sleep");
    expect_refusal(in_child([] { gmp::this_g::yield(); }), "gmp::this_g::yield");
    expect_refusal(in_child([] { gmp::run([] {}); }), "gmp::runtime");
    held.unlock();
    waited.send(1);
  });
}

// The child goes on as if it were the parent, out of run().
TEST_P(fork_from_a_g, a_child_that_returns_from_its_g_is_stopped) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::getpid();
  const pid_t child = run([&] {
    const pid_t made = ::fork();
    if (made == 0) {
      ::prctl(PR_SET_DUMPABLE, 0);
      ::dup2(ends[1], 2);
    }
    return made;
  });
  if (::getpid() != parent) ::_exit(3);
  ::close(ends[1]);
  const std::string said = all_of(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  // Where it is noticed depends on how far run() had come.
  const bool awaited = said.find("waking another thread") != std::string::npos;
  expect_refusal({status, said}, awaited ? "waking another thread" : "the end of a G");
}

GMPSCHED_TEST_AT_PROCS(fork_from_a_g, 1u, 2u, 4u);

TEST_F(fork_from_a_thread, calls_are_refused_by_name) {
  gmp::runtime scheduler({.procs = 2});
  auto ch = gmp::make_chan<int>();
  auto waited = gmp::make_chan<int>();
  scheduler.go([waited] { waited.recv(); });
  until_receiver_waits(waited);
  expect_refusal(in_child([&] { scheduler.go([] {}); }), "gmp::runtime::go");
  expect_refusal(in_child([&] { scheduler.run([] {}); }), "gmp::run");
  expect_refusal(in_child([&] { scheduler.stop(); }), "gmp::runtime::stop");
  expect_refusal(in_child([] { gmp::go([] {}); }), "gmp::go");
  expect_refusal(in_child([&] { ch.recv(); }), "receive");
  expect_refusal(in_child([&] { waited.send(1); }), "waking another G");
  expect_refusal(in_child([] { gmp::procs(); }), "gmp::procs");
  expect_refusal(in_child([] { static_cast<void>(gmp::after(1ms)); }), "a timer");
  expect_refusal(in_child([] { gmp::runtime another; }), "gmp::runtime::runtime");
  waited.send(1);
}

// exit() runs the destructors of static objects in the child, too.
TEST_F(fork_from_a_thread, a_runtime_is_left_alone_by_its_destructor) {
  auto scheduler = std::make_unique<gmp::runtime>(gmp::options{.procs = 2});
  scheduler->run([] {});
  const ending end = in_child([&] {
    scheduler.reset();
    ::_exit(4);
  });
  EXPECT_TRUE(WIFEXITED(end.status));
  EXPECT_EQ(WEXITSTATUS(end.status), 4) << end.said;
}

TEST_F(fork_from_a_thread, without_a_runtime_the_child_may_have_its_own) {
  gmp::run([] {});
#if !GMPSCHED_TSAN  // which starts no thread in a forked child
  const ending end = in_child([] { ::_exit(gmp::run([] { return 6; }, {.procs = 2})); });
  EXPECT_EQ(WEXITSTATUS(end.status), 6) << end.said;
#endif
}

}  // namespace
