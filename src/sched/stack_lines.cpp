// Return addresses as text. A file with split stacks only because of what it instantiates:
// templates of the standard library that users' functions share must not come from code without.
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/symbols.hpp"
#include "sched/backtrace.hpp"

namespace gmp::detail {
namespace {

bool starts(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

std::string_view name_in(std::string_view line) { return line.substr(0, line.rfind("+0x")); }

bool is_passage(std::string_view line) {
  return starts(line, "__morestack") || starts(line, "gmpsched_") || starts(line, ".L") ||
         starts(line, "gmp::detail::g_main") ||
         starts(line, "gmp::detail::(anonymous namespace)::run_entry") ||
         starts(line, "gmp::detail::(anonymous namespace)::call_entry");
}

bool is_throw(std::string_view line) {
  const std::string_view name = name_in(line.substr(0, line.rfind(" (")));
  const auto ends = [name](std::string_view with) {
    return name.size() >= with.size() && name.substr(name.size() - with.size()) == with;
  };
  // A throw on a G goes past __cxa_throw (stack/throw.cpp).
  return ends("__cxa_throw") || ends("__cxa_rethrow") || ends("_Unwind_RaiseException") ||
         name == "std::terminate()";
}

bool is_runtime(std::string_view line) {
  return starts(line, "gmp::detail::") && !starts(line, "gmp::detail::closure<");
}

}  // namespace

std::vector<std::string> stack_lines(const raw_stack& found) {
  std::vector<std::string> all;
  for (std::uint32_t i = 0; i < found.n; ++i) {
    // Programs have few places where Gs wait, and reports ask for the same ones again and again.
    thread_local std::unordered_map<void*, std::string> known;
    if (known.size() > 4096) known.clear();
    std::string& line = known[found.at[i]];
    if (line.empty()) line = describe_return_address(found.at[i]);
    if (is_throw(line)) {
      all.clear();  // what is above is the machinery
      continue;
    }
    if (!is_passage(line)) all.push_back(line);
  }
  std::size_t first = 0;
  while (first < all.size() && is_runtime(all[first])) ++first;
  if (first == all.size()) first = 0;
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first));
  if (all.size() > most_frames) all.resize(most_frames);
  return all;
}

}  // namespace gmp::detail
