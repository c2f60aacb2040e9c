#include "runtime/procs.hpp"

#include <sched.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>

#include "sched/scheduler.hpp"

namespace gmp::detail {

atomic<const char*> procs_root{nullptr};

namespace {

double sensible(double cpus) { return std::isfinite(cpus) && cpus > 0 ? cpus : 0; }

// One cgroup's own limit in CPUs; 0: none, or nonsense in the file.
double limit_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  char* end = nullptr;
  const double parsed = std::strtod(quota.c_str(), &end);
  return end != quota.c_str() && *end == '\0' ? sensible(parsed / period) : 0;
}

double limit_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
  std::ifstream period_file(folder + "/cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  if (!(quota_file >> quota) || !(period_file >> period) || period <= 0) return 0;
  return sensible(quota / period);
}

// The tightest limit from `path` up to the root of the hierarchy.
template <class Limit>
double tightest(const std::string& mount, std::string path, Limit limit) {
  double least = 0;
  // Not below this cgroup namespace, or nonsense: the root alone.
  if (path.find("..") != std::string::npos || path.front() != '/') path.clear();
  for (;;) {
    const double own = limit(mount + path);
    if (own > 0 && (least == 0 || own < least)) least = own;
    if (path.empty() || path == "/") return least;
    path.erase(path.find_last_of('/'));
  }
}

unsigned affinity_count() {
  // The mask may be wider than cpu_set_t.
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    const int result = ::sched_getaffinity(0, bytes, set);
    const int n = result == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (n > 0) return static_cast<unsigned>(n);
  }
  return 1;
}

unsigned from_environment() {
  const char* text = std::getenv("GMPSCHED_PROCS");
  if (text == nullptr || *text == '\0') return 0;
  char* end = nullptr;
  const long n = std::strtol(text, &end, 10);
  if (*end != '\0' || n < 1 || n > static_cast<long>(scheduler::max_procs))
    throw std::invalid_argument("gmp: GMPSCHED_PROCS must be a number from 1 to 1024, not \"" +
                                std::string(text) + "\"");
  return static_cast<unsigned>(n);
}

}  // namespace

double cgroup_quota(const char* root, const char* membership) {
  std::istringstream lines(membership);
  double least = 0;
  auto take = [&least](double limit) {
    if (limit > 0 && (least == 0 || limit < least)) least = limit;
  };
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (path.empty()) continue;
    const std::string base(root);
    if (controllers.empty()) {
      take(tightest(base, path, limit_v2));
      take(tightest(base + "/unified", path, limit_v2));
    }
    std::istringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');) {
      if (name != "cpu") continue;
      take(tightest(base + "/cpu", path, limit_v1));
      take(tightest(base + "/" + controllers, path, limit_v1));
    }
  }
  return least;
}

bool procs_in_environment() { return from_environment() != 0; }

unsigned default_procs() {
  if (const unsigned wish = from_environment(); wish != 0) return wish;
  return fitting_procs();
}

std::uint32_t fitting_procs() noexcept {
  unsigned n = affinity_count();
  try {
    const char* given = procs_root.load(memory_order_acquire);
    const std::string root = given != nullptr ? given : "";
    std::ifstream file(root + "/proc/self/cgroup");
    std::ostringstream membership;
    membership << file.rdbuf();
    const double quota = cgroup_quota((root + "/sys/fs/cgroup").c_str(), membership.str().c_str());
    if (quota > 0 && quota < n) n = static_cast<unsigned>(std::ceil(quota));
  } catch (const std::bad_alloc&) {
    // Then the affinity mask alone.
  }
  if (n < 1) n = 1;
  return n < scheduler::max_procs ? n : scheduler::max_procs;
}

}  // namespace gmp::detail
