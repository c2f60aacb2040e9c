#include "harness.hpp"

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#if GMPSCHED_BENCH_GOOGLE
#include <benchmark/benchmark.h>
#endif

namespace bench {
namespace {

clockid_t measured_clock = CLOCK_MONOTONIC;

std::size_t status_bytes(const char* field) {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  require(file != nullptr, "cannot read /proc/self/status");
  char text[256];
  std::size_t kib = 0;
  while (std::fgets(text, sizeof text, file) != nullptr)
    if (std::strncmp(text, field, std::strlen(field)) == 0)
      kib = std::strtoull(text + std::strlen(field), nullptr, 10);
  std::fclose(file);
  return kib * 1024;
}

int usage(const char* program, std::span<const question> questions) {
  std::fprintf(stderr, "usage: %s QUESTION [--procs N] [--n N] [--cpu-time]\nquestions:", program);
  for (const question& q : questions)
    std::fprintf(stderr, " %.*s", static_cast<int>(q.name.size()), q.name.data());
  std::fputc('\n', stderr);
  return 2;
}

// False: not a whole number of at least one.
bool parse(std::string_view text, std::uint64_t& number) {
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end && number > 0;
}

int answer_one(const question& q, const request& asked) {
  if (q.warm_up > 0) q.run({q.warm_up, asked.procs});
  for (const line& l : q.run(asked))
    std::printf("%.*s %.6g %.*s\n", static_cast<int>(l.name.size()), l.name.data(), l.value,
                static_cast<int>(l.unit.size()), l.unit.data());
  return 0;
}

#if GMPSCHED_BENCH_GOOGLE
double seconds_in(const line& l) {
  if (l.unit == "ns") return l.value * 1e-9;
  if (l.unit == "us") return l.value * 1e-6;
  if (l.unit == "ms") return l.value * 1e-3;
  return 0;
}

// One iteration stands for one operation: its time is the question's first line; the other lines
// become counters.
void run_question(benchmark::State& state, const question& q) {
  request asked{q.n, static_cast<unsigned>(state.range(0))};
  if (q.warm_up > 0) q.run({q.warm_up, asked.procs});
  for (auto _ : state) {
    report lines = q.run(asked);
    state.SetIterationTime(seconds_in(lines.front()));
    for (const line& l : lines) state.counters[std::string(l.name)] = l.value;
  }
}

int answer_with_google_benchmark(int argc, char** argv, std::span<const question> questions) {
  for (const question& q : questions)
    benchmark::RegisterBenchmark(std::string(q.name).c_str(),
                                 [&q](benchmark::State& state) { run_question(state, q); })
        ->ArgName("procs")
        ->Arg(1)
        ->Arg(2)
        ->UseManualTime()
        ->Iterations(1)
        ->Repetitions(3)
        ->ReportAggregatesOnly();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
#endif

}  // namespace

int answer(int argc, char** argv, std::span<const question> questions) {
#if GMPSCHED_BENCH_GOOGLE
  if (argc < 2 || std::string_view(argv[1]).starts_with("--benchmark_"))
    return answer_with_google_benchmark(argc, argv, questions);
#endif
  if (argc < 2) return usage(argv[0], questions);
  auto q = std::ranges::find(questions, std::string_view(argv[1]), &question::name);
  if (q == questions.end()) return usage(argv[0], questions);
  std::uint64_t n = q->n;
  std::uint64_t procs = 1;
  for (int i = 2; i < argc; ++i) {
    std::string_view flag = argv[i];
    if (flag == "--cpu-time") {
      measured_clock = CLOCK_PROCESS_CPUTIME_ID;
      continue;
    }
    std::uint64_t* target = flag == "--n" ? &n : flag == "--procs" ? &procs : nullptr;
    if (target == nullptr || ++i == argc || !parse(argv[i], *target))
      return usage(argv[0], questions);
  }
  return answer_one(*q, {n, static_cast<unsigned>(procs)});
}

double stopwatch::now() {
  timespec t{};
  clock_gettime(measured_clock, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

std::size_t resident_bytes() { return status_bytes("VmRSS:"); }
std::size_t peak_resident_bytes() { return status_bytes("VmHWM:"); }

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double median(std::span<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void require(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "bench: %s\n", what);
  std::exit(1);
}

}  // namespace bench
