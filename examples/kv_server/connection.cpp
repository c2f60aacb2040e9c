#include "connection.hpp"

#include <fmt/core.h>
#include <gmp/go.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <mutex>

namespace kv {
namespace {

constexpr std::size_t first_read = 2048;      // bytes of an idle client's buffer
constexpr std::size_t most_read = 64 * 1024;  // unless an argument is longer
constexpr std::size_t most_kept = 16 * 1024;
constexpr std::size_t flush_from = 256 * 1024;  // answers are not piled up higher

}  // namespace

connection::connection(gmp::net::tcp_stream stream, world& all, std::uint64_t number,
                       const settings& how)
    : stream_(std::move(stream)), all_(all), how_(how) {
  id = number;
}

void connection::serve() {
  try {
    while (read() && answer_and_flush()) {
      in_.shrink(most_kept);
      out_.shrink(most_kept);
    }
  } catch (const std::exception& why) {  // memory is out: this client's misfortune
    complain(why.what());
  }
  leave();
}

// Room for what the command still lacks, as far as it can be trusted: a length is only believed
// little by little, as bytes arrive.
bool connection::read() {
  const std::size_t there = in_.size();
  const std::size_t lacking = parser_.wanted() > there ? parser_.wanted() - there : 1;
  const std::size_t believed = std::max({first_read, std::min(there, most_read), there / 2});
  in_.reserve(std::min(lacking, believed));
  if (how_.idle.count() != 0) {
    if (listens())
      stream_.clear_read_deadline();
    else
      stream_.set_read_deadline(std::chrono::steady_clock::now() + how_.idle);
  }
  std::error_code error;
  const std::span<std::byte> space = in_.space();
  const std::size_t n = stream_.read_some(space, error);
  if (n == 0 || error) return false;
  in_.added(n);
  // There is more: the next read gets it in one piece.
  if (n == space.size() && there + n < most_read) in_.reserve(2 * (there + n));
  return true;
}

bool connection::answer_and_flush() {
  std::unique_lock hold(writing_, std::defer_lock);
  if (listened_) hold.lock();
  for (;;) {
    const next then = answer();
    if (!flush(out_) || then == next::close) return false;
    if (then == next::read) break;
  }
  if (!listened_ && listens()) {
    listened_ = true;
    gmp::go([self = shared_from_this()] { self->deliver(); });
  }
  return true;
}

// All commands that have arrived, into one answer. [C2]
[[gnu::noinline]] connection::next connection::answer() {
  const milliseconds at = now();
  std::uint64_t count = 0;
  next then = next::read;
  call one{all_, *this, out_, at};
  while (then == next::read && !in_.empty()) {
    const auto found = parser_.next(in_.text());
    if (found == resp_parser::outcome::more) break;
    if (found == resp_parser::outcome::broken) {
      if (!parser_.complaint().empty()) out_.error("ERR " + std::string(parser_.complaint()));
      then = next::close;
      break;
    }
    one.args = parser_.arguments();
    if (!one.args.empty()) {
      execute(one);
      ++count;
    }
    in_.taken(parser_.used());
    if (quit)
      then = next::close;
    else if (out_.size() >= flush_from)
      then = next::flush;
  }
  all_.commands.fetch_add(count, std::memory_order_relaxed);
  return then;
}

// A client that takes some of it is slow, one that takes nothing is gone.
bool connection::flush(reply& what) {
  while (!what.empty()) {
    const std::string_view text = what.text();
    stream_.set_write_deadline(std::chrono::steady_clock::now() + how_.write);
    std::error_code error;
    const std::size_t n = stream_.write_some(text.data(), text.size(), error);
    if (error) return false;
    what.taken(n);
  }
  return true;
}

[[gnu::noinline]] void connection::complain(std::string_view why) {
  fmt::print(stderr, "kv_server: client {} is cut off: {}\n", id, why);
}

void connection::finish() noexcept {
  std::error_code ignored;  // gone already
  stream_.shutdown_read(ignored);
}

void connection::cut_off() noexcept { stream_.close(); }

// The end of serve().
void connection::leave() {
  for (const std::string& each : subscriptions) all_.channels.unsubscribe(each, this);
  subscriptions.clear();
  std::error_code ignored;
  stream_.shutdown_write(ignored);
  if (listened_) mailbox().close();
  discard_input();
  stream_.close();
}

// What was sent and nobody reads: to close with it would make the kernel drop the last answer.
void connection::discard_input() {
  constexpr auto patience = std::chrono::seconds(1);
  stream_.set_read_deadline(std::chrono::steady_clock::now() + patience);
  in_ = {};
  std::error_code error;
  do {
    in_.reserve(first_read);
  } while (stream_.read_some(in_.space(), error) != 0 && !error);
}

void connection::subscribe(std::string_view channel) {
  if (!mailbox()) open_mailbox();
  if (subscriptions.emplace(channel).second) all_.channels.subscribe(channel, shared_from_this());
}

void connection::unsubscribe(std::string_view channel) {
  const auto at = subscriptions.find(channel);
  if (at == subscriptions.end()) return;
  subscriptions.erase(at);
  all_.channels.unsubscribe(channel, this);
}

void connection::deliver() {
  while (std::optional<message_ref> first = mailbox().recv()) {
    const std::lock_guard hold(writing_);
    collect(std::move(*first));
    if (!flush(messages_)) cut_off();  // serve() notices
    messages_.shrink(most_kept);
  }
}

// This message and those that are waiting behind it, as far as anybody still wants them. [C1]
[[gnu::noinline]] void connection::collect(message_ref what) {
  do {
    if (subscriptions.find(what->channel) == subscriptions.end()) continue;
    messages_.array(3);
    messages_.bulk("message");
    messages_.bulk(what->channel);
    messages_.bulk(what->text);
  } while (messages_.size() < flush_from && mailbox().try_recv(what) == gmp::chan_status::ok);
}

}  // namespace kv
