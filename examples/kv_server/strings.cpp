// Commands on strings and numbers.
#include <charconv>
#include <limits>

#include "commands.hpp"

namespace kv {
namespace {

void get(call& c) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  value* const found = db.find(key, c.at);
  if (found == nullptr) return c.out.null();
  if (const auto* text = as<std::string>(c, *found)) c.out.bulk(*text);
}

struct set_options {
  bool if_missing = false;
  bool if_there = false;
  milliseconds expires = never;
};

// False: answered with an error.
bool parse(call& c, set_options& options) {
  for (std::size_t i = 3; i < c.args.size(); ++i) {
    const std::string_view word = c.args[i];
    const bool seconds = is_word(word, "ex");
    if (is_word(word, "nx") && !options.if_there) {
      options.if_missing = true;
    } else if (is_word(word, "xx") && !options.if_missing) {
      options.if_there = true;
    } else if ((seconds || is_word(word, "px")) && options.expires == never &&
               i + 1 < c.args.size()) {
      const auto amount = to_integer(c.args[++i]);
      if (!amount) return c.not_an_integer(), false;
      const auto when = expiry(*amount, seconds ? 1000 : 1, c.at);
      if (*amount <= 0 || !when)
        return c.out.error("ERR invalid expire time in 'set' command"), false;
      options.expires = *when;
    } else {
      return c.syntax_error(), false;
    }
  }
  return true;
}

void assign(value& to, std::string_view text) {
  if (auto* there = std::get_if<std::string>(&to.data))
    there->assign(text);
  else
    to.data = std::string(text);
}

void set(call& c) {
  set_options options;
  if (c.args.size() > 3 && !parse(c, options)) return;
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  value* to = db.find(key, c.at);
  if (to != nullptr ? options.if_missing : options.if_there) return c.out.null();
  if (to == nullptr) to = &db.make(key, c.at);
  assign(*to, c.args[2]);
  db.expire(*to, key, options.expires);
  c.out.ok();
}

void mget(call& c) {
  const arguments keys = c.args.subspan(1);
  store::access db(c.all.db, keys, 1);
  c.out.array(keys.size());
  for (const std::string_view each : keys) {
    value* const found = db.find(make_key(each), c.at);
    const auto* text = found == nullptr ? nullptr : std::get_if<std::string>(&found->data);
    if (text != nullptr)
      c.out.bulk(*text);
    else
      c.out.null();
  }
}

void mset(call& c) {
  if (c.args.size() % 2 == 0) return c.wrong_arity("mset");
  const arguments pairs = c.args.subspan(1);
  store::access db(c.all.db, pairs, 2);
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    const lookup_key key = make_key(pairs[i]);
    value& to = db.make(key, c.at);
    assign(to, pairs[i + 1]);
    db.expire(to, key, never);
  }
  c.out.ok();
}

void add(call& c, std::int64_t amount) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  value* to = db.find(key, c.at);
  std::int64_t number = 0;
  if (to != nullptr) {
    const auto* text = as<std::string>(c, *to);
    if (text == nullptr) return;
    const auto old = to_integer(*text);
    if (!old) return c.not_an_integer();
    number = *old;
  }
  if (__builtin_add_overflow(number, amount, &number))
    return c.out.error("ERR increment or decrement would overflow");
  if (to == nullptr) to = &db.make(key, c.at);
  char digits[24];
  const char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  assign(*to, std::string_view(digits, static_cast<std::size_t>(end - digits)));
  c.out.integer(number);
}

void incr(call& c) { add(c, 1); }
void decr(call& c) { add(c, -1); }

void incrby(call& c) {
  const auto amount = to_integer(c.args[2]);
  if (!amount) return c.not_an_integer();
  add(c, *amount);
}

void decrby(call& c) {
  const auto amount = to_integer(c.args[2]);
  if (!amount) return c.not_an_integer();
  if (*amount == std::numeric_limits<std::int64_t>::min())
    return c.out.error("ERR decrement would overflow");
  add(c, -*amount);
}

void strlen(call& c) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  value* const found = db.find(key, c.at);
  if (found == nullptr) return c.out.integer(0);
  if (const auto* text = as<std::string>(c, *found))
    c.out.integer(static_cast<std::int64_t>(text->size()));
}

constexpr command all[] = {
    {"get", get, 2},       {"set", set, -3},      {"mget", mget, -2},
    {"mset", mset, -3},    {"incr", incr, 2},     {"decr", decr, 2},
    {"incrby", incrby, 3}, {"decrby", decrby, 3}, {"strlen", strlen, 2},
};

}  // namespace

std::span<const command> string_commands() { return all; }

}  // namespace kv
