// Commands on keys, whatever their values are.
#include "commands.hpp"

namespace kv {
namespace {

void del(call& c) {
  const arguments keys = c.args.subspan(1);
  store::access db(c.all.db, keys, 1);
  std::int64_t gone = 0;
  for (const std::string_view each : keys) gone += db.erase(make_key(each), c.at) ? 1 : 0;
  c.out.integer(gone);
}

void exists(call& c) {
  const arguments keys = c.args.subspan(1);
  store::access db(c.all.db, keys, 1);
  std::int64_t there = 0;
  for (const std::string_view each : keys) there += db.find(make_key(each), c.at) != nullptr;
  c.out.integer(there);
}

void type(call& c) {
  static constexpr std::string_view names[] = {"string", "list", "hash"};
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  const value* const found = db.find(key, c.at);
  c.out.simple(found == nullptr ? "none" : names[found->data.index()]);
}

void expire_in(call& c, std::int64_t unit, std::string_view name) {
  const auto amount = to_integer(c.args[2]);
  if (!amount) return c.not_an_integer();
  const auto when = expiry(*amount, unit, c.at);
  if (!when) {
    std::string text = "ERR invalid expire time in '";
    return c.out.error(text.append(name).append("' command"));
  }
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  value* const found = db.find(key, c.at);
  if (found == nullptr) return c.out.integer(0);
  if (*amount <= 0)
    db.erase(key, c.at);
  else
    db.expire(*found, key, *when);
  c.out.integer(1);
}

void expire(call& c) { expire_in(c, 1000, "expire"); }
void pexpire(call& c) { expire_in(c, 1, "pexpire"); }

void persist(call& c) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  value* const found = db.find(key, c.at);
  const bool mortal = found != nullptr && found->expires != never;
  if (mortal) db.expire(*found, key, never);
  c.out.integer(mortal ? 1 : 0);
}

// Milliseconds; -1: for ever, -2: there is no such key.
milliseconds left(call& c) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  const value* const found = db.find(key, c.at);
  if (found == nullptr) return -2;
  return found->expires == never ? -1 : found->expires - c.at;
}

void ttl(call& c) {
  const milliseconds time = left(c);
  c.out.integer(time < 0 ? time : (time + 500) / 1000);
}

void pttl(call& c) { c.out.integer(left(c)); }

void dbsize(call& c) { c.out.integer(static_cast<std::int64_t>(c.all.db.size().first)); }

void flush(call& c) {
  const bool good =
      c.args.size() == 1 ||
      (c.args.size() == 2 && (is_word(c.args[1], "sync") || is_word(c.args[1], "async")));
  if (!good) return c.syntax_error();
  c.all.db.clear();
  c.out.ok();
}

constexpr command all[] = {
    {"del", del, -2},      {"unlink", del, -2},     {"exists", exists, -2},  {"type", type, 2},
    {"expire", expire, 3}, {"pexpire", pexpire, 3}, {"persist", persist, 2}, {"ttl", ttl, 2},
    {"pttl", pttl, 2},     {"dbsize", dbsize, 1},   {"flushall", flush, -1}, {"flushdb", flush, -1},
};

}  // namespace

std::span<const command> key_commands() { return all; }

}  // namespace kv
