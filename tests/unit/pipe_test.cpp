#include <gmp/pipe.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include <gmp/io.hpp>
#include <gmp/wait_group.hpp>

#include "support/sockets.hpp"

namespace {

using namespace gmp_test;

class pipes : public at_procs {};
GMPSCHED_TEST_AT_PROCS(pipes, 1u, 2u);

static_assert(gmp::io::readable<gmp::pipe_reader> && gmp::io::writable<gmp::pipe_writer>);

TEST_P(pipes, from_one_end_to_the_other) {
  run([] {
    auto [reader, writer] = gmp::pipe();
    EXPECT_EQ(::fcntl(reader.native_handle(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    EXPECT_EQ(::fcntl(writer.native_handle(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    auto all = gmp::spawn([&in = reader] { return read_rest(in); });
    writer.write_all(bytes_of("one "));
    yield_often();
    writer.write_all(bytes_of("two"));
    writer.close();
    EXPECT_EQ(all.get(), "one two");
  });
}

// More than the kernel holds: both ends park in turn.
TEST_P(pipes, many_bytes) {
  run([] {
    auto [reader, writer] = gmp::pipe();
    const std::string text(sanitized ? 500'000 : 3'000'000, 'y');
    auto all = gmp::spawn([&in = reader] { return read_rest(in); });
    EXPECT_EQ(writer.write_all(bytes_of(text)), text.size());
    writer.close();
    EXPECT_EQ(all.get(), text);
  });
}

TEST_P(pipes, many_rounds) {
  run([] {
    gmp::pipe there;
    gmp::pipe back;
    auto other = gmp::spawn([&] {
      char c;
      while (there.reader.read_some(&c, 1) == 1) back.writer.write_some(&c, 1);
      back.writer.close();
    });
    for (int i = 0; i < scaled(2000); ++i) {
      char c = static_cast<char>(i);
      there.writer.write_some(&c, 1);
      char d = 0;
      ASSERT_EQ(back.reader.read_full(&d, 1), 1u);
      ASSERT_EQ(c, d);
    }
    there.writer.close();
    EXPECT_EQ(read_rest(back.reader), "");
    other.get();
  });
}

// Each read gives a line, or a packet, however many there are.
void reads_each_at_once(gmp::pipe_reader from, int to) {
  const auto write = [to](std::string_view text) {
    ASSERT_EQ(::write(to, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  };
  const auto read = [&from] {
    char buffer[100];
    return std::string(buffer, from.read_some(buffer, sizeof buffer));
  };
  from.set_deadline(std::chrono::steady_clock::now() + 10s);
  auto first = gmp::spawn(read);  // waits: from here on the poller knows it
  yield_often();
  write("first\n");
  EXPECT_EQ(first.get(), "first\n");
  write("one\n");
  write("two\n");
  write("three\n");
  until_polled();
  EXPECT_EQ(read(), "one\n");
  EXPECT_EQ(read(), "two\n");
  EXPECT_EQ(read(), "three\n");
}

TEST_P(pipes, lines_of_a_terminal) {
  run([] {
    const int above = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (above < 0 || ::grantpt(above) != 0 || ::unlockpt(above) != 0)
      GTEST_SKIP() << "no terminals here";
    const int below = ::open(::ptsname(above), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_GE(below, 0);
    reads_each_at_once(gmp::pipe_reader::adopt(below), above);
    ::close(above);
  });
}

TEST_P(pipes, packets) {
  run([] {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_DIRECT | O_CLOEXEC), 0);
    reads_each_at_once(gmp::pipe_reader::adopt(ends[0]), ends[1]);
    ::close(ends[1]);
  });
}

TEST_P(pipes, close_wakes_who_waits) {
  run([] {
    auto [reader, writer] = gmp::pipe();
    auto read = gmp::spawn([&in = reader] {
      char c;
      std::error_code error;
      in.read_some(&c, 1, error);
      return error;
    });
    yield_often();
    reader.close();
    const std::error_code why = read.get();
    EXPECT_TRUE(why == std::errc::operation_canceled || why == std::errc::bad_file_descriptor);
    std::error_code error;
    EXPECT_EQ(writer.write_some(bytes_of("x"), error), 0u);
    EXPECT_EQ(error, std::errc::broken_pipe);  // and no SIGPIPE
    EXPECT_THROW(writer.write_all(bytes_of("x")), std::system_error);
  });
}

TEST_P(pipes, deadlines) {
  run([] {
    auto [reader, writer] = gmp::pipe();
    char c;
    std::error_code error;
    reader.set_deadline(std::chrono::steady_clock::now() + 10ms);
    EXPECT_EQ(reader.read_some(&c, 1, error), 0u);
    EXPECT_EQ(error, std::errc::timed_out);
    reader.clear_deadline();
    writer.write_all(bytes_of("x"));
    EXPECT_EQ(reader.read_some(&c, 1), 1u);
    writer.set_deadline(std::chrono::steady_clock::now() + 10ms);
    const std::string much(1 << 20, 'z');
    EXPECT_LT(writer.write_all(bytes_of(much), error), much.size());
    EXPECT_EQ(error, std::errc::timed_out);
  });
}

// Deadlines pass while others wait for later ones, in both directions.
TEST_P(pipes, deadlines_of_several) {
  run([] {
    for (int round = 0; round < scaled(100); ++round) {
      auto [reader, writer] = gmp::pipe();
      gmp::wait_group all;
      const auto again = [](auto& end, const std::error_code& error) {
        if (error != std::errc::timed_out) return false;
        end.set_deadline(std::chrono::steady_clock::now() + 100us);
        return true;
      };
      for (int i = 0; i < 3; ++i) {
        all.go([&, &from = reader] {
          char buffer[3'000];
          std::error_code error;
          while (from.read_some(buffer, sizeof buffer, error) != 0 || again(from, error)) {
          }
        });
        all.go([&, &to = writer] {
          const std::string much(70'000, 'z');
          std::error_code error;
          do {
            to.write_all(bytes_of(much), error);
          } while (!error || again(to, error));
        });
      }
      reader.set_deadline(std::chrono::steady_clock::now() + 50us);
      writer.set_deadline(std::chrono::steady_clock::now() + 50us);
      gmp::this_g::sleep_for(std::chrono::microseconds(round * 3));
      writer.close();
      reader.close();
      all.wait();
    }
  });
}

TEST(pipe_on_threads, works_without_a_runtime) {
  auto [reader, writer] = gmp::pipe();
  std::thread other([&out = writer] {
    out.write_all(bytes_of(std::string(200'000, 'q')));
    out.close();
  });
  EXPECT_EQ(read_rest(reader).size(), 200'000u);
  other.join();
}

}  // namespace
