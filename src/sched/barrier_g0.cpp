#include "sched/barrier.hpp"

#include <unwind.h>

#include <cstdint>
#include <cstring>

namespace gmp::detail {
namespace {

// DWARF's encodings of numbers and pointers, as far as compilers use them in exception tables.
constexpr std::uint8_t omitted = 0xff;
constexpr std::uint8_t format_mask = 0x0f;
constexpr std::uint8_t as_uleb = 0x01;
constexpr std::uint8_t as_udata4 = 0x03;
constexpr std::uint8_t as_sdata4 = 0x0b;

std::uint64_t read_uleb(const std::uint8_t*& at) noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const std::uint8_t byte = *at++;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
}

std::int64_t read_sleb(const std::uint8_t*& at) noexcept {
  std::int64_t value = 0;
  for (unsigned shift = 0;;) {
    const std::uint8_t byte = *at++;
    value |= static_cast<std::int64_t>(byte & 0x7f) << shift;
    shift += 7;
    if ((byte & 0x80) == 0) {
      if ((byte & 0x40) != 0 && shift < 64) value |= -(std::int64_t{1} << shift);
      return value;
    }
  }
}

// An offset of the call-site table. False: a form that is not known here.
bool read_offset(const std::uint8_t*& at, std::uint8_t encoding, std::uint64_t& value) noexcept {
  std::uint32_t four;
  switch (encoding & format_mask) {
    case as_uleb:
      value = read_uleb(at);
      return true;
    case as_udata4:
    case as_sdata4:
      std::memcpy(&four, at, sizeof four);
      at += sizeof four;
      value = four;
      return true;
    default:
      return false;
  }
}

enum class verdict { passes, stops, ends_process };

struct tables {
  const std::uint8_t* types_end = nullptr;  // entries lie before it, by filter number
  std::uint8_t types_encoding = omitted;
  const std::uint8_t* actions = nullptr;
};

// Is the entry for this filter a catch (...)?
bool catches_all(const tables& t, std::int64_t filter) noexcept {
  if (t.types_encoding == omitted) return true;
  const std::uint8_t format = t.types_encoding & format_mask;
  const std::size_t size = format == as_udata4 || format == as_sdata4 ? 4 : 8;
  std::uint64_t raw = 0;
  std::memcpy(&raw, t.types_end - static_cast<std::uint64_t>(filter) * size, size);
  return raw == 0;
}

verdict judge_actions(const tables& t, std::uint64_t first) noexcept {
  const std::uint8_t* at = t.actions + first - 1;
  for (;;) {
    const std::int64_t filter = read_sleb(at);
    const std::uint8_t* link = at;
    const std::int64_t next = read_sleb(at);
    if (filter < 0) return verdict::ends_process;  // throw(): an exception specification
    if (filter > 0 && catches_all(t, filter)) return verdict::stops;
    if (next == 0) return verdict::passes;
    at = link + next;
  }
}

// One frame: what its language data says of the call under way.
verdict judge(_Unwind_Context* context, const std::uint8_t* data) noexcept {
  int before_instruction = 0;
  std::uintptr_t ip = _Unwind_GetIPInfo(context, &before_instruction);
  if (before_instruction == 0) --ip;
  const std::uint64_t offset = ip - _Unwind_GetRegionStart(context);
  const std::uint8_t* at = data;
  if (*at++ != omitted) return verdict::passes;  // landing pads elsewhere: nobody does that here
  tables t;
  t.types_encoding = *at++;
  if (t.types_encoding != omitted) {
    const std::uint64_t distance = read_uleb(at);
    t.types_end = at + distance;
  }
  const std::uint8_t site_encoding = *at++;
  const std::uint64_t length = read_uleb(at);
  const std::uint8_t* const end = at + length;
  t.actions = end;
  while (at < end) {
    std::uint64_t start, size, pad;
    if (!read_offset(at, site_encoding, start) || !read_offset(at, site_encoding, size) ||
        !read_offset(at, site_encoding, pad))
      return verdict::passes;
    const std::uint64_t action = read_uleb(at);
    if (offset < start) break;
    if (offset >= start + size) continue;
    return pad == 0 || action == 0 ? verdict::passes : judge_actions(t, action);
  }
  return verdict::ends_process;  // no entry at all: gcc's noexcept
}

_Unwind_Reason_Code look(_Unwind_Context* context, void* found) {
  const auto* data = static_cast<const std::uint8_t*>(_Unwind_GetLanguageSpecificData(context));
  if (data == nullptr) return _URC_NO_REASON;
  const verdict v = judge(context, data);
  if (v == verdict::passes) return _URC_NO_REASON;
  *static_cast<bool*>(found) = v == verdict::ends_process;
  return _URC_END_OF_STACK;
}

}  // namespace

bool throw_would_terminate() {
  bool answer = false;
  _Unwind_Backtrace(&look, &answer);
  return answer;
}

}  // namespace gmp::detail
