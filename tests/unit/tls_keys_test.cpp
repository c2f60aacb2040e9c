// Messages after the handshake, which users do not see; by the sessions inside of the streams.
#if GMPSCHED_TEST_TLS

#include <gmp/tls.hpp>

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>

#include <gmp/process.hpp>

#include "support/sockets.hpp"
#include "tls/session.hpp"

namespace {

using namespace gmp_test;
using namespace gmp::detail;
namespace tls = gmp::tls;

class tls_keys : public at_procs {
 protected:
  void SetUp() override {
    char name[] = "/tmp/gmpsched-keys-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    std::error_code error;
    const auto ran =
        gmp::capture("openssl",
                     {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                      "-nodes", "-days", "2", "-subj", "/CN=gmpsched test", "-keyout",
                      folder_ + "/key", "-out", folder_ + "/crt"},
                     {}, {}, {}, error);
    if (error || !ran.status.success()) GTEST_SKIP() << "there is no openssl program";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};
GMPSCHED_TEST_AT_PROCS(tls_keys, 1u, 2u);

struct end {
  end(net::tcp_stream stream, const tls::config& how)
      : socket(std::move(stream)), below(socket), session(tls_open(how.shared(), "")) {}
  std::string read(std::size_t n) {
    std::string text(n, ' ');
    std::error_code error;
    const auto room = std::as_writable_bytes(std::span(text));
    text.resize(tls_read(*session, below, room, error));
    EXPECT_FALSE(error) << error.message();
    return text;
  }
  void write(std::string_view text) {
    const net::const_buffer piece{text.data(), text.size()};
    std::error_code error;
    EXPECT_EQ(tls_write(*session, below, {&piece, 1}, error), text.size()) << error.message();
  }

  net::tcp_stream socket;
  tls_over<net::tcp_stream> below;
  tls_session_owner session;
};

// OpenSSL itself would answer with its next write.
TEST_P(tls_keys, who_only_reads_answers_a_request_for_new_keys) {
  run([&] {
    auto [near, far] = tcp_pair();
    end client(std::move(near), tls::config::client().accept_any_certificate());
    end server(std::move(far), tls::config::server(folder_ + "/crt", folder_ + "/key"));
    auto first = gmp::spawn([&] {
      server.write("!");
      return server.read(1);
    });
    EXPECT_EQ(client.read(1), "!");
    client.write("a");
    EXPECT_EQ(first.get(), "a");
    char byte;
    ASSERT_EQ(::recv(client.socket.native_handle(), &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1)
        << "all tickets were read";

    for (int round = 0; round < 3; ++round) {
      ASSERT_EQ(::SSL_key_update(client.session->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
      client.write("b");
      EXPECT_EQ(server.read(1), "b");
      EXPECT_EQ(::recv(client.socket.native_handle(), &byte, 1, MSG_DONTWAIT | MSG_PEEK), 1)
          << "the answer is there";
      EXPECT_FALSE(server.session->to_send.load());
      server.write("c");
      EXPECT_EQ(client.read(1), "c");
    }
  });
}

}  // namespace
#endif
