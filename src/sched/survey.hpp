// What every G is at, seen from outside.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sched/backtrace.hpp"
#include "sched/scheduler.hpp"

namespace gmp::detail {

struct g_record {
  std::uint64_t id;
  std::uint64_t creator_id;
  g_state state;
  wait_reason reason;
  nanos since;         // of a waiting one, if the world was stopped; 0: not known
  std::string object;  // what it waits for
  std::string name;
  std::vector<std::pair<std::string, std::string>> facts;
  std::size_t first_frame;  // in survey_result::frames
  std::uint32_t frames;
};

struct survey_result {
  nanos now = 0;  // when the last world was looked at
  std::vector<g_record> gs;
  std::vector<void*> frames;
};

// Adds every G of the scheduler. Stops its world for as long as that takes; where that does not
// succeed in time, stacks are left out. On a thread's own stack, by a visitor.
void survey(scheduler& sched, survey_result& into);
// The same where the world is stopped already and no G of it runs.
void survey_stopped(scheduler& sched, const std::vector<const g*>& running, bool with_stacks,
                    survey_result& into);

// How many threads the process has; ~0: unknown.
std::uint32_t threads_of_process() noexcept;
// Of these, threads that wake no G: the sanitizer's own, and the one that dumps.
std::uint32_t service_threads() noexcept;
void service_thread_added() noexcept;

// To stderr, while the world is stopped. noexcept: without memory for it the process ends all the
// same.
void report_deadlock(scheduler& sched, std::uint64_t live) noexcept;

// Names what a parked G waits for; set by a higher layer before the first G runs.
extern std::string (*describe_wait)(const g& gp);

// The stack of one record as text.
std::vector<std::string> stack_of(const survey_result& all, const g_record& one);

const char* g_state_name(g_state state) noexcept;

// "G 7 "name" waits: chan receive, 1.2 s, chan 0x5581 (0 of 0, 2 references); made by G 1,
// key=value" and the stack, indented, a line each.
void write_g(std::string& to, const survey_result& all, const g_record& one);
// The same as an entry of a list in JSON, on one line: {"g":7,"name":"name","state":"waiting",
// "reason":"chan receive","waited":1.200,"object":"chan 0x5581 (...)","creator":1,"facts":{...},
// "stack":[...]}; "waited" in seconds.
void write_g_json(std::string& to, const survey_result& all, const g_record& one);

}  // namespace gmp::detail
