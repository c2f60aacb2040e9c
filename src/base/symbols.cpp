// Symbol tables of loaded modules, read once each and kept.
#include "base/symbols.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace gmp::detail {
namespace {

struct function {
  std::uintptr_t start;  // counted from the module's load address
  std::uintptr_t size;
  const char* name;  // in the mapped file, which stays mapped
};

struct module_symbols {
  std::vector<function> functions;  // by start
};

// A file, read-only. Kept for ever when it served: names point into it.
struct mapped_file {
  const char* base = nullptr;
  std::size_t bytes = 0;

  explicit mapped_file(const char* path) noexcept {
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    struct stat about;
    if (::fstat(file, &about) == 0 && about.st_size > 0) {
      void* at =
          ::mmap(nullptr, static_cast<std::size_t>(about.st_size), PROT_READ, MAP_PRIVATE, file, 0);
      if (at != MAP_FAILED) {
        base = static_cast<const char*>(at);
        bytes = static_cast<std::size_t>(about.st_size);
      }
    }
    ::close(file);
  }
  bool holds(std::size_t offset, std::size_t n) const noexcept {
    return offset <= bytes && n <= bytes - offset;
  }
};

// The table of the given type; null: there is none, or the file is not what it should be.
const ElfW(Shdr) * find_table(const mapped_file& file, ElfW(Word) type) noexcept {
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(file.base);
  if (!file.holds(0, sizeof *header) || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return nullptr;
  if (!file.holds(header->e_shoff, std::size_t{header->e_shnum} * sizeof(ElfW(Shdr))))
    return nullptr;
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(file.base + header->e_shoff);
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != type || sections[i].sh_link >= header->e_shnum) continue;
    const ElfW(Shdr)& names = sections[sections[i].sh_link];
    if (file.holds(sections[i].sh_offset, sections[i].sh_size) &&
        file.holds(names.sh_offset, names.sh_size))
      return &sections[i];
  }
  return nullptr;
}

module_symbols read_symbols(const char* path) {
  module_symbols result;
  const mapped_file file(path);
  if (file.base == nullptr) return result;
  const ElfW(Shdr)* table = find_table(file, SHT_SYMTAB);
  if (table == nullptr) table = find_table(file, SHT_DYNSYM);
  if (table == nullptr) {
    ::munmap(const_cast<char*>(file.base), file.bytes);
    return result;
  }
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(file.base);
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(file.base + header->e_shoff);
  const ElfW(Shdr)& names = sections[table->sh_link];
  const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(file.base + table->sh_offset);
  const std::size_t n = table->sh_size / sizeof *symbols;
  for (std::size_t i = 0; i < n; ++i) {
    const ElfW(Sym)& one = symbols[i];
    if (ELF64_ST_TYPE(one.st_info) != STT_FUNC || one.st_shndx == SHN_UNDEF) continue;
    if (one.st_name >= names.sh_size) continue;
    result.functions.push_back(
        {one.st_value, one.st_size, file.base + names.sh_offset + one.st_name});
  }
  std::sort(result.functions.begin(), result.functions.end(),
            [](const function& a, const function& b) { return a.start < b.start; });
  return result;
}

// Never destroyed: reports are written after main has returned, too.
const module_symbols& symbols_of(const char* path, const void* base) {
  struct table {
    std::mutex lock;
    std::map<const void*, std::unique_ptr<module_symbols>> modules;
  };
  static table* known = new table;
  const std::lock_guard hold(known->lock);
  std::unique_ptr<module_symbols>& one = known->modules[base];
  if (one == nullptr) one = std::make_unique<module_symbols>(read_symbols(path));
  return *one;
}

const function* find_function(const module_symbols& module, std::uintptr_t offset) noexcept {
  auto after = std::upper_bound(module.functions.begin(), module.functions.end(), offset,
                                [](std::uintptr_t at, const function& f) { return at < f.start; });
  // Labels without a size (assembly) lie within reach of the one before.
  while (after != module.functions.begin()) {
    --after;
    if (offset - after->start < after->size || after->size == 0) return &*after;
    if (offset - after->start > (1u << 20)) break;
  }
  return nullptr;
}

std::string plain_name(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return status == 0 ? plain.get() : name;
}

}  // namespace

std::string describe_return_address(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address) - 1;
  char text[64];
  Dl_info module;
  link_map* loaded = nullptr;
  void* extra = nullptr;
  if (::dladdr1(reinterpret_cast<const void*>(at), &module, &extra, RTLD_DL_LINKMAP) == 0) {
    std::snprintf(text, sizeof text, "?? (0x%zx)", static_cast<std::size_t>(at));
    return text;
  }
  loaded = static_cast<link_map*>(extra);
  const std::uintptr_t offset = at - loaded->l_addr;  // 0 for programs at fixed addresses
  const bool is_program = loaded->l_name == nullptr || loaded->l_name[0] == 0;
  const module_symbols& known =
      symbols_of(is_program ? "/proc/self/exe" : module.dli_fname, module.dli_fbase);
  const function* found = find_function(known, offset);
  std::string line = found != nullptr ? plain_name(found->name) : "??";
  if (found != nullptr) {
    std::snprintf(text, sizeof text, "+0x%zx", static_cast<std::size_t>(offset - found->start));
    line += text;
  }
  const char* name = std::strrchr(module.dli_fname, '/');
  std::snprintf(text, sizeof text, "+0x%zx)", static_cast<std::size_t>(offset));
  line += " (";
  line += name != nullptr ? name + 1 : module.dli_fname;
  return line += text;
}

}  // namespace gmp::detail
