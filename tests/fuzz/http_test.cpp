// What http_server takes from strangers, what it refuses, and that it does not matter how the bytes
// arrive.
#include <gtest/gtest.h>

#include "http_check.hpp"

namespace {

using http_check::parse_whole;
using http_check::result;

// Every way to cut the bytes in two, and into bytes, must give what the whole gives.
result parse_cut(const std::string& bytes) {
  const result whole = parse_whole(bytes);
  EXPECT_EQ(whole.contradiction, "");
  EXPECT_EQ(http_check::parse(bytes, [] { return 1; }), whole) << "into bytes";
  for (std::size_t first = 1; first < bytes.size(); ++first) {
    std::size_t next = first;
    const result cut = http_check::parse(bytes, [&] { return std::exchange(next, bytes.size()); });
    EXPECT_EQ(cut, whole) << "cut after " << first;
  }
  return whole;
}

unsigned refusal_of(const std::string& bytes) { return parse_cut(bytes).refused; }

TEST(http_requests, taken) {
  const result all = parse_cut(
      "GET /a%20b/c?query HTTP/1.1\r\nHost: h\r\n\r\n"
      "HEAD http://host/x#y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"
      "PUT /%00 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      "GET /./a//../b HTTP/1.0\r\n\r\n");
  ASSERT_EQ(all.requests.size(), 5u);
  EXPECT_EQ(all.refused, 0u);
  EXPECT_EQ(all.requests[0].path, "/a%20b/c");
  EXPECT_EQ(all.requests[0].steps, (std::vector<std::string>{"a b", "c"}));
  EXPECT_TRUE(all.requests[0].get && !all.requests[0].head && all.requests[0].keep_alive);
  EXPECT_EQ(all.requests[1].path, "/x");
  EXPECT_TRUE(all.requests[1].head && !all.requests[1].keep_alive);
  EXPECT_FALSE(all.requests[2].get);
  EXPECT_FALSE(all.requests[3].good_path);
  EXPECT_TRUE(all.requests[4].leads_up && !all.requests[4].keep_alive);
  EXPECT_EQ(all.requests[4].version, 10u);
}

TEST(http_requests, refused) {
  const std::string host = "Host: h\r\n\r\n";
  EXPECT_EQ(refusal_of("nonsense\r\n\r\n"), 400u);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n\r\n"), 400u);  // no host
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400u);
  EXPECT_EQ(refusal_of("GET / HTTP/1.9\r\n" + host), 505u);
  EXPECT_EQ(refusal_of("GET / HTTP/2.0\r\n" + host), 505u);
  EXPECT_EQ(refusal_of("POST / HTTP/1.1\r\nContent-Length: -1\r\n" + host), 400u);
  EXPECT_EQ(refusal_of("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + host),
            400u);
  EXPECT_EQ(refusal_of("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n" + host), 400u);
  EXPECT_EQ(refusal_of("POST / HTTP/1.1\r\nContent-Length: 70000\r\n" + host), 413u);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nBad Name: x\r\n" + host), 400u);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nA: " + std::string(10'000, 'x') + "\r\n" + host), 431u);
  EXPECT_EQ(refusal_of("GET /" + std::string(10'000, 'x') + " HTTP/1.1\r\n" + host), 431u);
}

}  // namespace
