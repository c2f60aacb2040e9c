// What clients can ask for. Commands answer as Redis 7 does in protocol version 2.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "buffer.hpp"
#include "pubsub.hpp"
#include "store.hpp"

namespace kv {

// What all connections share.
struct world {
  store db;
  hub channels;
  std::uint16_t port = 0;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> connections{0};  // now
  std::atomic<std::uint64_t> accepted{0};     // ever
  std::atomic<std::uint64_t> commands{0};
};

// What a connection is to the commands.
struct session {
  std::uint64_t id = 0;
  std::string name;
  bool quit = false;  // answer, then close
  std::set<std::string, std::less<>> subscriptions;

  bool listens() const { return !subscriptions.empty(); }
  virtual void subscribe(std::string_view channel) = 0;
  virtual void unsubscribe(std::string_view channel) = 0;

 protected:
  ~session() = default;
};

using arguments = std::span<const std::string_view>;

// One command under way.
struct call {
  world& all;
  session& who;
  reply& out;
  milliseconds at;
  arguments args{};  // the name first

  void syntax_error() { out.error("ERR syntax error"); }
  void wrong_type() {
    out.error("WRONGTYPE Operation against a key holding the wrong kind of value");
  }
  void not_an_integer() { out.error("ERR value is not an integer or out of range"); }
  void wrong_arity(std::string_view of);
};

struct command {
  std::string_view name;  // in lower case
  void (*run)(call&);
  int arity;               // arguments, the name included; negative: at least so many
  bool listening = false;  // allowed while subscribed
};

// Each file's commands.
std::span<const command> string_commands();
std::span<const command> key_commands();
std::span<const command> list_commands();
std::span<const command> hash_commands();
std::span<const command> channel_commands();
std::span<const command> server_commands();
std::size_t command_count();

// Answers one command, whatever it is.
void execute(call& what);

// ---- for the commands themselves ----------------------------------------------------------------

// Strict as Redis: the whole text, no blanks, no plus sign, no zeros in front.
std::optional<std::int64_t> to_integer(std::string_view text);
// Without regard to case; `name` is in lower case.
bool is_word(std::string_view text, std::string_view name);

// A point of time from a number of `unit` milliseconds from now; nullopt: cannot be told.
std::optional<milliseconds> expiry(std::int64_t amount, std::int64_t unit, milliseconds at);

// The value as a T; null and an error in the answer when it is something else.
template <class T>
T* as(call& c, value& v) {
  T* const found = std::get_if<T>(&v.data);
  if (found == nullptr) c.wrong_type();
  return found;
}

}  // namespace kv
