#include "sched/barrier.hpp"

#include <unwind.h>

#include <cstdint>
#include <cstring>

namespace gmp::detail {
namespace {

// DWARF's encodings of numbers and pointers, as far as compilers use them in exception tables.
constexpr std::uint8_t omitted = 0xff;
constexpr std::uint8_t format_mask = 0x0f;
constexpr std::uint8_t relative = 0x10;  // to the place where the number stands
constexpr std::uint8_t as_absolute = 0x00;
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

// A pointer. False: a form that is not known here.
bool read_pointer(const std::uint8_t*& at, std::uint8_t encoding, std::uintptr_t& value) noexcept {
  const auto place = reinterpret_cast<std::uintptr_t>(at);
  std::int32_t four;
  switch (encoding & format_mask) {
    case as_absolute:
      std::memcpy(&value, at, sizeof value);
      at += sizeof value;
      break;
    case as_udata4:
    case as_sdata4:
      std::memcpy(&four, at, sizeof four);
      at += sizeof four;
      value = static_cast<std::uintptr_t>(std::int64_t{four});
      break;
    default:
      return false;
  }
  if ((encoding & 0x70) == relative) value += place;
  return (encoding & 0x70) == relative || (encoding & 0x70) == 0;
}

enum class verdict { passes, stops, ends_process };

// The language data of one function, or of one part of it (gcc splits off the unlikely one).
struct tables {
  std::uintptr_t region = 0;                // where the function starts
  std::uintptr_t pads = 0;                  // what landing pads are counted from
  const std::uint8_t* types_end = nullptr;  // entries lie before it, by filter number
  std::uint8_t types_encoding = omitted;
  std::uint8_t site_encoding = omitted;
  const std::uint8_t* sites = nullptr;
  const std::uint8_t* actions = nullptr;  // behind the sites
};

bool read_header(tables& t, std::uintptr_t region, const std::uint8_t* at) noexcept {
  t.region = t.pads = region;
  const std::uint8_t pads_encoding = *at++;
  if (pads_encoding != omitted && !read_pointer(at, pads_encoding, t.pads)) return false;
  t.types_encoding = *at++;
  if (t.types_encoding != omitted) {
    const std::uint64_t distance = read_uleb(at);
    t.types_end = at + distance;
  }
  t.site_encoding = *at++;
  const std::uint64_t length = read_uleb(at);
  t.sites = at;
  t.actions = at + length;
  return true;
}

// Is the entry for this filter a catch (...)?
bool catches_all(const tables& t, std::int64_t filter) noexcept {
  if (t.types_encoding == omitted) return true;
  const std::uint8_t format = t.types_encoding & format_mask;
  const std::size_t size = format == as_udata4 || format == as_sdata4 ? 4 : 8;
  std::uint64_t raw = 0;
  std::memcpy(&raw, t.types_end - static_cast<std::uint64_t>(filter) * size, size);
  return raw == 0;
}

// What the list of handlers does with an exception of no declared type.
verdict judge_actions(const tables& t, std::uint64_t first, bool& typed) noexcept {
  if (first == 0) return verdict::passes;  // a cleanup
  const std::uint8_t* at = t.actions + first - 1;
  for (;;) {
    const std::int64_t filter = read_sleb(at);
    const std::uint8_t* link = at;
    const std::int64_t next = read_sleb(at);
    if (filter < 0) return verdict::ends_process;  // throw(): an exception specification
    if (filter > 0 && catches_all(t, filter)) return verdict::stops;
    typed |= filter > 0;
    if (next == 0) return verdict::passes;
    at = link + next;
  }
}

// How far behind a landing pad its deciding call is looked for.
constexpr std::size_t pad_reach = 4096;

// What becomes of an exception that leaves the call before `ip`. Within one function a cleanup goes
// on to the next scope by itself; _Unwind_Resume in a landing pad means that it leaves the
// function.
verdict judge_call(const tables& t, std::uintptr_t ip) noexcept {
  const std::uint64_t offset = ip - 1 - t.region;
  for (const std::uint8_t* at = t.sites; at < t.actions;) {
    std::uint64_t start, size, pad;
    if (!read_offset(at, t.site_encoding, start) || !read_offset(at, t.site_encoding, size) ||
        !read_offset(at, t.site_encoding, pad))
      return verdict::passes;
    const std::uint64_t action = read_uleb(at);
    if (offset < start || offset - start >= size) continue;
    if (pad == 0) return verdict::passes;
    bool typed = false;
    const verdict listed = judge_actions(t, action, typed);
    if (listed == verdict::ends_process) return listed;
    if (listed == verdict::passes && !typed) return listed;  // cleanups alone: there was a way out
    const auto* code = reinterpret_cast<const std::uint8_t*>(t.pads + pad);
    const bool ends = follow_pad(code, pad_reach, typed, listed == verdict::passes) ==
                      pad_end::terminates;  // from a scope in a noexcept function
    return ends ? verdict::ends_process : listed;
  }
  return verdict::ends_process;  // no entry at all: gcc's noexcept
}

// One frame: what its language data says of the call under way.
_Unwind_Reason_Code look(_Unwind_Context* context, void* found) {
  const auto* data = static_cast<const std::uint8_t*>(_Unwind_GetLanguageSpecificData(context));
  if (data == nullptr) return _URC_NO_REASON;
  int before_instruction = 0;
  const std::uintptr_t ip = _Unwind_GetIPInfo(context, &before_instruction);
  tables t;
  if (!read_header(t, _Unwind_GetRegionStart(context), data)) return _URC_NO_REASON;
  const verdict v = judge_call(t, before_instruction != 0 ? ip + 1 : ip);
  if (v == verdict::passes) return _URC_NO_REASON;
  *static_cast<bool*>(found) = v == verdict::ends_process;  // else: stops
  return _URC_END_OF_STACK;
}

}  // namespace

bool throw_would_terminate() {
  bool answer = true;  // a frame that cannot be unwound: the first function of a G stops it
  _Unwind_Backtrace(&look, &answer);
  return answer;
}

}  // namespace gmp::detail
