// Commands on lists.
#include <algorithm>

#include "commands.hpp"

namespace kv {
namespace {

using held = std::unique_ptr<list>;

// The list at a key; null: none, or (answered with an error) something else.
list* find(call& c, store::access& db, const lookup_key& key, bool& wrong) {
  value* const found = db.find(key, c.at);
  if (found == nullptr) return nullptr;
  held* const items = as<held>(c, *found);
  wrong = items == nullptr;
  return wrong ? nullptr : items->get();
}

void push(call& c, bool front) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  bool wrong = false;
  list* items = find(c, db, key, wrong);
  if (wrong) return;
  if (items == nullptr) {
    auto fresh = std::make_unique<list>();
    items = fresh.get();
    db.make(key, c.at).data = std::move(fresh);
  }
  for (const std::string_view each : c.args.subspan(2)) {
    if (front)
      items->emplace_front(each);
    else
      items->emplace_back(each);
  }
  c.out.integer(static_cast<std::int64_t>(items->size()));
}

void lpush(call& c) { push(c, true); }
void rpush(call& c) { push(c, false); }

void pop_one(reply& out, list& items, bool front) {
  if (front) {
    out.bulk(items.front());
    items.pop_front();
  } else {
    out.bulk(items.back());
    items.pop_back();
  }
}

void pop(call& c, bool front) {
  if (c.args.size() > 3) return c.wrong_arity(front ? "lpop" : "rpop");
  const bool several = c.args.size() == 3;
  std::size_t count = 1;
  if (several) {
    const auto number = to_integer(c.args[2]);
    if (!number || *number < 0) return c.out.error("ERR value is out of range, must be positive");
    count = static_cast<std::size_t>(*number);
  }
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  bool wrong = false;
  list* const items = find(c, db, key, wrong);
  if (wrong) return;
  if (items == nullptr) return several ? c.out.null_array() : c.out.null();
  count = std::min(count, items->size());
  if (several) c.out.array(count);
  for (; count != 0; --count) pop_one(c.out, *items, front);
  if (items->empty()) db.erase(key, c.at);
}

void lpop(call& c) { pop(c, true); }
void rpop(call& c) { pop(c, false); }

void llen(call& c) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  bool wrong = false;
  const list* const items = find(c, db, key, wrong);
  if (!wrong) c.out.integer(items == nullptr ? 0 : static_cast<std::int64_t>(items->size()));
}

void lrange(call& c) {
  const auto from = to_integer(c.args[2]);
  const auto to = to_integer(c.args[3]);
  if (!from || !to) return c.not_an_integer();
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  bool wrong = false;
  const list* const items = find(c, db, key, wrong);
  if (wrong) return;
  const std::int64_t size = items == nullptr ? 0 : static_cast<std::int64_t>(items->size());
  // Negative ones count from the end.
  const std::int64_t first = *from >= 0 ? *from : std::max<std::int64_t>(*from + size, 0);
  const std::int64_t last = std::min(*to >= 0 ? *to : *to + size, size - 1);
  if (first > last) return c.out.array(0);
  c.out.array(static_cast<std::size_t>(last - first + 1));
  for (std::int64_t i = first; i <= last; ++i) c.out.bulk((*items)[static_cast<std::size_t>(i)]);
}

constexpr command all[] = {
    {"lpush", lpush, -3}, {"rpush", rpush, -3}, {"lpop", lpop, -2},
    {"rpop", rpop, -2},   {"llen", llen, 2},    {"lrange", lrange, 4},
};

}  // namespace

std::span<const command> list_commands() { return all; }

}  // namespace kv
