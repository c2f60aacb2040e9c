// How many Ps a runtime has when nobody says: affinity and CPU quota, also when they change.
#include <dirent.h>
#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "runtime/procs.hpp"
#include "support/harness.hpp"

namespace {

using namespace gmp_test;
namespace fs = std::filesystem;

class container : public testing::Test {
 protected:
  container() {
    ::unsetenv("GMPSCHED_PROCS");
    std::string pattern = testing::TempDir() + "gmpsched-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    name_ = root_.string();
    gmp::detail::procs_root = name_.c_str();
  }
  ~container() override {
    gmp::detail::procs_root = nullptr;
    fs::remove_all(root_);
  }
  // In one step, as the kernel would.
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / (path + ".new")) << text;
    fs::rename(root_ / (path + ".new"), root_ / path);
  }
  double quota(const std::string& membership) {
    return gmp::detail::cgroup_quota((name_ + "/sys/fs/cgroup").c_str(), membership.c_str());
  }

 private:
  fs::path root_;
  std::string name_;
  watchdog guard_;
};

TEST_F(container, version_2_the_tightest_limit_on_the_way_to_the_root_counts) {
  write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(quota("0::/a/b\n"), 0);
  write("sys/fs/cgroup/a/cpu.max", "250000 100000\n");
  EXPECT_EQ(quota("0::/a/b\n"), 2.5);
  write("sys/fs/cgroup/a/b/cpu.max", "700000 100000\n");
  EXPECT_EQ(quota("0::/a/b\n"), 2.5);
  write("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
  EXPECT_EQ(quota("0::/a/b\n"), 0.5);
  EXPECT_EQ(quota("0::/elsewhere\n"), 0);
}

TEST_F(container, version_1_too_whichever_way_it_is_mounted) {
  write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "150000\n");
  write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota("4:cpu,cpuacct:/a/b\n1:name=systemd:/x\n"), 1.5);
  write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "100000\n");
  write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota("4:cpu,cpuacct:/a/b\n"), 1);
  write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(quota("4:cpu,cpuacct:/a/b\n"), 1.5);
}

TEST_F(container, nonsense_is_no_limit) {
  for (const char* text :
       {"", "\n", "max", "-1 100000", "nan 100000", "inf 100000", "12x 100000", "100000 0",
        "100000 -5", "100000", "1e999 1", "0 100000", "\xff\xfe\x00"}) {
    write("sys/fs/cgroup/a/cpu.max", text);
    EXPECT_EQ(quota("0::/a\n"), 0) << text;
  }
  write("sys/fs/cgroup/cpu.max", "150000 100000");
  for (const char* membership :
       {"", "garbage", "::", "0:", "0::", ":::::", "0::/../../a\n", "0::/a\n"})
    EXPECT_LE(quota(membership), 1.5) << membership;
  EXPECT_EQ(quota("garbage\n0::/a\n"), 1.5);
}

TEST_F(container, a_quota_below_one_processor_makes_one_p) {
  write("proc/self/cgroup", "0::/a\n");
  write("sys/fs/cgroup/a/cpu.max", "1000 100000\n");
  EXPECT_EQ(gmp::run([] { return gmp::procs(); }), 1u);
  write("sys/fs/cgroup/a/cpu.max", "1e300 1\n");
  EXPECT_GE(gmp::run([] { return gmp::procs(); }), 1u);
}

unsigned processors() {
  cpu_set_t allowed;
  EXPECT_EQ(::sched_getaffinity(0, sizeof allowed, &allowed), 0);
  return static_cast<unsigned>(CPU_COUNT(&allowed));
}

TEST_F(container, the_number_follows_a_quota_that_changes) {
  if (processors() < 2) GTEST_SKIP() << "one processor";
  write("proc/self/cgroup", "0::/a\n");
  write("sys/fs/cgroup/a/cpu.max", "max 100000\n");
  gmp::run([&] {
    EXPECT_GE(gmp::procs(), 2u);
    write("sys/fs/cgroup/a/cpu.max", "90000 100000\n");
    until([] { return gmp::procs() == 1; });
    write("sys/fs/cgroup/a/cpu.max", "nonsense\n");
    until([] { return gmp::procs() >= 2; });
  });
}

void restrict_all_threads(const cpu_set_t& set) {
  DIR* tasks = ::opendir("/proc/self/task");
  ASSERT_NE(tasks, nullptr);
  while (const dirent* entry = ::readdir(tasks))
    if (entry->d_name[0] != '.') ::sched_setaffinity(std::atoi(entry->d_name), sizeof set, &set);
  ::closedir(tasks);
}

TEST_F(container, the_number_follows_an_affinity_that_changes) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "one processor";
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  gmp::run([&] {
    EXPECT_EQ(gmp::procs(), static_cast<unsigned>(CPU_COUNT(&all)));
    restrict_all_threads(one);
    until([] { return gmp::procs() == 1; });
    restrict_all_threads(all);
    until([&] { return gmp::procs() == static_cast<unsigned>(CPU_COUNT(&all)); });
  });
}

// Two seconds of work, in which the monitor has asked at least once, or would have.
void stay_busy() {
  const auto end = std::chrono::steady_clock::now() + 2'500ms;
  until([&] { return std::chrono::steady_clock::now() >= end; });
}

TEST_F(container, whoever_says_how_many_keeps_them) {
  write("proc/self/cgroup", "0::/a\n");
  write("sys/fs/cgroup/a/cpu.max", "10000 100000\n");
  gmp::runtime by_option({.procs = 3});
  gmp::runtime by_call;
  by_call.run([] { EXPECT_EQ(gmp::set_procs(2), 1u); });
  ::setenv("GMPSCHED_PROCS", "4", 1);
  gmp::runtime by_environment;
  ::unsetenv("GMPSCHED_PROCS");
  std::thread first([&] {
    by_option.run([] {
      stay_busy();
      EXPECT_EQ(gmp::procs(), 3u);
    });
  });
  std::thread second([&] {
    by_call.run([] {
      stay_busy();
      EXPECT_EQ(gmp::procs(), 2u);
    });
  });
  by_environment.run([] {
    stay_busy();
    EXPECT_EQ(gmp::procs(), 4u);
  });
  first.join();
  second.join();
}

}  // namespace
