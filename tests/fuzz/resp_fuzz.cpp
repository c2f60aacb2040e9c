// libFuzzer's entry: any bytes, cut in several ways, must give the same commands.
#include <cstdio>
#include <cstdlib>

#include "resp_check.hpp"

namespace {

void expect_same(const resp_check::result& whole, const resp_check::result& cut, const char* how) {
  if (whole == cut && whole.contradiction.empty()) return;
  std::fprintf(stderr, "cut %s: %zu commands, not %zu; \"%s\", not \"%s\"; %s%s\n", how,
               cut.commands.size(), whole.commands.size(), cut.complaint.c_str(),
               whole.complaint.c_str(), whole.contradiction.c_str(), cut.contradiction.c_str());
  std::abort();
}

void check(std::string_view bytes, const kv::resp_limits& limits) {
  const resp_check::result whole = resp_check::parse_whole(bytes, limits);
  constexpr std::size_t short_enough = 4096;  // the work grows with the square
  if (bytes.size() <= short_enough)
    expect_same(whole, resp_check::parse(bytes, limits, [] { return 1; }), "into bytes");
  std::uint32_t state = static_cast<std::uint32_t>(bytes.size()) * 2654435761u + 1;
  const auto some = [&state] {
    state = state * 1664525u + 1013904223u;
    return (state >> 24) % 61;
  };
  expect_same(whole, resp_check::parse(bytes, limits, some), "at random");
  const auto half = [&bytes] { return bytes.size() / 2 + 1; };
  expect_same(whole, resp_check::parse(bytes, limits, half), "in the middle");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes, {});
  // Limits that an input can reach.
  check(bytes, {.bulk = 100, .arguments = 8, .line = 32, .command = 200});
  return 0;
}
