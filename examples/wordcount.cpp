// wordcount FILE...: how often each word occurs, by a pipeline of Gs (wordcount.hpp, which also
// says what a word is).
//
// Output: one line per word, "count word", in the layout of `uniq -c` and sorted by word as
// LC_ALL=C sorts; with --top N the N most frequent words, most frequent first. A file that cannot
// be read is named on stderr, the others are counted all the same (as `cat` would do), and the exit
// code is 1. Wrong use: 2.
#include "wordcount.hpp"

#include <algorithm>
#include <limits>

#include "arguments.hpp"

namespace {

using entry = std::pair<std::string, std::uint64_t>;

void print(const examples::wordcount_result& result, std::size_t top) {
  std::vector<entry> lines(result.words.begin(), result.words.end());
  if (top < std::numeric_limits<std::size_t>::max()) {
    // Stable: words of equal count stay in alphabetical order.
    std::stable_sort(lines.begin(), lines.end(),
                     [](const entry& a, const entry& b) { return a.second > b.second; });
  }
  lines.resize(std::min(top, lines.size()));
  for (const auto& [word, count] : lines) fmt::print("{:7} {}\n", count, word);
}

}  // namespace

int main(int argc, char** argv) {
  examples::wordcount_plan plan;
  std::size_t top = std::numeric_limits<std::size_t>::max();
  unsigned procs = 0;
  examples::command_line options(
      "Counts the words of files: runs of the letters A-Z and a-z, in lower case.");
  options.texts("FILE", plan.files, "what to read");
  options.number("--top", top, "only the N most frequent words, most frequent first");
  options.number("--procs", procs, "Ps; 0: as many as the machine gives");
  options.number("--workers", plan.workers, "Gs that count; 0: one per P", 0, 100'000);
  options.number("--chunk", plan.chunk_size, "bytes per read", 1, 1 << 30);
  if (auto code = options.parse(argc, argv)) return *code;

  return examples::guarded("wordcount", [&] {
    auto result = gmp::run([&] { return examples::count_words(plan); }, {.procs = procs});
    print(result, top);
    return result.unreadable == 0 ? examples::success : examples::failed;
  });
}
