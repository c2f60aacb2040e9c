// With certificates made by the openssl program; skipped where there is none.
#if GMPSCHED_TEST_TLS

#include <gmp/tls.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <gmp/asio.hpp>
#include <gmp/process.hpp>

#include "support/sockets.hpp"

namespace {

using namespace gmp_test;
namespace tls = gmp::tls;
using tls_stream = tls::stream<net::tcp_stream>;
using clock = std::chrono::steady_clock;

static_assert(gmp::io::readable<tls_stream> && gmp::io::writable<tls_stream>);

class tls_streams : public at_procs {
 public:
  static void SetUpTestSuite() {
    char name[] = "/tmp/gmpsched-tls-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    made_ = make("server", "DNS:localhost,IP:127.0.0.1") && make("other", "DNS:other");
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder_); }

 protected:
  void SetUp() override {
    if (!made_) GTEST_SKIP() << "there is no openssl program";
  }
  static std::string file(const std::string& name) { return folder_ + "/" + name; }
  static tls::config server() {
    return tls::config::server(file("server.crt"), file("server.key"));
  }
  static tls::config client() { return tls::config::client(file("server.crt")); }

  // Both ends; nothing agreed on yet.
  struct ends {
    tls_stream client;
    tls_stream server;
  };
  static ends connected(const tls::config& c = client(), const tls::config& s = server(),
                        std::string_view name = "localhost") {
    auto [near, far] = tcp_pair();
    return {tls_stream(std::move(near), c, name), tls_stream(std::move(far), s)};
  }
  // The errors of both when they try to agree.
  static std::pair<std::error_code, std::error_code> agree(ends& both) {
    auto other = gmp::spawn([&] {
      std::error_code error;
      both.server.handshake(error);
      if (!error) both.server.write_all(bytes_of("!"), error);
      return error;
    });
    std::error_code mine;
    both.client.handshake(mine);
    char c;
    if (!mine) both.client.read_some(&c, 1, mine);
    return {mine, other.get()};
  }

 private:
  static bool make(const std::string& name, const std::string& who) {
    std::error_code error;
    const auto ran = gmp::capture(
        "openssl",
        {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=gmpsched test", "-addext", "subjectAltName=" + who, "-keyout",
         file(name + ".key"), "-out", file(name + ".crt")},
        {}, {}, {}, error);
    return !error && ran.status.success();
  }
  static inline std::string folder_;
  static inline bool made_ = false;
};
GMPSCHED_TEST_AT_PROCS(tls_streams, 1u, 2u);

TEST_P(tls_streams, round_trips) {
  run([] {
    ends both = connected();
    gmp::go([s = std::move(both.server)]() mutable {
      char buffer[1000];
      std::error_code error;
      while (const std::size_t n = s.read_some(buffer, sizeof buffer, error))
        s.write_all(buffer, n, error);
      EXPECT_FALSE(error) << error.message();
      s.close();
    });
    for (int i = 0; i < scaled(300); ++i) {
      const std::string text = "message " + std::to_string(i);
      EXPECT_EQ(both.client.write_all(bytes_of(text)), text.size());
      EXPECT_EQ(read_text(both.client, text.size()), text);
    }
    EXPECT_EQ(both.client.version(), "TLSv1.3");
    EXPECT_EQ(both.client.protocol(), "");
    both.client.shutdown_write();
    EXPECT_EQ(read_rest(both.client), "");
  });
}

// Pieces that fill records: what comes after one is not sent before its end.
TEST_P(tls_streams, pieces_arrive_in_order) {
  run([] {
    ends both = connected();
    std::string sent;
    for (int i = 0; i < 6; ++i) sent += std::string(10'007, static_cast<char>('a' + i));
    auto other = gmp::spawn([&] { return read_rest(both.server); });
    for (std::string_view left = sent; !left.empty();) {
      const std::size_t first = std::min<std::size_t>(left.size(), 33'000);
      const net::const_buffer pieces[] = {{left.data(), first},
                                          {left.data() + first, left.size() - first}};
      std::error_code error;
      left.remove_prefix(both.client.writev(pieces, error));
      ASSERT_FALSE(error) << error.message();
    }
    both.client.shutdown_write();
    EXPECT_EQ(other.get(), sent);
  });
}

// A G reads and another writes on each side, more than the kernel holds.
TEST_P(tls_streams, large_transfer_both_ways_at_once) {
  run([] {
    ends both = connected();
    static constexpr std::size_t size = sanitized ? 500'000 : 4'000'000;
    auto source = [](tls_stream& s, char c) {
      s.write_all(bytes_of(std::string(size, c)));
      s.shutdown_write();
    };
    auto one = gmp::spawn([&] { source(both.client, 'a'); });
    auto two = gmp::spawn([&] { source(both.server, 'b'); });
    auto three = gmp::spawn([&] { return read_rest(both.server); });
    EXPECT_EQ(read_rest(both.client), std::string(size, 'b'));
    EXPECT_EQ(three.get(), std::string(size, 'a'));
    one.get();
    two.get();
  });
}

TEST_P(tls_streams, certificates_are_checked) {
  run([] {
    ends right = connected();
    EXPECT_EQ(agree(right), std::pair(std::error_code(), std::error_code()));
    ends by_address = connected(client(), server(), "127.0.0.1");
    EXPECT_FALSE(agree(by_address).first);

    ends wrong_name = connected(client(), server(), "example.org");
    const auto [mine, other] = agree(wrong_name);
    EXPECT_EQ(mine, tls::errc::certificate) << mine.message();
    EXPECT_NE(mine.message().find("mismatch"), std::string::npos) << mine.message();
    EXPECT_EQ(other, tls::errc::protocol) << other.message();  // an alert
    std::error_code again;
    wrong_name.client.write_some(bytes_of("x"), again);
    EXPECT_EQ(again, mine);

    ends stranger = connected(tls::config::client(file("other.crt")));
    EXPECT_EQ(agree(stranger).first, tls::errc::certificate);
    ends system_only = connected(tls::config::client());
    EXPECT_EQ(agree(system_only).first, tls::errc::certificate);
    ends any = connected(tls::config::client().accept_any_certificate(), server(), "");
    EXPECT_FALSE(agree(any).first);
    EXPECT_THROW(connected(client(), server(), ""), std::invalid_argument);
    EXPECT_THROW(connected(client(), server(), std::string_view("a\0b", 3)), std::invalid_argument);
  });
}

TEST_P(tls_streams, clients_with_certificates) {
  run([] {
    const tls::config strict = server().require_client_certificate(file("other.crt"));
    ends without = connected(client(), strict);
    EXPECT_EQ(agree(without).second, tls::errc::protocol);
    ends with = connected(client().certificate(file("other.crt"), file("other.key")), strict);
    EXPECT_EQ(agree(with), std::pair(std::error_code(), std::error_code()));
    ends wrong = connected(client().certificate(file("server.crt"), file("server.key")), strict);
    EXPECT_EQ(agree(wrong).second, tls::errc::certificate);
  });
}

TEST_P(tls_streams, protocols_over_it) {
  run([] {
    const tls::config s = server().protocols({"h2", "http/1.1"});
    ends both = connected(client().protocols({"http/1.1", "h2"}), s);
    EXPECT_FALSE(agree(both).first);
    EXPECT_EQ(both.client.protocol(), "h2");  // the server's order
    EXPECT_EQ(both.server.protocol(), "h2");
    ends none = connected(client(), s);
    EXPECT_FALSE(agree(none).first);
    EXPECT_EQ(none.client.protocol(), "");
    ends nothing_in_common = connected(client().protocols({"smtp"}), s);
    EXPECT_EQ(agree(nothing_in_common).first, tls::errc::protocol);
    EXPECT_THROW(client().protocols({""}), std::invalid_argument);
    EXPECT_THROW(client().protocols({std::string(256, 'x')}), std::invalid_argument);
  });
}

TEST_P(tls_streams, the_end_is_told_from_a_cut) {
  run([] {
    for (const bool proper : {true, false}) {
      ends both = connected();
      EXPECT_FALSE(agree(both).first);
      both.server.write_all(bytes_of("last"));
      if (proper) {
        both.server.close();
      } else {
        both.server.next_layer().close();
      }
      EXPECT_EQ(read_text(both.client, 4), "last");
      char c;
      for (int i = 0; i < 2; ++i) {
        std::error_code error;
        EXPECT_EQ(both.client.read_some(&c, 1, error), 0u);
        EXPECT_EQ(error == tls::errc::truncated, !proper) << error.message();
        EXPECT_EQ(!error, proper);
      }
    }
  });
}

TEST_P(tls_streams, cut_while_agreeing) {
  run([] {
    ends both = connected();
    both.server.next_layer().close();
    std::error_code error;
    both.client.handshake(error);
    EXPECT_TRUE(error == tls::errc::truncated || error == std::errc::connection_reset)
        << error.message();
  });
}

TEST_P(tls_streams, bytes_that_are_not_tls) {
  run([] {
    for (const std::string& text :
         {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(5000, '\x16'),
          std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10)}) {
      auto [near, far] = tcp_pair();
      tls_stream s(std::move(far), server());
      near.write_all(bytes_of(text));
      near.shutdown_write();
      char c;
      std::error_code error;
      EXPECT_EQ(s.read_some(&c, 1, error), 0u);
      EXPECT_TRUE(error == tls::errc::protocol || error == tls::errc::truncated);
      EXPECT_FALSE(error.message().empty());
      s.close();
    }
  });
}

TEST_P(tls_streams, deadlines_pass_through) {
  run([] {
    ends both = connected();
    char c;
    std::error_code error;
    both.client.set_read_deadline(clock::now() + 10ms);
    both.client.handshake(error);  // nobody answers
    EXPECT_EQ(error, std::errc::timed_out);
    both.client.clear_read_deadline();
    EXPECT_FALSE(agree(both).first);  // and goes on where it was
    both.client.set_deadline(clock::now() + 10ms);
    both.client.read_some(&c, 1, error);
    EXPECT_EQ(error, std::errc::timed_out);
    both.client.clear_deadline();
    both.server.write_all(bytes_of("x"));
    EXPECT_EQ(both.client.read_some(&c, 1), 1u);

    both.client.set_write_deadline(clock::now() + 20ms);
    const std::string much(1 << 20, 'z');
    while (!error || error == std::errc::timed_out) {
      both.client.write_all(bytes_of(much), error);
      if (error) break;
    }
    EXPECT_EQ(error, std::errc::timed_out);
    both.client.clear_write_deadline();
    std::error_code again;
    EXPECT_EQ(both.client.write_some(&c, 1, again), 0u);  // part of a record has gone
    EXPECT_EQ(again, std::errc::timed_out);
  });
}

TEST_P(tls_streams, close_wakes_who_waits) {
  run([] {
    ends both = connected();
    EXPECT_FALSE(agree(both).first);
    auto reader = gmp::spawn([&] {
      char c;
      std::error_code error;
      both.client.read_some(&c, 1, error);
      return error;
    });
    yield_often();
    both.client.close();
    both.client.close();
    const std::error_code why = reader.get();
    EXPECT_TRUE(why == std::errc::operation_canceled || why == std::errc::bad_file_descriptor);
    EXPECT_EQ(read_rest(both.server), "");  // told
    EXPECT_FALSE(both.client.is_open());
  });
}

TEST_P(tls_streams, beast_runs_over_it) {
  namespace http = boost::beast::http;
  run([] {
    ends both = connected();
    gmp::go([s = std::move(both.server)]() mutable {
      gmp::asio_stream stream(s);
      boost::beast::flat_buffer buffer;
      http::request<http::string_body> request;
      http::read(stream, buffer, request);
      http::response<http::string_body> response{http::status::ok, 11};
      response.body() = "you said " + request.body();
      response.prepare_payload();
      http::write(stream, response);
      s.close();
    });
    gmp::asio_stream stream(both.client);
    http::request<http::string_body> request{http::verb::post, "/", 11};
    request.body() = "hello";
    request.prepare_payload();
    http::write(stream, request);
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(stream, buffer, response);
    EXPECT_EQ(response.body(), "you said hello");
  });
}

TEST_P(tls_streams, over_other_streams) {
  run([] {
    auto [near, far] = net::unix_stream::pair();
    const tls::config c = client();
    tls::stream one(near, c, "localhost");  // a reference
    tls::stream two(std::move(far), server());
    static_assert(std::is_same_v<decltype(one), tls::stream<net::unix_stream&>>);
    auto other = gmp::spawn([&] { return read_rest(two); });
    one.write_all(bytes_of("below it is a unix socket"));
    one.close();
    EXPECT_EQ(other.get(), "below it is a unix socket");
  });
}

TEST_P(tls_streams, files_that_are_wrong) {
  run([] {
    const auto message = [](auto f) -> std::string {
      try {
        f();
      } catch (const std::system_error& e) {
        return e.what();
      }
      return "";
    };
    EXPECT_NE(message([] { tls::config::client("/none.pem"); }).find("/none.pem"),
              std::string::npos);
    EXPECT_NE(message([] { tls::config::server("/none.pem", file("server.key")); }), "");
    EXPECT_NE(message([] { tls::config::server(file("server.crt"), file("other.key")); }), "");
    EXPECT_NE(message([] { tls::config::server(file("server.key"), file("server.crt")); }), "");
  });
}

TEST_P(tls_streams, a_stopping_runtime_ends_a_handshake) {
  run([] {
    gmp::go([] {
      ends both = connected();
      both.client.handshake();
    });
    yield_often();
  });
}

TEST_P(tls_streams, on_plain_threads) {
  ends both = connected();
  std::thread other([&] {
    both.server.write_all(bytes_of("threads"));
    both.server.close();
  });
  EXPECT_EQ(read_rest(both.client), "threads");
  other.join();
}

}  // namespace

#endif
