#include "debug/report.hpp"

#include <algorithm>

#include "sched/registry.hpp"

namespace gmp::detail {
namespace {

constexpr std::size_t gs_at_once = 256;  // written together: what is read meanwhile is bounded

void survey_one(scheduler& sched, void* arg) {
  auto& into = *static_cast<survey_result*>(arg);
  const auto from = static_cast<std::ptrdiff_t>(into.gs.size());
  survey(sched, into);
  std::sort(into.gs.begin() + from, into.gs.end(),
            [](const g_record& a, const g_record& b) { return a.id < b.id; });
}

}  // namespace

void survey_all(survey_result& into) { registry_for_each(&survey_one, &into); }

g_info info_of(const survey_result& all, const g_record& one) {
  g_info info;
  info.id = one.id;
  info.name = one.name;
  info.state = g_state_name(one.state);
  if (one.state == g_state::waiting) info.wait_reason = wait_reason_name(one.reason);
  info.object = one.object;
  if (one.since != 0) info.waiting_since.emplace(std::chrono::nanoseconds(one.since));
  info.creator_id = one.creator_id;
  info.facts = one.facts;
  info.stack = stack_of(all, one);
  return info;
}

void write_some_gs(text_request& request) {
  request.text.clear();
  const std::size_t end = std::min(request.all->gs.size(), request.next + gs_at_once);
  for (; request.next < end; ++request.next) {
    request.text += "gmpsched: ";
    write_g(request.text, *request.all, request.all->gs[request.next]);
  }
}

}  // namespace gmp::detail
