#include "gmp/debug.hpp"

#include <ostream>

#include "debug/leaks.hpp"
#include "debug/report.hpp"

namespace gmp::debug {
namespace {

GMPSCHED_HOME_FUNCTION(list_home)(void* arg) {
  detail::survey_result all;
  detail::survey_all(all);
  auto& found = *static_cast<std::vector<g_info>*>(arg);
  found.reserve(all.gs.size());
  for (const detail::g_record& one : all.gs) found.push_back(detail::info_of(all, one));
}

GMPSCHED_HOME_FUNCTION(survey_home)(void* arg) {
  detail::survey_all(*static_cast<detail::survey_result*>(arg));
}

GMPSCHED_HOME_FUNCTION(write_home)(void* arg) {
  detail::write_some_gs(*static_cast<detail::text_request*>(arg));
}

GMPSCHED_HOME_FUNCTION(leaks_home)(void* arg) {
  detail::search_leaks(*static_cast<detail::leak_search*>(arg));
}

}  // namespace

std::vector<g_info> find_leaks() {
  __builtin_unwind_init();  // what the caller has in registers is on this stack from here on
  detail::leak_search search;
  search.entry = &search;
  search.limit = detail::stack_limit();
  detail::call_on_home(&leaks_home, &search);
  return std::move(search.found);
}

std::vector<g_info> list() {
  std::vector<g_info> found;
  detail::call_on_home(&list_home, &found);
  return found;
}

void dump(std::ostream& out) {
  detail::survey_result all;
  detail::call_on_home(&survey_home, &all);
  out << "gmpsched: " << all.gs.size() << " Gs\n";
  detail::text_request request{&all, 0, {}};
  while (request.next < all.gs.size()) {
    detail::call_on_home(&write_home, &request);
    out << request.text;  // the user's stream: on the caller's own stack
  }
  out.flush();
}

}  // namespace gmp::debug
