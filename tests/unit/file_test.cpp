#include <gmp/file.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <gmp/io.hpp>
#include <gmp/wait_group.hpp>

#include "support/harness.hpp"

namespace {

using namespace gmp_test;
using gmp::fs::file;
using gmp::fs::open_mode;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_at(file& from, std::uint64_t offset, std::size_t n) {
  std::string text(n, '\0');
  text.resize(from.read_at(offset, text.data(), n));
  return text;
}

class files : public at_procs {
 protected:
  files() {
    char name[] = "/tmp/gmpsched-file-XXXXXX";
    if (::mkdtemp(name) != nullptr) folder_ = name;
  }
  ~files() override { std::filesystem::remove_all(folder_); }
  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }

 private:
  std::string folder_;
};
GMPSCHED_TEST_AT_PROCS(files, 1u, 2u);

TEST_P(files, what_is_written_is_read) {
  run([&] {
    file f = file::create(path("a"));
    EXPECT_EQ(f.write_all(bytes_of("hello, world")), 12u);
    EXPECT_EQ(f.seek(7), 7u);
    char text[16];
    EXPECT_EQ(f.read_full(text, sizeof text), 5u);  // to the end
    EXPECT_EQ(std::string(text, 5), "world");
    EXPECT_EQ(f.read_some(text, sizeof text), 0u);
    EXPECT_EQ(f.seek(-5, gmp::fs::seek_from::current), 7u);
    EXPECT_EQ(f.seek(0, gmp::fs::seek_from::end), 12u);
    f.sync();
    f.sync_data();
    file again = file::open(path("a"));
    EXPECT_EQ(text_at(again, 0, 100), "hello, world");
  });
}

TEST_P(files, at_offsets) {
  run([&] {
    file f = file::create(path("a"));
    EXPECT_EQ(f.write_at(4, bytes_of("four")), 4u);
    EXPECT_EQ(f.seek(0, gmp::fs::seek_from::current), 0u);
    EXPECT_EQ(text_at(f, 0, 100), std::string("\0\0\0\0four", 8));
    EXPECT_EQ(text_at(f, 6, 1), "u");
    EXPECT_EQ(text_at(f, 8, 1), "");
    std::error_code error;
    char c;
    EXPECT_EQ(f.read_at(UINT64_MAX, &c, 1, error), 0u);
    EXPECT_EQ(error, std::errc::invalid_argument);
    EXPECT_EQ(f.write_at(UINT64_MAX, &c, 1, error), 0u);
    EXPECT_EQ(error, std::errc::file_too_large);
  });
}

TEST_P(files, appending_goes_to_the_end) {
  run([&] {
    file::create(path("a")).write_all(bytes_of("one"));
    file f = file::open(path("a"), open_mode::append | open_mode::read);
    f.write_all(bytes_of("two"));
    f.write_at(0, bytes_of("three"));
    EXPECT_EQ(text_at(f, 0, 100), "onetwothree");
  });
}

TEST_P(files, many_gs_share_one) {
  run([&] {
    file f = file::create(path("a"));
    static constexpr std::size_t block = 10'000;
    gmp::wait_group all;
    for (std::size_t i = 0; i < 20; ++i)
      all.go([&f, i] {
        const std::string text(block, static_cast<char>('a' + i));
        f.write_at(i * block, bytes_of(text));
      });
    all.wait();
    EXPECT_EQ(f.size(), 20 * block);
    std::atomic<int> right = 0;
    for (std::size_t i = 0; i < 20; ++i)
      all.go([&f, &right, i] {
        right += text_at(f, i * block, block) == std::string(block, static_cast<char>('a' + i));
      });
    all.wait();
    EXPECT_EQ(right, 20);
  });
}

TEST_P(files, status) {
  run([&] {
    file f = file::open(path("a"), open_mode::write | open_mode::create, 0640);
    f.truncate(5000);
    const auto now = f.stat();
    EXPECT_EQ(now.kind, gmp::fs::file_kind::regular);
    EXPECT_EQ(now.size, 5000u);
    EXPECT_EQ(now.permissions & 0777, 0640u);
    EXPECT_EQ(now.links, 1u);
    EXPECT_LT(std::chrono::abs(now.modified - std::chrono::system_clock::now()), 60s);
    const auto same = gmp::fs::stat(path("a"));
    EXPECT_EQ(same.inode, now.inode);
    EXPECT_EQ(same.device, now.device);
    EXPECT_EQ(gmp::fs::stat("/").kind, gmp::fs::file_kind::folder);
    EXPECT_EQ(gmp::fs::stat("/dev/null").kind, gmp::fs::file_kind::character_device);
    f.truncate(3);
    EXPECT_EQ(f.size(), 3u);
    std::error_code error;
    f.truncate(UINT64_MAX, error);
    EXPECT_EQ(error, std::errc::invalid_argument);
  });
}

TEST_P(files, what_cannot_be_opened) {
  run([&] {
    std::error_code error;
    EXPECT_FALSE(file::open(path("none"), error).is_open());
    EXPECT_EQ(error, std::errc::no_such_file_or_directory);
    try {
      file::open(path("none"));
      ADD_FAILURE() << "opened";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), std::errc::no_such_file_or_directory);
      EXPECT_NE(std::string(e.what()).find(path("none")), std::string::npos);
    }
    file::open(path(std::string_view("a\0b", 3)), error);
    EXPECT_EQ(error, std::errc::invalid_argument);
    file::open(std::string(5000, 'x'), error);
    EXPECT_EQ(error, std::errc::filename_too_long);
    file::open({}, error);
    EXPECT_EQ(error, std::errc::no_such_file_or_directory);
    gmp::fs::stat({}, error);
    EXPECT_EQ(error, std::errc::no_such_file_or_directory);
    file::create(path("a"));
    file::open(path("a"), open_mode::write | open_mode::create | open_mode::exclusive, 0666, error);
    EXPECT_EQ(error, std::errc::file_exists);
    file::open("/", open_mode::write, 0666, error);
    EXPECT_EQ(error, std::errc::is_a_directory);
    EXPECT_THROW(static_cast<void>(gmp::fs::stat(path("none"))), std::system_error);
    file::adopt(-1, error);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
  });
}

TEST_P(files, closed_and_wrong_ones) {
  run([&] {
    file f = file::create(path("a"));
    EXPECT_EQ(::fcntl(f.native_handle(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    f.close();
    f.close();
    std::error_code error;
    char c = 0;
    f.read_some(&c, 1, error);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    f.sync(error);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    EXPECT_THROW(f.write_some(&c, 1), std::system_error);
    EXPECT_THROW(static_cast<void>(file().size()), std::system_error);
    file reader = file::open(path("a"));
    EXPECT_EQ(reader.write_some(&c, 1, error), 0u);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    file folder = file::open("/");
    EXPECT_EQ(folder.read_some(&c, 1, error), 0u);
    EXPECT_EQ(error, std::errc::is_a_directory);
  });
}

TEST_P(files, streams_of_helpers) {
  run([&] {
    file from = file::create(path("from"));
    const std::string text(200'000, 'x');
    from.write_all(bytes_of(text));
    from.seek(0);
    file to = file::create(path("to"));
    EXPECT_EQ(gmp::io::copy(to, from), text.size());
    EXPECT_EQ(text_at(to, 0, text.size() + 1), text);
  });
}

// A call that the kernel keeps: opening a FIFO waits for its other end. Others go on meanwhile,
// with one P too.
TEST_P(files, one_that_waits_holds_up_nobody) {
  run([&] {
    const std::string fifo = path("fifo");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    auto opened = gmp::spawn([&] {
      file in = file::open(fifo);
      char text[8];
      return std::string(text, in.read_full(text, sizeof text));
    });
    file out = file::open(fifo, open_mode::write);  // meets the other one
    out.write_all(bytes_of("through"));
    out.close();
    EXPECT_EQ(opened.get(), "through");
  });
}

// No reader: an error and no signal.
TEST_P(files, broken_pipe_is_an_error) {
  run([&] {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    file out = file::adopt(ends[1]);
    ::close(ends[0]);
    std::error_code error;
    out.write_some(bytes_of("x"), error);
    EXPECT_EQ(error, std::errc::broken_pipe);
  });
}

TEST(file_on_a_thread, works_without_a_runtime) {
  char name[] = "/tmp/gmpsched-file-XXXXXX";
  const int fd = ::mkstemp(name);
  ASSERT_GE(fd, 0);
  gmp::file f = gmp::file::adopt(fd);
  EXPECT_EQ(f.write_all(bytes_of("thread")), 6u);
  EXPECT_EQ(text_at(f, 2, 100), "read");
  ::unlink(name);
}

}  // namespace
