#include "store.hpp"

#include <bit>
#include <chrono>
#include <cstring>
#include <random>
#include <vector>

namespace kv {
namespace {

// Differs from run to run, so that nobody can choose keys that collide.
const std::uint64_t seed =
    (static_cast<std::uint64_t>(std::random_device{}()) << 32) | std::random_device{}();

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t word(const char* from, std::size_t n) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, from, n);
  return bytes;
}

}  // namespace

milliseconds now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

lookup_key make_key(std::string_view text) {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;  // the golden ratio: bits without a pattern
  std::uint64_t hash = seed ^ text.size();
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; left -= 8, at += 8) hash = mixed(hash ^ word(at, 8), odd ^ seed);
  if (left != 0) hash = mixed(hash ^ word(at, left), odd ^ seed);
  return {text, mixed(hash, odd)};
}

std::uint64_t store::access::bits(std::span<const std::string_view> texts, std::size_t stride) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < texts.size(); i += stride) mask |= bit(make_key(texts[i]));
  return mask;
}

store::access::access(store& in, std::uint64_t mask) : in_(in), mask_(0) {
  for (; mask != 0; mask &= mask - 1) {  // [S1]
    in_.shards_[static_cast<std::size_t>(std::countr_zero(mask))].lock.lock();
    mask_ |= mask & -mask;
  }
}

store::access::~access() {
  for (std::uint64_t mask = mask_; mask != 0; mask &= mask - 1)
    in_.shards_[static_cast<std::size_t>(std::countr_zero(mask))].lock.unlock();
}

void store::remove(shard& from, table<value>::iterator at) {
  if (at->second.expires != never) --from.mortal;
  from.entries.erase(at);
}

value* store::access::find(const lookup_key& key, milliseconds now) {
  shard& in = in_.of(key);
  const auto at = in.entries.find(key);
  if (at == in.entries.end()) return nullptr;
  if (at->second.expires != never && at->second.expires <= now) {
    in_.remove(in, at);
    in_.expired_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  return &at->second;
}

value& store::access::make(const lookup_key& key, milliseconds now) {
  if (value* there = find(key, now)) return *there;
  return in_.of(key).entries.try_emplace(std::string(key.text)).first->second;
}

bool store::access::erase(const lookup_key& key, milliseconds now) {
  if (find(key, now) == nullptr) return false;
  shard& in = in_.of(key);
  in_.remove(in, in.entries.find(key));
  return true;
}

void store::access::expire(value& what, const lookup_key& key, milliseconds when) {
  if (what.expires == when) return;
  shard& in = in_.of(key);
  if (what.expires == never) ++in.mortal;
  if (when == never) --in.mortal;
  what.expires = when;
}

std::pair<std::size_t, std::size_t> store::size() {
  std::size_t all = 0;
  std::size_t mortal = 0;
  for (shard& each : shards_) {
    const std::lock_guard hold(each.lock);
    all += each.entries.size();
    mortal += each.mortal;
  }
  return {all, mortal};
}

void store::clear() {
  std::vector<table<value>> old(shards);  // ends after the locks: freeing may take long
  const access all(*this, ~std::uint64_t{0});
  for (std::size_t i = 0; i < shards; ++i) {
    old[i].swap(shards_[i].entries);
    shards_[i].mortal = 0;
    shards_[i].cursor = 0;
  }
}

// A few buckets from the cursor on; returns how many values it removed.
std::size_t store::sweep_some(shard& in, milliseconds now) {
  constexpr std::size_t buckets_at_once = 64;
  std::size_t removed = 0;
  const std::lock_guard hold(in.lock);
  for (std::size_t n = 0; n < buckets_at_once && in.mortal != 0; ++n) {
    const std::size_t count = in.entries.bucket_count();
    if (in.cursor >= count) in.cursor = 0;
    std::vector<std::string> gone;
    for (auto at = in.entries.begin(in.cursor); at != in.entries.end(in.cursor); ++at)
      if (at->second.expires != never && at->second.expires <= now) gone.push_back(at->first);
    for (const std::string& key : gone) remove(in, in.entries.find(key));
    removed += gone.size();
    ++in.cursor;
  }
  expired_.fetch_add(removed, std::memory_order_relaxed);
  return removed;
}

void store::sweep(milliseconds now) {
  constexpr int most_rounds = 256;  // of one shard: bounds the time of a sweep
  constexpr std::size_t worthwhile = 4;
  for (shard& each : shards_)
    for (int round = 0; round < most_rounds && sweep_some(each, now) >= worthwhile; ++round) {
    }
}

}  // namespace kv
