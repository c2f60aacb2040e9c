#include <gmp/endpoint.hpp>

#include <gtest/gtest.h>

#include "support/harness.hpp"

namespace {

using gmp::net::address_family;
using gmp::net::endpoint;

TEST(endpoint, text_and_back) {
  for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:8080",
                           "[fe80::1234]:1", "unix:/tmp/a socket", "unix:@abstract"}) {
    EXPECT_EQ(endpoint(text).to_string(), text);
  }
  EXPECT_EQ(endpoint(":80"), endpoint::any_v4(80));
  EXPECT_EQ(endpoint("[0:0:0:0:0:0:0:1]:9").to_string(), "[::1]:9");
}

TEST(endpoint, parts) {
  const endpoint v4("10.1.2.3:4567");
  EXPECT_EQ(v4.family(), address_family::v4);
  EXPECT_EQ(v4.port(), 4567);
  EXPECT_EQ(v4.address(), "10.1.2.3");
  EXPECT_EQ(v4.with_port(1).to_string(), "10.1.2.3:1");
  const endpoint v6("[2001:db8::7]:99");
  EXPECT_EQ(v6.family(), address_family::v6);
  EXPECT_EQ(v6.port(), 99);
  EXPECT_EQ(v6.address(), "2001:db8::7");
  const endpoint path("unix:/tmp/x");
  EXPECT_EQ(path.family(), address_family::unix_path);
  EXPECT_EQ(path.port(), 0);
  EXPECT_EQ(path.address(), "/tmp/x");
  EXPECT_EQ(path.with_port(1), path);
  const endpoint none;
  EXPECT_EQ(none.family(), address_family::none);
  EXPECT_FALSE(none);
  EXPECT_EQ(none.to_string(), "");
  EXPECT_EQ(endpoint::loopback_v4(7).to_string(), "127.0.0.1:7");
  EXPECT_EQ(endpoint::loopback_v6(7).to_string(), "[::1]:7");
  EXPECT_EQ(endpoint::any_v6(7).to_string(), "[::]:7");
}

TEST(endpoint, bad_text) {
  const std::string long_path = "unix:/" + std::string(200, 'x');
  std::string long_host(300, '1');
  long_host += ":1";
  for (std::string_view text : {std::string_view(""),
                                std::string_view(":"),
                                std::string_view("127.0.0.1"),
                                std::string_view("127.0.0.1:"),
                                std::string_view("127.0.0.1:x"),
                                std::string_view("127.0.0.1:65536"),
                                std::string_view("127.0.0.1:-1"),
                                std::string_view("127.0.0.1: 1"),
                                std::string_view("127.0.0:1"),
                                std::string_view("256.0.0.1:1"),
                                std::string_view("::1:80"),
                                std::string_view("[::1]"),
                                std::string_view("[::1]80"),
                                std::string_view("[::1:80"),
                                std::string_view("[]:80"),
                                std::string_view("[127.0.0.1]:80"),
                                std::string_view("[fe80::1%nosuchlink]:1"),
                                std::string_view("localhost:80"),
                                std::string_view("unix:"),
                                std::string_view("unix:a\0b", 8),
                                std::string_view("1.2.3.4\0:80", 11),
                                std::string_view(long_path),
                                std::string_view(long_host)}) {
    std::error_code error;
    EXPECT_FALSE(endpoint::parse(text, error)) << text;
    EXPECT_EQ(error, std::errc::invalid_argument) << text;
    EXPECT_THROW(endpoint{text}, std::system_error) << text;
  }
}

TEST(endpoint, on_a_g) {
  gmp::run([] {
    EXPECT_EQ(endpoint("1.2.3.4:5").to_string(), "1.2.3.4:5");
    EXPECT_THROW(endpoint("nonsense"), std::system_error);
  });
}

}  // namespace
