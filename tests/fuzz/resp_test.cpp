// The parser of kv_server's protocol: what it takes, what it refuses, and that it does not matter
// how the bytes arrive.
#include <gtest/gtest.h>

#include "resp_check.hpp"

namespace {

using resp_check::command;
using resp_check::parse;
using resp_check::parse_whole;
using resp_check::result;

using namespace std::string_literals;

const std::string mixed =
    "*1\r\n$4\r\nPING\r\n"
    "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\na\r\n\0b*1\r\n$4!\r\n"
    "PING\r\n\r\n  set \"a b\\x41\\n\" 'it\\'s' x\"y\"\n*0\r\n*-1\r\n"
    "*2\r\n$0\r\n\r\n$2\r\n\r\n\r\n"s;

const std::vector<command> commands_of_mixed = {{"PING"},
                                                {"SET", "k", "a\r\n\0b*1\r\n$4!"s},
                                                {"PING"},
                                                {},
                                                {"set", "a bA\n", "it's", "xy"},
                                                {},
                                                {},
                                                {"", "\r\n"}};

// Whatever the limits, every way to cut the bytes must give what the whole gives.
void expect_same_when_cut(std::string_view bytes, const kv::resp_limits& limits = {}) {
  const result whole = parse_whole(bytes, limits);
  EXPECT_EQ(whole.contradiction, "");
  EXPECT_EQ(parse(bytes, limits, [] { return 1; }), whole) << "into bytes";
  for (std::size_t first = 1; first < bytes.size(); ++first) {
    for (std::size_t second = 1; second <= bytes.size() - first; ++second) {
      const std::size_t sizes[] = {first, second, bytes.size()};
      std::size_t at = 0;
      const result cut = parse(bytes, limits, [&] { return sizes[at++]; });
      ASSERT_EQ(cut, whole) << "cut after " << first << " and " << second << " more";
    }
  }
}

std::string complaint_of(std::string_view bytes, const kv::resp_limits& limits = {}) {
  const result all = parse_whole(bytes, limits);
  EXPECT_TRUE(all.broken) << bytes;
  return all.complaint;
}

TEST(RespParser, CutsBytesIntoCommands) {
  const result all = parse_whole(mixed, {});
  EXPECT_FALSE(all.broken) << all.complaint;
  EXPECT_EQ(all.commands, commands_of_mixed);
  EXPECT_EQ(all.left, 0u);
}

TEST(RespParser, EveryCutGivesTheSame) { expect_same_when_cut(mixed); }

TEST(RespParser, EveryCutOfWrongBytesGivesTheSame) {
  for (const std::string_view bytes :
       {"PING\r\n*1\r\n$5\r\nPINGXX\r\n", "*2\r\n$4\r\nPING\r\nPING\r\n", "*1\r\n$-5\r\nxx\r\n",
        "*12345678901234567890\r\n", "*1\n", "*1\r$4\r\n", "*1\r\n$04\r\nPING\r\n", "*+1\r\n",
        "*-0\r\n", "set \"a\r\n", "set \"a\"b\r\n", "*x\r\n", "*1\r\n$\r\n", "*\r\n"}) {
    EXPECT_TRUE(parse_whole(bytes, {}).broken) << bytes;
    expect_same_when_cut(bytes);
  }
}

TEST(RespParser, WordsItsComplaintsAsRedisDoes) {
  EXPECT_EQ(complaint_of("*x\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(complaint_of("*1048577\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(complaint_of("*1\r\n:1\r\n"), "Protocol error: expected '$', got ':'");
  EXPECT_EQ(complaint_of("*1\r\n\n"), "Protocol error: expected '$', got ' '");
  EXPECT_EQ(complaint_of("*1\r\n$-1\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(complaint_of("*1\r\n$536870913\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(complaint_of("*1\r\n$3\r\nPING\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(complaint_of("get \"a\r\n"), "Protocol error: unbalanced quotes in request");
  EXPECT_EQ(complaint_of(std::string(65'537, 'x')), "Protocol error: too big inline request");
}

TEST(RespParser, KeepsItsLimits) {
  const kv::resp_limits small{.bulk = 4, .arguments = 2, .line = 8, .command = 20};
  EXPECT_FALSE(parse_whole("*2\r\n$4\r\nECHO\r\n$0\r\n", small).broken);
  EXPECT_EQ(complaint_of("*3\r\n", small), "Protocol error: invalid multibulk length");
  EXPECT_EQ(complaint_of("*1\r\n$5\r\n", small), "Protocol error: invalid bulk length");
  EXPECT_EQ(complaint_of("*2\r\n$4\r\nECHO\r\n$4\r\n", small), "");  // not worth an answer
  EXPECT_FALSE(parse_whole("12345678\n", small).broken);
  EXPECT_EQ(complaint_of("123456789\n", small), "Protocol error: too big inline request");
  expect_same_when_cut("*2\r\n$4\r\nECHO\r\n$4\r\nabcd\r\n", small);
  expect_same_when_cut("PING\r\n123456789\n", small);
}

TEST(RespParser, TellsHowMuchIsMissing) {
  kv::resp_parser parser;
  const std::string head = "*2\r\n$3\r\nGET\r\n$1000\r\nabc";
  EXPECT_EQ(parser.next(head), kv::resp_parser::outcome::more);
  EXPECT_EQ(parser.wanted(), head.size() - 3 + 1000 + 2);
}

// A length that lies costs no memory: a million arguments announced, none sent.
TEST(RespParser, BelievesNoLengths) {
  kv::resp_parser parser;
  EXPECT_EQ(parser.next("*1048576\r\n"), kv::resp_parser::outcome::more);
  EXPECT_EQ(parser.arguments().size(), 0u);
  EXPECT_LT(parser.wanted(), 100u);
}

// The arguments are the caller's bytes, not copies.
TEST(RespParser, CopiesNothing) {
  kv::resp_parser parser;
  const std::string bytes = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\nget k\r\n";
  ASSERT_EQ(parser.next(bytes), kv::resp_parser::outcome::command);
  EXPECT_EQ(parser.arguments()[0].data(), bytes.data() + 8);
  EXPECT_EQ(parser.arguments()[1].data(), bytes.data() + 17);
  const std::string_view rest = std::string_view(bytes).substr(parser.used());
  ASSERT_EQ(parser.next(rest), kv::resp_parser::outcome::command);
  EXPECT_EQ(parser.arguments()[1].data(), rest.data() + 4);
}

}  // namespace
