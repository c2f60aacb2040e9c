// Keys and values, shared by all connections.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include <gmp/mutex.hpp>

namespace kv {

// Milliseconds of a clock that never goes back.
using milliseconds = std::int64_t;
milliseconds now();

// A key to look for, with its hash.
struct lookup_key {
  std::string_view text;
  std::size_t hash;
};
lookup_key make_key(std::string_view text);

struct text_hash {
  using is_transparent = void;
  std::size_t operator()(const std::string& text) const { return make_key(text).hash; }
  std::size_t operator()(const lookup_key& key) const { return key.hash; }
};
struct text_equal {
  using is_transparent = void;
  bool operator()(const std::string& a, const std::string& b) const { return a == b; }
  bool operator()(const lookup_key& a, const std::string& b) const { return a.text == b; }
  bool operator()(const std::string& a, const lookup_key& b) const { return a == b.text; }
};
template <class T>
using table = std::unordered_map<std::string, T, text_hash, text_equal>;

using list = std::deque<std::string>;
using hash = table<std::string>;
constexpr milliseconds never = 0;

struct value {
  std::variant<std::string, std::unique_ptr<list>, std::unique_ptr<hash>> data;
  milliseconds expires = never;
};

// S1  A shard's lock is held by whoever reads or changes it; who needs several takes them in
//     ascending order.
// S2  No lock is held across a call that may wait for a client.
// S3  A value that has expired is never handed out: find() removes it first.
class store {
 public:
  static constexpr std::size_t shards = 64;

  // Holds the locks of the shards of some keys; all work with these keys goes through it.
  class access {
   public:
    access(store& in, const lookup_key& key) : access(in, bit(key)) {}
    // Every stride-th of the texts is a key.
    access(store& in, std::span<const std::string_view> texts, std::size_t stride)
        : access(in, bits(texts, stride)) {}
    access(const access&) = delete;
    access& operator=(const access&) = delete;
    ~access();

    // Null: there is none (any more) [S3].
    value* find(const lookup_key& key, milliseconds now);
    // The value, a new empty string if there is none.
    value& make(const lookup_key& key, milliseconds now);
    bool erase(const lookup_key& key, milliseconds now);
    void expire(value& what, const lookup_key& key, milliseconds when);

   private:
    friend class store;
    access(store& in, std::uint64_t mask);
    static std::uint64_t bit(const lookup_key& key) { return 1ull << index(key); }
    static std::uint64_t bits(std::span<const std::string_view> texts, std::size_t stride);

    store& in_;
    std::uint64_t mask_;
  };

  // Keys, those that have expired unnoticed included; and how many of them will expire.
  std::pair<std::size_t, std::size_t> size();
  void clear();
  // Removes a part of what has expired; to be called every now and then.
  void sweep(milliseconds now);
  std::uint64_t expired() const { return expired_.load(std::memory_order_relaxed); }

 private:
  // One per cache line, so that Ps do not take the line from each other.
  struct alignas(64) shard {
    gmp::mutex lock;
    table<value> entries;
    std::size_t mortal = 0;  // entries that will expire
    std::size_t cursor = 0;  // the bucket at which the next sweep begins
  };
  static std::size_t index(const lookup_key& key) { return key.hash >> 58; }
  static_assert(shards == 64);
  shard& of(const lookup_key& key) { return shards_[index(key)]; }
  void remove(shard& from, table<value>::iterator at);
  std::size_t sweep_some(shard& in, milliseconds now);

  std::array<shard, shards> shards_;
  std::atomic<std::uint64_t> expired_{0};
};

}  // namespace kv
