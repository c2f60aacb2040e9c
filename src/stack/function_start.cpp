// Where the function around some code begins, as the unwind tables say. Ordinary code: see
// leaf.cpp.

// As in libgcc's unwind-dw2-fde.h.
struct dwarf_eh_bases {
  void* text;
  void* data;
  void* function;
};
extern "C" const void* _Unwind_Find_FDE(void* code, dwarf_eh_bases* bases);

// Null: unknown.
extern "C" const void* gmpsched_function_start(const void* code) noexcept {
  dwarf_eh_bases bases = {nullptr, nullptr, nullptr};
  if (_Unwind_Find_FDE(const_cast<void*>(code), &bases) == nullptr) return nullptr;
  return bases.function;
}
