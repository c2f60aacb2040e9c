// libFuzzer's entry: any bytes, cut in several ways, must give the same requests.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "http_check.hpp"

namespace {

void expect_same(const http_check::result& whole, const http_check::result& cut, const char* how) {
  if (whole == cut && whole.contradiction.empty()) return;
  std::fprintf(stderr, "cut %s: %zu requests, not %zu; refused %u, not %u; %s%s\n", how,
               cut.requests.size(), whole.requests.size(), cut.refused, whole.refused,
               whole.contradiction.c_str(), cut.contradiction.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Beast looks at a header again only when its end has come, so here it comes for certain: what
  // cannot become a request is refused then at the latest.
  const std::string bytes = std::string(reinterpret_cast<const char*>(data), size) + "\r\n\r\n";
  const http_check::result whole = http_check::parse_whole(bytes);
  constexpr std::size_t short_enough = 4096;  // the work grows with the square
  if (size <= short_enough)
    expect_same(whole, http_check::parse(bytes, [] { return 1; }), "into bytes");
  std::uint32_t state = static_cast<std::uint32_t>(size) * 2654435761u + 1;
  const auto some = [&state] {
    state = state * 1664525u + 1013904223u;
    return (state >> 24) % 61;
  };
  expect_same(whole, http_check::parse(bytes, some), "at random");
  expect_same(whole, http_check::parse(bytes, [size] { return size / 2 + 1; }), "in the middle");
  return 0;
}
