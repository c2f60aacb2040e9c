// Which runtime function does a landing pad call first? Its bytes are searched for call
// instructions; the few functions in question are told by their addresses, also through the
// linkage table (PLT) and the thunks of wrapped.S, or by their names where the linkage table is not
// filled in yet. A four-byte displacement that fits by accident is next to impossible.
#include <cxxabi.h>
#include <elf.h>
#include <link.h>
#include <unwind.h>

#include <cstring>
#include <exception>
#include <string_view>

#include "sched/barrier.hpp"

namespace gmp::detail {

#if defined(__x86_64__)

namespace {

using code = const std::uint8_t*;

std::int32_t displacement(code at) noexcept {
  std::int32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// The slot of the global offset table through which the code at `at` jumps on; null: it is no stub.
void* const* slot_of_stub(code at) noexcept {
  constexpr std::uint8_t end_branch[] = {0xf3, 0x0f, 0x1e, 0xfa};
  constexpr std::uint8_t split_mark[] = {0xf9, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0};  // wrapped.S
  if (std::memcmp(at, end_branch, sizeof end_branch) == 0) at += sizeof end_branch;
  if (std::memcmp(at, split_mark, sizeof split_mark) == 0) at += sizeof split_mark;
  if (*at == 0xf2) ++at;               // bnd
  if (at[0] == 0xff && at[1] == 0x25)  // jmp *slot(%rip)
    return reinterpret_cast<void* const*>(at + 6 + displacement(at + 2));
  if (at[0] == 0x4c && at[1] == 0x8b && at[2] == 0x1d)  // mov slot(%rip), %r11
    return reinterpret_cast<void* const*>(at + 7 + displacement(at + 3));
  return nullptr;
}

struct slot_search {
  const void* slot;
  const char* name;
};

template <class T>
T table_at(const dl_phdr_info& module, ElfW(Addr) address) noexcept {
  // The dynamic linker has relocated these in place, except in read-only sections.
  return reinterpret_cast<T>(address < module.dlpi_addr ? address + module.dlpi_addr : address);
}

// Names the symbol whose address belongs into the slot, if the slot is one of this module's.
int search_module(dl_phdr_info* module, std::size_t, void* arg) {
  auto& search = *static_cast<slot_search*>(arg);
  const auto wanted = reinterpret_cast<ElfW(Addr)>(search.slot);
  const ElfW(Dyn)* dynamic = nullptr;
  bool ours = false;
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = module->dlpi_phdr[i];
    const ElfW(Addr) start = module->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_DYNAMIC) dynamic = reinterpret_cast<const ElfW(Dyn)*>(start);
    if (part.p_type == PT_LOAD) ours |= wanted >= start && wanted - start < part.p_memsz;
  }
  if (!ours || dynamic == nullptr) return 0;
  ElfW(Addr) relocations = 0, symbols = 0, strings = 0;
  std::size_t bytes = 0;
  for (; dynamic->d_tag != DT_NULL; ++dynamic) {
    if (dynamic->d_tag == DT_JMPREL) relocations = dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_PLTRELSZ) bytes = dynamic->d_un.d_val;
    if (dynamic->d_tag == DT_SYMTAB) symbols = dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_STRTAB) strings = dynamic->d_un.d_ptr;
  }
  if (relocations == 0 || symbols == 0 || strings == 0) return 1;
  const auto* relocation = table_at<const ElfW(Rela)*>(*module, relocations);
  for (std::size_t n = bytes / sizeof(ElfW(Rela)); n > 0; --n, ++relocation) {
    if (module->dlpi_addr + relocation->r_offset != wanted) continue;
    const auto* symbol =
        table_at<const ElfW(Sym)*>(*module, symbols) + ELF64_R_SYM(relocation->r_info);
    search.name = table_at<const char*>(*module, strings) + symbol->st_name;
    return 1;
  }
  return 1;
}

struct range {
  code start;
  code end;
  ElfW(Word) flags;
};

int holds_range(dl_phdr_info* module, std::size_t, void* arg) {
  const auto& wanted = *static_cast<const range*>(arg);
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = module->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & wanted.flags) == 0) continue;
    const auto* start = reinterpret_cast<code>(module->dlpi_addr + part.p_vaddr);
    if (wanted.start >= start && wanted.end <= start + part.p_memsz) return 1;
  }
  return 0;
}

bool is_mapped(const void* start, std::size_t bytes, ElfW(Word) flags) noexcept {
  range wanted{static_cast<code>(start), static_cast<code>(start) + bytes, flags};
  return dl_iterate_phdr(&holds_range, &wanted) != 0;
}

constexpr std::size_t stub_bytes = 24;

// What stands in the slot that the stub at `at` jumps through; null: it is no stub.
void* const* readable_slot(const void* at) noexcept {
  if (!is_mapped(at, stub_bytes, PF_X)) return nullptr;
  void* const* slot = slot_of_stub(static_cast<code>(at));
  return slot != nullptr && is_mapped(slot, sizeof *slot, PF_R) ? slot : nullptr;
}

// `known` may itself be a stub: of this module's linkage table, or a thunk of wrapped.S.
bool is_same(const void* target, const void* known) noexcept {
  if (target == known) return true;
  void* const* slot = readable_slot(known);
  return slot != nullptr && target == *slot;
}

pad_end by_address(const void* target) noexcept {
  if (is_same(target, reinterpret_cast<void*>(&_Unwind_Resume))) return pad_end::resumes;
  if (is_same(target, reinterpret_cast<void*>(&abi::__cxa_begin_catch))) return pad_end::catches;
  if (is_same(target, reinterpret_cast<void*>(static_cast<void (*)() noexcept>(&std::terminate))))
    return pad_end::terminates;
  return pad_end::unknown;
}

pad_end by_name(std::string_view name) noexcept {
  if (name == "_Unwind_Resume") return pad_end::resumes;
  if (name == "__cxa_begin_catch") return pad_end::catches;
  if (name == "_ZSt9terminatev") return pad_end::terminates;
  return pad_end::unknown;
}

pad_end by_slot(void* const* slot) noexcept {
  if (const pad_end found = by_address(*slot); found != pad_end::unknown) return found;
  if (void* const* further = readable_slot(*slot); further != nullptr) {
    if (const pad_end found = by_address(*further); found != pad_end::unknown) return found;
  }
  slot_search search{slot, nullptr};
  dl_iterate_phdr(&search_module, &search);
  return search.name == nullptr ? pad_end::unknown : by_name(search.name);
}

constexpr std::size_t terminator_bytes = 64;

pad_end judge_target(code target) noexcept {
  if (const pad_end found = by_address(target); found != pad_end::unknown) return found;
  void* const* slot = readable_slot(target);
  return slot != nullptr ? by_slot(slot) : pad_end::unknown;
}

// clang's __clang_call_terminate: begins a catch and terminates, nothing else.
bool is_terminator(code target) noexcept {
  if (!is_mapped(target, terminator_bytes, PF_X)) return false;
  bool caught = false;
  for (code at = target; at < target + terminator_bytes - 5; ++at) {
    if (*at == 0xc3) return false;  // its end, before it terminated
    if (*at != 0xe8) continue;
    const pad_end found = judge_target(at + 5 + displacement(at + 1));
    if (found == pad_end::terminates) return caught;
    caught |= found == pad_end::catches;
  }
  return false;
}

// Where it goes on after a comparison of the exception's number with that of a handler, when the
// handler is for another type. Null: no such comparison is here.
code after_mismatch(code at) noexcept {
  if (at[0] == 0x83 &&
      (at[1] >= 0xf8 || (at[1] >= 0xe8 && at[1] < 0xf0))) {  // cmp or sub $number, %register
    at += 3;
  } else if ((at[0] == 0x39 || at[0] == 0x3b) && at[1] >= 0xc0) {  // cmp %register, %register
    at += 2;
  } else {
    return nullptr;
  }
  if (at[0] == 0x75) return at + 2 + static_cast<std::int8_t>(at[1]);        // jne
  if (at[0] == 0x74) return at + 2;                                          // je
  if (at[0] == 0x0f && at[1] == 0x85) return at + 6 + displacement(at + 2);  // jne, far
  if (at[0] == 0x0f && at[1] == 0x84) return at + 6;                         // je, far
  return nullptr;
}

pad_end judge_call_at(code at, bool clang_form) noexcept {
  if (at[0] == 0xe8 || at[0] == 0xe9) {  // call, or a jump to a function that does not return
    code target = at + 5 + displacement(at + 1);
    const pad_end found = judge_target(target);
    if (clang_form && found == pad_end::unknown && at[0] == 0xe8 && is_terminator(target))
      return pad_end::terminates;
    return found;
  }
  if (at[0] == 0xff && at[1] == 0x15) {  // call *slot(%rip)
    code slot = at + 6 + displacement(at + 2);
    if (is_mapped(slot, sizeof(void*), PF_R))
      return by_address(*reinterpret_cast<void* const*>(slot));
  }
  return pad_end::unknown;
}

constexpr std::size_t longest_instruction = 15;

}  // namespace

pad_end follow_pad(const std::uint8_t* pad, std::size_t reach, bool typed,
                   bool skip_catches) noexcept {
  code at = pad;
  bool in_handler = false;
  for (std::size_t step = 0; step < reach; ++step) {
    if (step % 64 == 0 && !is_mapped(at, 64 + longest_instruction, PF_X)) break;
    const pad_end found = judge_call_at(at, !skip_catches);  // clang lists a catch-all
    const bool skipped = skip_catches && found == pad_end::catches;
    if (found != pad_end::unknown && !skipped) return found;
    in_handler |= skipped;
    code next = typed ? after_mismatch(at) : nullptr;
    // A jump: to the unlikely part of the function, unless a handler leaves by it.
    if (at[0] == 0xe9 && !in_handler) next = at + 5 + displacement(at + 1);
    at = next != nullptr && is_mapped(next, 64 + longest_instruction, PF_X) ? next : at + 1;
  }
  return pad_end::unknown;
}

#else

pad_end follow_pad(const std::uint8_t*, std::size_t, bool, bool) noexcept {
  return pad_end::unknown;
}

#endif

}  // namespace gmp::detail
