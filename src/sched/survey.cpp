// All of this runs on a thread's own stack; it is compiled as stack_lines.cpp is, for the same
// reason.
#include "sched/survey.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>

#include "sched/json_text.hpp"
#include "sched/waited.hpp"

namespace gmp::detail {

std::string (*describe_wait)(const g& gp);

namespace {

constexpr nanos patience = 2'000'000'000;

struct look_request {
  const scheduler* sched;
  const std::vector<const g*>* running;
  bool with_stacks;
  survey_result* into;
  std::exception_ptr failure;
};

void look_at(look_request& request, g& gp) {
  if (!g_is_of(gp, *request.sched)) return;
  // acquire: pairs with the release in spawn_start(); the others' fields are seen by the pause.
  g_state state = gp.state.load(memory_order_acquire);
  if (state == g_state::dead) return;
  const bool runs =
      std::find(request.running->begin(), request.running->end(), &gp) != request.running->end();
  if (runs) state = g_state::running;
  survey_result& into = *request.into;
  g_record record{gp.id, gp.creator_id,      state, wait_reason::none, 0, {}, {},
                  {},    into.frames.size(), 0};
  if (state == g_state::waiting) {
    record.reason = gp.reason;
    if (request.with_stacks) {
      record.since = waiting_since(*gp.sched, gp, into.now);
      if (describe_wait != nullptr) record.object = describe_wait(gp);
    }
  }
  std::exception_ptr failure;
  gp.extra_lock.lock();
  try {
    if (gp.extra != nullptr) {
      record.name = gp.extra->name;
      record.facts = gp.extra->facts;
    }
  } catch (...) {
    failure = std::current_exception();
  }
  gp.extra_lock.unlock();
  if (failure != nullptr) std::rethrow_exception(failure);
  if (request.with_stacks && (state == g_state::waiting || state == g_state::runnable)) {
    raw_stack stack;
    backtrace_parked(gp.ctx, stack);
    record.frames = stack.n;
    into.frames.insert(into.frames.end(), stack.at, stack.at + stack.n);
  }
  into.gs.push_back(std::move(record));
}

void look_at_g(g& one, void* arg) {
  auto& request = *static_cast<look_request*>(arg);
  if (request.failure != nullptr) return;
  try {
    look_at(request, one);
  } catch (...) {
    request.failure = std::current_exception();
  }
}

}  // namespace

void survey_stopped(scheduler& sched, const std::vector<const g*>& running, bool with_stacks,
                    survey_result& into) {
  into.now = clock_now();
  look_request request{&sched, &running, with_stacks, &into, nullptr};
  for_each_g(&look_at_g, &request);
  if (request.failure != nullptr) std::rethrow_exception(request.failure);
}

void survey(scheduler& sched, survey_result& into) {
  std::vector<const g*> running;
  const bool paused = sched.pause(patience, running);
  std::exception_ptr failure;
  try {
    survey_stopped(sched, running, paused, into);
  } catch (...) {
    failure = std::current_exception();
  }
  if (paused) sched.resume();
  if (failure != nullptr) std::rethrow_exception(failure);
}

std::vector<std::string> stack_of(const survey_result& all, const g_record& one) {
  raw_stack stack;
  stack.n = one.frames;
  std::copy_n(all.frames.data() + one.first_frame, one.frames, stack.at);
  return stack_lines(stack);
}

const char* g_state_name(g_state state) noexcept {
  switch (state) {
    case g_state::dead:
      return "dead";
    case g_state::newborn:
    case g_state::runnable:
      return "runnable";
    case g_state::running:
      return "running";
    case g_state::waiting:
      return "waiting";
  }
  return "unknown";
}

namespace {
std::string seconds_text(nanos length) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", static_cast<double>(length) / 1e9);
  return text;
}
}  // namespace

void write_g(std::string& to, const survey_result& all, const g_record& one) {
  to += "G " + std::to_string(one.id);
  if (!one.name.empty()) to += " \"" + one.name + "\"";
  if (one.state == g_state::waiting) {
    to += std::string(" waits: ") + wait_reason_name(one.reason);
    if (one.since != 0) to += ", " + seconds_text(all.now - one.since) + " s";
    if (!one.object.empty()) to += ", " + one.object;
  } else {
    to += one.state == g_state::running ? " is running" : " is runnable";
  }
  to += one.creator_id != 0 ? "; made by G " + std::to_string(one.creator_id)
                            : "; made by a plain thread";
  for (const auto& [key, value] : one.facts) to += ", " + key + "=" + value;
  to += '\n';
  for (const std::string& line : stack_of(all, one)) to += "gmpsched:     " + line + "\n";
}

void write_g_json(std::string& to, const survey_result& all, const g_record& one) {
  if (to.back() != '[') to += ',';
  to += '{';
  append_json_key(to, "g");
  to += std::to_string(one.id);
  append_json_field(to, "name", one.name);
  append_json_field(to, "state", g_state_name(one.state));
  if (one.state == g_state::waiting) {
    append_json_field(to, "reason", wait_reason_name(one.reason));
    if (one.since != 0) {
      append_json_key(to, "waited");
      to += seconds_text(all.now - one.since);
    }
    append_json_field(to, "object", one.object);
  }
  append_json_key(to, "creator");
  to += std::to_string(one.creator_id);
  append_json_facts(to, one.facts);
  append_json_stack(to, stack_of(all, one));
  to += '}';
}

void report_deadlock(scheduler& sched, std::uint64_t live) noexcept {
  survey_result all;
  survey_stopped(sched, {}, true, all);
  std::sort(all.gs.begin(), all.gs.end(),
            [](const g_record& a, const g_record& b) { return a.id < b.id; });
  std::string text = "gmpsched: deadlock: all " + std::to_string(live) +
                     " Gs are blocked and nothing can wake them\n";
  for (const g_record& one : all.gs) {
    text += "gmpsched:   ";
    write_g(text, all, one);
  }
  text += "gmpsched: {\"event\":\"deadlock\",\"gs\":[";
  for (const g_record& one : all.gs) write_g_json(text, all, one);
  text += "]}\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace gmp::detail
