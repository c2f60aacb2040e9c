// What every bench program shares: questions by name, lines "name value unit", clocks and memory
// figures.
//
// A program is a table of questions. `PROGRAM QUESTION [--procs N] [--n N]` answers one of them on
// standard output, which is what compare/run pairs with the same question put to a partner. With
// --benchmark_* flags, or with no question at all, the program runs its questions under Google
// Benchmark instead, where that was found.
//
// main() and Google Benchmark stay on a plain thread with a full stack; only the body of a question
// runs on Gs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace bench {

struct request {
  std::uint64_t n;  // operations
  unsigned procs;   // Ps, threads: what the partner calls workers
};

struct line {
  std::string_view name;
  double value;
  std::string_view unit;
};
using report = std::vector<line>;

struct question {
  std::string_view name;
  std::uint64_t n;  // operations when --n is not given
  std::uint64_t
      warm_up;  // operations that run first and are not reported; 0: the first run is the figure
  report (*run)(const request&);
};

// The program's main: parses, warms up, runs, prints. Returns the exit code.
int answer(int argc, char** argv, std::span<const question> questions);

// Wall time, or with --cpu-time the processor time of the process: at one P they are the same on a
// quiet machine, and on a busy one only the latter says something.
class stopwatch {
 public:
  double ns() const { return now() - start_; }
  double us() const { return ns() / 1e3; }
  double ms() const { return ns() / 1e6; }

 private:
  static double now();
  double start_ = now();
};

std::size_t resident_bytes();       // now
std::size_t peak_resident_bytes();  // since the program started
double cpu_seconds();               // user and system, all threads

double median(std::span<double> values);  // reorders them

// Ends the program with a message when a bench computed something wrong: a fast wrong answer is no
// figure.
void require(bool right, const char* what);

}  // namespace bench
