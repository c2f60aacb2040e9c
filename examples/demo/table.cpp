#include "table.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "progress.hpp"

namespace demo {

namespace {

double seconds(const gmp::runtime_stats& change) {
  return std::chrono::duration<double>(change.wall).count();
}

std::string switches_per_second(const gmp::runtime_stats& change) {
  const double time = seconds(change);
  return time > 0
             ? grouped(static_cast<unsigned long long>(static_cast<double>(change.switches) / time))
             : "-";
}

std::string percent_busy(const gmp::runtime_stats& change) {
  return fmt::format("{:.0f} %", 100 * change.utilisation());
}

}  // namespace

void table::add(std::string stage, const gmp::runtime_stats& before,
                const gmp::runtime_stats& after) {
  gmp::runtime_stats change = after;
  change.spawned -= before.spawned;
  change.switches -= before.switches;
  change.steals -= before.steals;
  change.busy -= before.busy;
  change.wall -= before.wall;
  columns_.push_back({std::move(stage), change});
}

void table::print() const {
  std::vector<column> columns = columns_;
  gmp::runtime_stats sum;
  for (const column& each : columns_) {
    sum.procs = std::max(sum.procs, each.change.procs);
    sum.spawned += each.change.spawned;
    sum.switches += each.change.switches;
    sum.steals += each.change.steals;
    sum.busy += each.change.busy;
    sum.wall += each.change.wall;
  }
  columns.push_back({"all", sum});

  auto row = [&columns](const char* name, const std::function<std::string(const column&)>& cell) {
    fmt::print("{:<22}", name);
    for (const column& each : columns)
      fmt::print("{:>{}}", cell(each), std::max<std::size_t>(each.name.size() + 2, 12));
    fmt::print("\n");
  };
  fmt::print("\n");
  row("", [](const column& each) { return each.name; });
  row("seconds", [](const column& each) { return fmt::format("{:.2f}", seconds(each.change)); });
  row("Gs made", [](const column& each) { return grouped(each.change.spawned); });
  row("switches per second", [](const column& each) { return switches_per_second(each.change); });
  row("steals", [](const column& each) { return grouped(each.change.steals); });
  row("P utilisation", [](const column& each) { return percent_busy(each.change); });
  row("requests per second", [this](const column& each) {
    return each.name == "http" && requests_per_second > 0 ? grouped(requests_per_second)
                                                          : std::string("-");
  });
  row("bytes per parked G", [this](const column& each) {
    return each.name == "parked Gs" && bytes_per_g > 0 ? grouped(bytes_per_g) : std::string("-");
  });
}

}  // namespace demo
