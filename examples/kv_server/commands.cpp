#include "commands.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace kv {
namespace {

// A name of at most 16 bytes, in lower case, as two numbers: quick to compare and to hash.
struct packed_name {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const packed_name&, const packed_name&) = default;
};

// Sets the bit that makes a letter small. Other bytes may collide that way (not within the names of
// commands, which are letters): is_word() has the last word.
packed_name pack(std::string_view name) {
  constexpr std::uint64_t small = 0x2020202020202020;
  packed_name packed;
  if (name.size() <= 8) {
    std::memcpy(&packed.low, name.data(), name.size());
  } else {
    std::memcpy(&packed.low, name.data(), 8);
    std::memcpy(&packed.high, name.data() + 8, name.size() - 8);
  }
  packed.low |= small;
  packed.high |= small;
  return packed;
}

// Open addressing; made once, then only read.
class name_table {
 public:
  name_table() {
    for (const auto each : {string_commands(), key_commands(), list_commands(), hash_commands(),
                            channel_commands(), server_commands()})
      for (const command& one : each) add(one);
  }
  const command* find(std::string_view name) const {
    if (name.size() > longest) return nullptr;
    const packed_name packed = pack(name);
    for (std::size_t at = place(packed);; ++at) {
      const entry& here = entries_[at % entries_.size()];
      if (here.what == nullptr) return nullptr;
      if (here.name == packed && is_word(name, here.what->name)) return here.what;
    }
  }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t longest = 16;
  struct entry {
    packed_name name;
    const command* what = nullptr;
  };
  static std::size_t place(const packed_name& name) {
    return ((name.low ^ (name.high << 1)) * 0x9e3779b97f4a7c15) >> 56;
  }
  void add(const command& one) {
    const packed_name packed = pack(one.name);
    std::size_t at = place(packed);
    while (entries_[at % entries_.size()].what != nullptr) ++at;
    entries_[at % entries_.size()] = {packed, &one};
    ++size_;
  }

  std::array<entry, 256> entries_;  // several times as many as there are commands
  std::size_t size_ = 0;
};

const name_table& names() {
  static const name_table table;
  return table;
}

void unknown(call& c) {
  constexpr std::size_t most = 128;  // bytes of the client's own words
  std::string text = "ERR unknown command '";
  text.append(c.args[0].substr(0, most)).append("', with args beginning with: ");
  std::size_t told = 0;
  for (const std::string_view each : c.args.subspan(1)) {
    if (told >= most) break;
    const std::string_view part = each.substr(0, most - told);
    text.append("'").append(part).append("' ");
    told += part.size();
  }
  c.out.error(text);
}

}  // namespace

void call::wrong_arity(std::string_view of) {
  std::string text = "ERR wrong number of arguments for '";
  out.error(text.append(of).append("' command"));
}

std::size_t command_count() { return names().size(); }

void execute(call& c) {
  const command* const found = names().find(c.args[0]);
  if (found == nullptr) return unknown(c);
  const auto count = static_cast<int>(c.args.size());
  if (found->arity >= 0 ? count != found->arity : count < -found->arity)
    return c.wrong_arity(found->name);
  if (c.who.listens() && !found->listening) {
    std::string text = "ERR Can't execute '";
    text.append(found->name)
        .append(
            "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
            "context");
    return c.out.error(text);
  }
  found->run(c);
}

std::optional<std::int64_t> to_integer(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  const std::string_view digits = text.substr(text.front() == '-' ? 1 : 0);
  if (digits.front() == '0' && text.size() > 1) return std::nullopt;
  return number;
}

bool is_word(std::string_view text, std::string_view name) {
  if (text.size() != name.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c) != name[i]) return false;
  }
  return true;
}

std::optional<milliseconds> expiry(std::int64_t amount, std::int64_t unit, milliseconds at) {
  std::int64_t delay = 0;
  std::int64_t when = 0;
  if (__builtin_mul_overflow(amount, unit, &delay) || __builtin_add_overflow(delay, at, &when))
    return std::nullopt;
  return when == never ? 1 : when;
}

}  // namespace kv
