// The demo: Gs at work on things one can check, and what they cost.
//
// Everything runs on one gmp::runtime, held by the program as an embedding server would hold it;
// the main thread stays a plain thread that starts one stage after the other and shows how far it
// is.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>

#include "../arguments.hpp"
#include "machine.hpp"
#include "progress.hpp"
#include "stages.hpp"
#include "table.hpp"
#include "web.hpp"

namespace {

using demo::counter;
using demo::grouped;

struct settings {
  std::vector<std::string> paths{GMPSCHED_SOURCE_DIR};
  std::uint64_t items = 4'000'000;
  std::uint64_t gs = 1'000'000;
  std::size_t connections = 100;
  double seconds = 3;
  unsigned procs = 0;
};

// Runs a stage and adds its column to the table.
template <class F>
auto measured(gmp::runtime& runtime, demo::table& table, const char* name, F&& stage) {
  const gmp::runtime_stats before = runtime.stats();
  auto result = runtime.run(std::forward<F>(stage));
  table.add(name, before, runtime.stats());
  return result;
}

bool show_producers(gmp::runtime& runtime, demo::table& table, const settings& wanted) {
  counter consumed = 0;
  bool right = false;
  {
    demo::progress line([&] {
      return fmt::format("producer/consumer: {} of {} items through a channel, then a monitor",
                         grouped(consumed), grouped(wanted.items));
    });
    right = measured(runtime, table, "producer/consumer",
                     [&] { return demo::produce_and_consume(wanted.items, consumed); });
  }
  fmt::print("  {}\n", right ? "the sums are right" : "A SUM IS WRONG");
  return right;
}

bool show_words(gmp::runtime& runtime, demo::table& table, const std::vector<std::string>& files) {
  counter bytes = 0;
  examples::wordcount_result result;
  {
    demo::progress line([&] {
      return fmt::format("wordcount: {} bytes of {} files", grouped(bytes), grouped(files.size()));
    });
    result = measured(runtime, table, "wordcount", [&] { return demo::count_words(files, bytes); });
  }
  using entry = std::pair<std::string, std::uint64_t>;
  std::vector<entry> top(std::min<std::size_t>(5, result.words.size()));
  std::partial_sort_copy(result.words.begin(), result.words.end(), top.begin(), top.end(),
                         [](const auto& a, const auto& b) { return a.second > b.second; });
  fmt::print("  {} different words; most often:", grouped(result.words.size()));
  for (const auto& [word, count] : top) fmt::print(" {} {}", word, grouped(count));
  fmt::print("\n");
  return result.unreadable == 0;
}

// How many Gs this machine can park, and a sentence when that is less than wanted.
std::uint64_t affordable(std::uint64_t wanted) {
  const bool segmented = gmp::version_report().find("segmented") != std::string::npos;
  // A reserved stack is an own mapping and its guard another one: the kernel allows a process
  // 65,530 by default.
  const std::uint64_t by_kind = segmented ? wanted : 20'000;
  const std::uint64_t by_memory = demo::available_bytes() / 4 * 3 / (segmented ? 2'500 : 16'384);
  if (by_kind < wanted && by_kind <= by_memory) {
    fmt::print("  {} Gs instead of {}: this build has reserved stacks\n", grouped(by_kind),
               grouped(wanted));
    return by_kind;
  }
  if (by_memory < wanted)
    fmt::print("  {} Gs instead of {}: there is no memory for more\n", grouped(by_memory),
               grouped(wanted));
  return std::min(wanted, by_memory);
}

bool show_parked(gmp::runtime& runtime, demo::table& table, std::uint64_t wanted) {
  wanted = affordable(wanted);
  counter parked = 0, woken = 0;
  demo::parking result;
  {
    demo::progress line([&] {
      return fmt::format("parked Gs: {} of {} parked, {} woken", grouped(parked), grouped(wanted),
                         grouped(woken));
    });
    result =
        measured(runtime, table, "parked Gs", [&] { return demo::park(wanted, parked, woken); });
  }
  table.bytes_per_g = result.bytes_per_g;
  if (!result.refusal.empty()) fmt::print("  no more Gs: {}\n", result.refusal);
  return woken == result.made && result.refusal.empty();
}

bool show_web(gmp::runtime& runtime, demo::table& table, const settings& wanted) {
  counter answered = 0;
  demo::web_load result;
  {
    demo::progress line([&] {
      return fmt::format("http: {} requests answered on {} connections", grouped(answered),
                         grouped(wanted.connections));
    });
    const std::chrono::duration<double> time(wanted.seconds);
    result = measured(runtime, table, "http", [&] {
      return demo::serve_web(wanted.connections,
                             std::chrono::duration_cast<std::chrono::milliseconds>(time), answered);
    });
  }
  if (result.seconds > 0)
    table.requests_per_second =
        static_cast<std::uint64_t>(static_cast<double>(result.requests) / result.seconds);
  if (result.wrong != 0)
    fmt::print("  {} CLIENTS GOT NO ANSWER, OR A WRONG ONE\n", grouped(result.wrong));
  return result.wrong == 0;
}

int run_demo(const settings& wanted) {
  std::vector<std::string> files;
  for (const std::string& path : wanted.paths) {
    std::vector<std::string> found = demo::files_below(path);
    std::move(found.begin(), found.end(), std::back_inserter(files));
  }

  gmp::runtime runtime({.procs = wanted.procs});
  const unsigned procs = runtime.run([] { return gmp::procs(); });
  fmt::print("{}, {} {}\n", gmp::version_report(), procs, procs == 1 ? "P" : "Ps");

  demo::table table;
  bool right = show_producers(runtime, table, wanted);
  right &= show_words(runtime, table, files);
  right &= show_web(runtime, table, wanted);
  right &= show_parked(runtime, table, wanted.gs);
  table.print();
  return right ? examples::success : examples::failed;
}

}  // namespace

int main(int argc, char** argv) {
  settings wanted;
  examples::command_line options(
      "Shows Gs at work: producers and consumers, a word count, a web server under load, a million "
      "parked Gs.");
  options.paths("PATH", wanted.paths, "files or folders whose words are counted");
  options.number("--items", wanted.items, "numbers that producers send to consumers");
  options.number("--gs", wanted.gs, "Gs to park");
  options.number("--connections", wanted.connections, "clients of the web server", 1, 5'000);
  options.number("--seconds", wanted.seconds, "how long they ask");
  options.number("--procs", wanted.procs, "Ps; 0: as many as the machine gives");
  if (auto code = options.parse(argc, argv)) return *code;
  return examples::guarded("demo", [&] { return run_demo(wanted); });
}
