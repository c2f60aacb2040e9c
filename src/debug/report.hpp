// The halves of gmp::debug that run on a thread's own stack.
#pragma once

#include <cstddef>
#include <string>

#include "base/attributes.hpp"
#include "gmp/debug.hpp"
#include "sched/survey.hpp"

namespace gmp::detail {

void survey_all(survey_result& into);
g_info info_of(const survey_result& all, const g_record& one);

struct text_request {
  const survey_result* all;
  std::size_t next;  // the first G that is not written yet
  std::string text;
};
void write_some_gs(text_request& request);

}  // namespace gmp::detail
