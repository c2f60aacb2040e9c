#include <gmp/process.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <thread>

#include "support/sockets.hpp"

namespace {

using namespace gmp_test;
using gmp::process;
using gmp::stdio;

class processes : public at_procs {};
GMPSCHED_TEST_AT_PROCS(processes, 1u, 2u);

process shell(const std::string& text, const gmp::process_options& how = {}) {
  return process::spawn("sh", {"-c", text}, how);
}

TEST_P(processes, exit_codes_and_signals) {
  run([] {
    for (int code : {0, 1, 77, 255}) {
      process child = shell("exit " + std::to_string(code));
      EXPECT_GT(child.pid(), 0);
      const gmp::exit_status how = child.wait();
      EXPECT_EQ(how.code, code);
      EXPECT_EQ(how.signal, 0);
      EXPECT_EQ(how.success(), code == 0);
      EXPECT_EQ(child.wait().code, code);  // and again
    }
    EXPECT_EQ(shell("kill -TERM $$").wait().signal, SIGTERM);
    EXPECT_FALSE(shell("kill -TERM $$").wait().success());
  });
}

TEST_P(processes, many_at_once) {
  run([] {
    gmp::wait_group all;
    std::atomic<int> right = 0;
    for (int i = 0; i < 20; ++i)
      all.go([i, &right] { right += shell("exit " + std::to_string(i)).wait().code == i; });
    all.wait();
    EXPECT_EQ(right, 20);
  });
}

TEST_P(processes, what_cannot_be_started) {
  run([] {
    std::error_code error;
    EXPECT_FALSE(process::spawn("gmpsched-no-such-program", {}, {}, error));
    EXPECT_EQ(error, std::errc::no_such_file_or_directory);
    EXPECT_FALSE(process::spawn("/", {}, {}, error));
    EXPECT_EQ(error, std::errc::permission_denied);
    EXPECT_FALSE(process::spawn("true", {}, {.directory = "/gmpsched-none"}, error));
    EXPECT_EQ(error, std::errc::no_such_file_or_directory);
    EXPECT_FALSE(process::spawn("true", {std::string("a\0b", 3)}, {}, error));
    EXPECT_EQ(error, std::errc::invalid_argument);
    EXPECT_FALSE(process::spawn("true", {}, {.out = stdio::as_out()}, error));
    EXPECT_EQ(error, std::errc::invalid_argument);
    EXPECT_FALSE(process::spawn("true", {}, {.out = stdio::descriptor(-1)}, error));
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    try {
      process::spawn("gmpsched-no-such-program");
      ADD_FAILURE() << "started";
    } catch (const std::system_error& e) {
      EXPECT_NE(std::string(e.what()).find("gmpsched-no-such-program"), std::string::npos);
    }
    process none;
    none.wait(error);
    EXPECT_EQ(error, std::errc::no_child_process);
    none.kill(SIGTERM, error);
    EXPECT_EQ(error, std::errc::no_such_process);
  });
}

TEST_P(processes, talk_through_pipes) {
  run([] {
    process child = process::spawn("cat", {}, {.in = stdio::pipe(), .out = stdio::pipe()});
    for (int i = 0; i < 50; ++i) {
      const std::string text = "line " + std::to_string(i) + "\n";
      child.in().write_all(bytes_of(text));
      EXPECT_EQ(read_text(child.out(), text.size()), text);
    }
    EXPECT_FALSE(child.err().is_open());
    child.in().close();
    EXPECT_EQ(read_rest(child.out()), "");
    EXPECT_TRUE(child.wait().success());
  });
}

TEST_P(processes, a_child_that_does_not_read_is_a_broken_pipe) {
  run([] {
    process child = process::spawn("true", {}, {.in = stdio::pipe()});
    EXPECT_TRUE(child.wait().success());
    std::error_code error;
    child.in().write_all(bytes_of("x"), error);
    EXPECT_EQ(error, std::errc::broken_pipe);
  });
}

TEST_P(processes, environment_and_directory) {
  run([] {
    ::setenv("GMPSCHED_TEST_OUTER", "outer", 1);
    const std::string show = "pwd; echo $GMPSCHED_TEST_OUTER; echo $INNER";
    EXPECT_EQ(gmp::capture("sh", {"-c", show}, {.directory = "/usr"}).out, "/usr\nouter\n\n");
    const std::vector<std::string> mine{"INNER=inner"};
    EXPECT_EQ(gmp::capture("sh", {"-c", show}, {.environment = mine, .directory = "/"}).out,
              "/\n\ninner\n");
  });
}

TEST_P(processes, captured) {
  run([] {
    const auto both = gmp::capture("sh", {"-c", "echo out; echo err >&2; cat; exit 3"}, {}, "in");
    EXPECT_EQ(both.out, "out\nin");
    EXPECT_EQ(both.err, "err\n");
    EXPECT_EQ(both.status.code, 3);
    const auto one = gmp::capture("sh", {"-c", "echo out; echo err >&2"}, {.err = stdio::as_out()});
    EXPECT_EQ(one.out, "out\nerr\n");
    const std::string much(1'000'000, 'm');
    EXPECT_EQ(gmp::capture("cat", {}, {}, much).out, much);
  });
}

TEST_P(processes, waiting_for_a_time) {
  run([] {
    process child = process::spawn("cat", {}, {.in = stdio::pipe(), .out = stdio::pipe()});
    EXPECT_FALSE(child.wait_for(0s));
    EXPECT_FALSE(child.wait_for(10ms));
    // Somebody who waits without an end is not disturbed.
    auto other = gmp::spawn([&] { return child.wait(); });
    EXPECT_FALSE(child.wait_for(10ms));
    child.in().close();
    EXPECT_TRUE(other.get().success());
    EXPECT_TRUE(child.wait_for(0s));
    EXPECT_TRUE(child.wait_for(1h)->success());
  });
}

TEST_P(processes, contexts_end_the_wait_or_the_child) {
  run([] {
    auto [ctx, cancel] = gmp::with_cancel(gmp::context::background());
    process child = process::spawn("sleep", {"1000"}, {}, ctx);
    auto [brief, cancel_brief] = gmp::with_timeout(gmp::context::background(), 10ms);
    std::error_code error;
    child.wait(brief, error);
    EXPECT_EQ(error, std::errc::timed_out);
    EXPECT_FALSE(child.wait_for(0s));
    cancel();
    EXPECT_EQ(child.wait().signal, SIGKILL);
    EXPECT_FALSE(process::spawn("true", {}, {}, ctx, error));
    EXPECT_EQ(error, std::errc::operation_canceled);
    auto [late, cancel_late] = gmp::with_timeout(gmp::context::background(), 20ms);
    gmp::capture("sleep", {"1000"}, {}, {}, late, error);
    EXPECT_EQ(error, std::errc::timed_out);
  });
}

TEST_P(processes, killed_and_gone) {
  run([] {
    process child = process::spawn("sleep", {"1000"});
    child.kill(SIGTERM);
    EXPECT_EQ(child.wait().signal, SIGTERM);
    std::error_code error;
    child.kill(SIGTERM, error);
    EXPECT_EQ(error, std::errc::no_such_process);
    int pid = 0;
    {
      process dropped = process::spawn("sleep", {"1000"});
      pid = dropped.pid();
      EXPECT_EQ(::kill(pid, 0), 0);
    }
    EXPECT_EQ(::kill(pid, 0), -1);  // ended and reaped
    process moved = process::spawn("sleep", {"1000"});
    pid = moved.pid();
    moved = process::spawn("true");
    EXPECT_EQ(::kill(pid, 0), -1);
    EXPECT_TRUE(moved.wait().success());
  });
}

TEST_P(processes, detached_lives_on) {
  run([] {
    process child = process::spawn("sleep", {"1000"});
    const int pid = child.pid();
    child.detach();
    EXPECT_FALSE(child);
    EXPECT_EQ(::kill(pid, 0), 0);
    ::kill(pid, SIGKILL);
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  });
}

// The descriptors of this process that its children are meant to get.
std::set<int> inheritable() {
  std::set<int> found;
  DIR* folder = ::opendir("/proc/self/fd");
  while (const dirent* each = ::readdir(folder)) {
    const int fd = std::atoi(each->d_name);
    const int flags = each->d_name[0] == '.' ? -1 : ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) found.insert(fd);
  }
  ::closedir(folder);
  return found;
}

TEST_P(processes, no_descriptor_leaks_into_a_child) {
  run([] {
    auto [client, server] = tcp_pair();
    gmp::pipe one;
    gmp::file open = gmp::file::open("/dev/null");
    char c;
    client.set_read_deadline(std::chrono::steady_clock::now() + 1ms);
    std::error_code error;
    client.read_some(&c, 1, error);  // the poller is there
    process other = process::spawn("cat", {}, {.in = stdio::pipe(), .out = stdio::pipe()});
    std::set<int> expected = inheritable();
    expected.insert({0, 1, 2});
    // The shell's own folder is closed by the time it asks whether a file is there.
    const std::string list = "for f in /proc/$$/fd/*; do [ -e $f ] && echo ${f##*/}; done";
    const std::string seen = gmp::capture("sh", {"-c", list}).out;
    std::set<int> got;
    for (std::size_t at = 0; at < seen.size(); at = seen.find('\n', at) + 1)
      got.insert(std::atoi(seen.c_str() + at));
    for (int fd : got) EXPECT_TRUE(expected.contains(fd)) << fd;
    EXPECT_TRUE(got.contains(0) && got.contains(1) && got.contains(2));
  });
}

// Ends that have the numbers of standard streams already, crosswise.
TEST_P(processes, streams_crosswise) {
  run([] {
    gmp::pipe one;
    const gmp::process_options how{.out = stdio::descriptor(2), .err = stdio::pipe()};
    process child = process::spawn("sh", {"-c", "echo e >&2"}, how);
    EXPECT_EQ(read_rest(child.err()), "e\n");
    EXPECT_TRUE(child.wait().success());
  });
}

TEST_P(processes, a_stopping_runtime_ends_the_wait_and_the_child) {
  std::atomic<int> pid = 0;
  run([&] {
    gmp::go([&] {
      process child = process::spawn("sleep", {"1000"});
      pid = child.pid();
      child.wait();
    });
    until([&] { return pid != 0; });
    yield_often();
  });
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(process_on_threads, works_without_a_runtime) {
  process child = process::spawn("cat", {}, {.in = stdio::pipe(), .out = stdio::pipe()});
  EXPECT_FALSE(child.wait_for(5ms));
  child.in().write_all(bytes_of("thread"));
  child.in().close();
  EXPECT_EQ(read_rest(child.out()), "thread");
  EXPECT_TRUE(child.wait().success());
  EXPECT_EQ(gmp::capture("echo", {"hello"}).out, "hello\n");
}

}  // namespace
