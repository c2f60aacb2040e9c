// Which targets of indirect calls and jumps may be jumped to although they have no split prologue.
//
// clang gives no prologue to functions without a frame (getters, say), and shared libraries are
// full of such functions; lending each call a big segment would cost 20 ns. Here the target's code
// is read, once: a straight line of instructions that touch no stack but the red zone, up to its
// `ret`, may run on what is always left (the reserve). Anything not understood counts as needing a
// big segment.
//
// The same thunks serve `goto *label`: a target in the middle of a function is always jumped to.
//
// Verdicts are kept in gmpsched_leaf_table, which indirect.S reads:
//   word = bytes 2..3 of the code << 48 | jump << 47 | address of the code      (0: empty)
// One word, so that readers need no lock; the bytes of the code tell a later mapping at the same
// address.
#if defined(__x86_64__)
#include <cpuid.h>

#include <cstddef>
#include <cstdint>

extern "C" {
constexpr std::size_t gmpsched_leaf_entries = 1024;  // indirect.S knows
std::uint64_t gmpsched_leaf_table[gmpsched_leaf_entries];
const void* gmpsched_function_start(const void* code) noexcept;  // function_start.cpp
}

namespace gmp::detail {
namespace {

constexpr std::size_t code_most = 96;  // bytes read at most

// What follows an opcode. `bad`: not understood, or uses the stack.
enum class operands : std::uint8_t { bad, none, modrm, modrm_imm8, modrm_imm, imm8, imm, imm64 };

operands of_one_byte(std::uint8_t op, std::uint8_t reg) {
  if (op < 0x40) {  // add or adc sbb and sub xor cmp: six forms each
    const unsigned form = op & 7;
    return form < 4    ? operands::modrm
           : form == 4 ? operands::imm8
           : form == 5 ? operands::imm
                       : operands::bad;
  }
  if (op >= 0xb8 && op <= 0xbf) return operands::imm64;  // with REX.W; else 4 bytes
  if (op >= 0x84 && op <= 0x8b) return operands::modrm;  // test xchg mov
  switch (op) {
    case 0x63:
    case 0x8d:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return operands::modrm;
    case 0x69:
    case 0x81:
    case 0xc7:
      return operands::modrm_imm;
    case 0x6b:
    case 0x80:
    case 0x83:
    case 0xc0:
    case 0xc1:
    case 0xc6:
      return operands::modrm_imm8;
    case 0x90:
    case 0x98:
    case 0x99:
      return operands::none;
    case 0xa8:
      return operands::imm8;
    case 0xa9:
      return operands::imm;
    case 0xf6:
      return reg == 0 ? operands::modrm_imm8 : reg == 1 ? operands::bad : operands::modrm;
    case 0xf7:
      return reg == 0 ? operands::modrm_imm : reg == 1 ? operands::bad : operands::modrm;
    case 0xfe:
    case 0xff:
      return reg < 2 ? operands::modrm : operands::bad;  // not call, jmp, push
    default:
      return operands::bad;
  }
}

operands of_two_bytes(std::uint8_t op) {
  if ((op >= 0x40 && op <= 0x4f) || (op >= 0x90 && op <= 0x9f)) return operands::modrm;  // cmov set
  if (op >= 0x51 && op <= 0x5f) return operands::modrm;                                  // sse
  switch (op) {
    case 0x10:
    case 0x11:
    case 0x14:
    case 0x16:
    case 0x1f:
    case 0x28:
    case 0x29:
    case 0x2a:
    case 0x2c:
    case 0x2d:
    case 0x2e:
    case 0x2f:
    case 0x6e:
    case 0x6f:
    case 0x7e:
    case 0x7f:
    case 0xaf:
    case 0xb6:
    case 0xb7:
    case 0xbe:
    case 0xbf:
    case 0xd6:
    case 0xef:
      return operands::modrm;
    default:
      return operands::bad;
  }
}

// Bytes of a ModRM operand with its SIB and displacement.
std::size_t modrm_bytes(const std::uint8_t* p) {
  const unsigned mod = p[0] >> 6;
  const unsigned rm = p[0] & 7;
  if (mod == 3) return 1;
  const std::size_t sib = rm == 4 ? 1 : 0;
  if (mod == 1) return 2 + sib;
  if (mod == 2) return 5 + sib;
  return 1 + sib + (rm == 5 || (sib != 0 && (p[1] & 7) == 5) ? 4 : 0);
}

// Bytes of the instruction at p, 0 when it is not understood; `last` when it is the ret.
std::size_t instruction_bytes(const std::uint8_t* p, bool& last) {
  const std::uint8_t* const start = p;
  bool operand16 = false;
  while (*p == 0x66 || *p == 0xf2 || *p == 0xf3) operand16 |= *p++ == 0x66;
  const std::uint8_t rex = (*p & 0xf0) == 0x40 ? *p++ : 0;
  const bool wide = *p == 0x0f;
  const std::uint8_t op = wide ? *++p : *p;
  ++p;
  if (!wide && op == 0xc3) {  // first, so that no byte behind a function's last is read
    last = true;
    return static_cast<std::size_t>(p - start);
  }
  const unsigned reg = p[0] >> 3 & 7;
  const operands what = wide ? of_two_bytes(op) : of_one_byte(op, static_cast<std::uint8_t>(reg));
  const bool has_modrm =
      what == operands::modrm || what == operands::modrm_imm8 || what == operands::modrm_imm;
  // rsp as a register operand, in either field: might be changed. (Vector registers of that number,
  // too.)
  if (has_modrm &&
      ((reg == 4 && (rex & 4) == 0 && !wide && op != 0x83 && op != 0x81 && op != 0xc1) ||
       ((p[0] & 0xc7) == 0xc4 && (rex & 1) == 0)))
    return 0;
  if (op == 0xbc && what == operands::imm64 && (rex & 1) == 0) return 0;  // mov $imm, %rsp
  const std::size_t imm = operand16 ? 2 : 4;
  if (has_modrm) p += modrm_bytes(p);
  switch (what) {
    case operands::bad:
      return 0;
    case operands::imm8:
    case operands::modrm_imm8:
      p += 1;
      break;
    case operands::imm:
    case operands::modrm_imm:
      p += imm;
      break;
    case operands::imm64:
      p += (rex & 8) != 0 ? 8 : imm;
      break;
    case operands::none:
    case operands::modrm:
      break;
  }
  return static_cast<std::size_t>(p - start);
}

bool is_leaf(const std::uint8_t* code) {
  bool last = false;
  for (std::size_t at = 0; at < code_most;) {
    const std::size_t n = instruction_bytes(code + at, last);
    if (n == 0) return false;
    if (last) return true;
    at += n;
  }
  return false;
}

// Bytes that XSAVE needs; 512 where there is only FXSAVE.
std::size_t vector_state_bytes() {
  static std::size_t known;  // cpuid is slow in virtual machines
  std::size_t bytes = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (bytes != 0) return bytes;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  __cpuid(1, a, b, c, d);
  bytes = 512;
  if ((c & bit_OSXSAVE) != 0) {
    __cpuid_count(0xd, 0, a, b, c, d);
    bytes = b;
  }
  __atomic_store_n(&known, bytes, __ATOMIC_RELAXED);
  return bytes;
}

// Is the target inside a function, not its beginning? Asks the unwind tables; what has none is
// taken for a function. The vector registers are saved around that: it is code of libgcc and libc.
bool is_label(const void* target) {
  const std::size_t bytes = vector_state_bytes();
  const bool xsave = bytes > 512;
  char* const area = static_cast<char*>(__builtin_alloca_with_align(bytes, 512));
  if (xsave) {
    for (std::size_t i = 0; i < 64; i += 8)
      *reinterpret_cast<volatile std::uint64_t*>(area + 512 + i) = 0;
    __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
  } else {
    __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
  }
  const void* const start = gmpsched_function_start(target);
  if (xsave)
    __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
  else
    __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
  return start != nullptr && start != target;
}

}  // namespace

// From indirect.S, on the home stack, vector registers live: judges and remembers. True: jump to
// it.
extern "C" bool gmpsched_learn_target(const std::uint8_t* target) noexcept {
  const bool endbr =
      target[0] == 0xf3 && target[1] == 0x0f && target[2] == 0x1e && target[3] == 0xfa;
  const bool jump = is_leaf(target + (endbr ? 4 : 0)) || is_label(target);
  const auto at = reinterpret_cast<std::uint64_t>(target);
  const std::uint64_t code = target[2] | static_cast<std::uint64_t>(target[3]) << 8;
  if (at >> 47 == 0)
    __atomic_store_n(&gmpsched_leaf_table[at >> 4 & (gmpsched_leaf_entries - 1)],
                     code << 48 | static_cast<std::uint64_t>(jump) << 47 | at, __ATOMIC_RELAXED);
  return jump;
}

}  // namespace gmp::detail
#endif
