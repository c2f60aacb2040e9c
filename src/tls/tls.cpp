// TLS between a user's calls and the stream below.
#include "gmp/tls.hpp"

#include <mutex>
#include <new>
#include <stdexcept>

#include "stack/stack.hpp"
#include "tls/session.hpp"

namespace gmp::detail {

// Defined in a split file: see io/home.cpp.
void tls_call_home(void* request) { tls_call_at_home(request); }
void tls_open_home(void* request) { tls_open_at_home(request); }
void tls_close_home(void* session) { tls_close_at_home(session); }
void tls_ask_home(void* question) { tls_ask_at_home(question); }
void tls_category_home(void* out) { tls_category_at_home(out); }

namespace {

constexpr std::size_t small_input = 4 * 1024;   // what a reader holds while it waits
constexpr std::size_t large_input = 17 * 1024;  // a record, and a little
constexpr std::size_t output_piece = 17 * 1024;
constexpr std::size_t most_written = 64 * 1024;  // by one call
constexpr std::size_t most_pieces = 16;

using bytes = std::unique_ptr<std::byte[]>;

void call(tls_request& request) {
  const std::lock_guard hold(request.s->ssl_lock);
  call_on_home(&tls_call_home, &request);
}

void tell(int code, std::error_code& error) noexcept {
  if (code == 0) {
    error.clear();
  } else {
    error = std::error_code(code, tls::category());
  }
}

// Sends what lies in to_peer; `writing` is held. [TLS2]
void send_all(tls_session& s, tls_transport& below, std::error_code& error) {
  error = s.send_failed;
  if (error.value() != 0 || !s.to_send.load(memory_order_seq_cst)) return;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(output_piece);
  while (s.to_send.load(memory_order_seq_cst)) {
    tls_request request{&s, tls_call::take, {}, {buffer.get(), output_piece}};
    call(request);
    std::span<const std::byte> left{buffer.get(), request.n};
    while (!left.empty() && error.value() == 0) left = left.subspan(below.write_some(left, error));
    if (error.value() != 0) {
      s.send_failed = error;  // [TLS4]
      return;
    }
  }
}

// What others left while `writing` was not theirs. [TLS3]
void send_what_is_left(tls_session& s, tls_transport& below) {
  // Who let go of `writing` looks at to_send after that; who left something there looks at
  // `writing` after that. Pairs with itself: one of them sees the other.
  std::atomic_thread_fence(memory_order_seq_cst);
  while (s.to_send.load(memory_order_seq_cst) && s.writing.try_lock()) {
    const std::lock_guard hold(s.writing, std::adopt_lock);
    std::error_code error;
    send_all(s, below, error);
    if (error.value() != 0) return;
  }
}

// Waits for bytes from the peer; empty: `error` says why.
std::span<const std::byte> receive(tls_session& s, tls_transport& below, bytes& buffer,
                                   std::error_code& error) {
  const std::size_t room = s.reads_much ? large_input : small_input;
  // Made anew each time: whether it is needed at all shows only now.
  buffer = std::make_unique_for_overwrite<std::byte[]>(room);
  const std::size_t n = below.read_some({buffer.get(), room}, error);
  if (error.value() != 0) return {};
  if (n == 0) tell(tls_truncated, error);
  s.reads_much = n == room;
  return {buffer.get(), n};
}

void agree(tls_session& s, tls_transport& below, std::error_code& error) {
  const std::lock_guard hold(s.reading);
  bytes buffer;
  std::span<const std::byte> input;
  for (;;) {
    tls_request request{&s, tls_call::handshake, input};
    call(request);
    {
      const std::lock_guard write(s.writing);
      std::error_code not_sent;
      send_all(s, below, not_sent);
      tell(request.error, error);  // rather than that the peer does not hear of it
      // A server's last words are tickets for another time: a client that has gone by then may
      // have left something to read.
      if (error.value() == 0 && !(s.config->server && request.outcome == tls_outcome::done))
        error = not_sent;
    }
    if (error.value() != 0) break;
    if (request.outcome == tls_outcome::done) {
      s.agreed.store(true, memory_order_release);  // pairs with the acquire in tls_handshake()
      return;
    }
    input = receive(s, below, buffer, error);
    if (error.value() != 0) break;
  }
  // Nothing was lost by a deadline that passed while reading.
  if (error != std::errc::timed_out || s.send_failed.value() != 0) s.not_agreed = error;
}

[[gnu::noinline]] void first_handshake(tls_session& s, tls_transport& below,
                                       std::error_code& error) {
  const std::lock_guard hold(s.agreeing);
  if (s.agreed.load(memory_order_acquire)) return;
  error = s.not_agreed;
  if (error.value() == 0) agree(s, below, error);
}

std::string ask(tls_session& s, bool version) {
  tls_question question{&s, version};
  const std::lock_guard hold(s.ssl_lock);
  call_on_home(&tls_ask_home, &question);
  return {question.text, question.n};
}

// As much as one call may write.
std::size_t cut(std::span<const net::const_buffer> from, net::const_buffer (&out)[most_pieces]) {
  std::size_t count = 0;
  std::size_t room = most_written;
  for (const net::const_buffer& piece : from) {
    if (count == most_pieces || room == 0) break;
    if (piece.size == 0) continue;
    out[count++] = {piece.data, piece.size < room ? piece.size : room};
    room -= out[count - 1].size;
  }
  return count;
}

}  // namespace

void tls_session_delete::operator()(tls_session* session) const noexcept {
  call_on_home(&tls_close_home, session);
  delete session;
}

tls_session_owner tls_open(const std::shared_ptr<tls_config>& config,
                           std::string_view server_name) {
  tls_session_owner made(new tls_session);
  made->config = config;
  tls_open_request request{made.get(), server_name};
  call_on_home(&tls_open_home, &request);
  if (request.error != 0) throw std::bad_alloc();
  if (request.bad_name) throw std::invalid_argument("gmp::tls: not the name of a server");
  return made;
}

void tls_handshake(tls_session& s, tls_transport& below, std::error_code& error) {
  error.clear();
  // acquire: pairs with the release in agree().
  if (!s.agreed.load(memory_order_acquire)) first_handshake(s, below, error);
}

std::size_t tls_read(tls_session& s, tls_transport& below, std::span<std::byte> to,
                     std::error_code& error) {
  tls_handshake(s, below, error);
  if (error.value() != 0 || to.empty()) return 0;
  const std::lock_guard hold(s.reading);
  bytes buffer;
  std::span<const std::byte> input;
  for (;;) {
    tls_request request{&s, tls_call::read, input, to};
    call(request);
    buffer.reset();
    if (s.to_send.load(memory_order_seq_cst)) send_what_is_left(s, below);
    tell(request.error, error);
    if (error.value() != 0 || request.outcome != tls_outcome::wanting) return request.n;
    input = receive(s, below, buffer, error);
    if (error.value() != 0) return 0;
  }
}

std::size_t tls_write(tls_session& s, tls_transport& below, std::span<const net::const_buffer> from,
                      std::error_code& error) {
  tls_handshake(s, below, error);
  net::const_buffer pieces[most_pieces];
  const std::size_t count = cut(from, pieces);
  if (error.value() != 0 || count == 0) return 0;
  std::size_t n = 0;
  {
    const std::lock_guard hold(s.writing);
    error = s.send_failed;
    if (error.value() != 0) return 0;
    tls_request request{&s, tls_call::write, {}, {}, {pieces, count}};
    call(request);
    send_all(s, below, error);
    if (error.value() == 0) tell(request.error, error);
    if (error.value() == 0) n = request.n;
  }
  send_what_is_left(s, below);
  return n;
}

namespace {

void say_goodbye(tls_session& s, tls_transport& below, std::error_code& error) {
  error = s.send_failed;
  if (error.value() != 0 || s.goodbye_said) return;
  s.goodbye_said = true;
  tls_request request{&s, tls_call::shutdown};
  call(request);
  send_all(s, below, error);
}

}  // namespace

void tls_shutdown(tls_session& s, tls_transport& below, std::error_code& error) {
  if (!s.agreed.load(memory_order_acquire)) {
    error = std::make_error_code(std::errc::not_connected);
    return;
  }
  {
    const std::lock_guard hold(s.writing);
    say_goodbye(s, below, error);
  }
  send_what_is_left(s, below);
}

void tls_say_goodbye(tls_session& s, tls_transport& below) {
  if (!s.agreed.load(memory_order_acquire) || !s.writing.try_lock()) return;
  const std::lock_guard hold(s.writing, std::adopt_lock);
  std::error_code ignored;
  say_goodbye(s, below, ignored);
}

std::string tls_protocol(tls_session& s) { return ask(s, false); }
std::string tls_version(tls_session& s) { return ask(s, true); }

}  // namespace gmp::detail

namespace gmp::tls {

const std::error_category& category() noexcept {
  const std::error_category* instance;
  detail::call_on_home(&detail::tls_category_home, &instance);
  return *instance;
}

}  // namespace gmp::tls
