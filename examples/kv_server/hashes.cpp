// Commands on hashes.
#include "commands.hpp"

namespace kv {
namespace {

using held = std::unique_ptr<hash>;

// The hash at a key; null: none, or (answered with an error) something else.
hash* find(call& c, store::access& db, const lookup_key& key, bool& wrong) {
  value* const found = db.find(key, c.at);
  if (found == nullptr) return nullptr;
  held* const fields = as<held>(c, *found);
  wrong = fields == nullptr;
  return wrong ? nullptr : fields->get();
}

void hset(call& c) {
  if (c.args.size() % 2 != 0) return c.wrong_arity("hset");
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  bool wrong = false;
  hash* fields = find(c, db, key, wrong);
  if (wrong) return;
  if (fields == nullptr) {
    auto fresh = std::make_unique<hash>();
    fields = fresh.get();
    db.make(key, c.at).data = std::move(fresh);
  }
  std::int64_t added = 0;
  for (std::size_t i = 2; i < c.args.size(); i += 2) {
    const auto at = fields->find(make_key(c.args[i]));
    if (at != fields->end()) {
      at->second.assign(c.args[i + 1]);
    } else {
      fields->emplace(c.args[i], c.args[i + 1]);
      ++added;
    }
  }
  c.out.integer(added);
}

void hget(call& c) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  bool wrong = false;
  const hash* const fields = find(c, db, key, wrong);
  if (wrong) return;
  if (fields == nullptr) return c.out.null();
  const auto at = fields->find(make_key(c.args[2]));
  if (at == fields->end()) return c.out.null();
  c.out.bulk(at->second);
}

void hdel(call& c) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  bool wrong = false;
  hash* const fields = find(c, db, key, wrong);
  if (wrong) return;
  if (fields == nullptr) return c.out.integer(0);
  std::int64_t gone = 0;
  for (const std::string_view each : c.args.subspan(2)) {
    const auto at = fields->find(make_key(each));
    if (at == fields->end()) continue;
    fields->erase(at);
    ++gone;
  }
  if (fields->empty()) db.erase(key, c.at);
  c.out.integer(gone);
}

void hgetall(call& c) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  bool wrong = false;
  const hash* const fields = find(c, db, key, wrong);
  if (wrong) return;
  if (fields == nullptr) return c.out.array(0);
  c.out.array(2 * fields->size());
  for (const auto& [field, text] : *fields) {
    c.out.bulk(field);
    c.out.bulk(text);
  }
}

void hlen(call& c) {
  const lookup_key key = make_key(c.args[1]);
  store::access db(c.all.db, key);
  bool wrong = false;
  const hash* const fields = find(c, db, key, wrong);
  if (!wrong) c.out.integer(fields == nullptr ? 0 : static_cast<std::int64_t>(fields->size()));
}

constexpr command all[] = {
    {"hset", hset, -4}, {"hget", hget, 3},       {"hdel", hdel, -3},
    {"hlen", hlen, 2},  {"hgetall", hgetall, 2},
};

}  // namespace

std::span<const command> hash_commands() { return all; }

}  // namespace kv
