// All of this runs on a thread's own stack.
#include "sync/wait_facts.hpp"

#include <cstddef>
#include <cstdio>

#include "gmp/mutex.hpp"
#include "gmp/wait_group.hpp"
#include "sched/park.hpp"
#include "sync/chan_core.hpp"
#include "sync/wait.hpp"

namespace gmp::detail {

// Where the queue lies within what users know.
struct wait_access {
  static const mutex* mutex_of(const wait_queue* queue) noexcept {
    return reinterpret_cast<const mutex*>(reinterpret_cast<const char*>(queue) -
                                          offsetof(mutex, queue_));
  }
  static const void* holder(const mutex& of) noexcept {
    return std::atomic_ref<const void*>(const_cast<const void*&>(of.holder_))
        .load(memory_order_relaxed);
  }
  static const wait_group* group_of(const wait_queue* queue) noexcept {
    return reinterpret_cast<const wait_group*>(reinterpret_cast<const char*>(queue) -
                                               offsetof(wait_group, queue_));
  }
};

namespace {

std::string at_address(const char* what, const void* at) {
  char text[64];
  std::snprintf(text, sizeof text, "%s %p", what, at);
  return text;
}

}  // namespace

void tell_channel(const chan_core* core, const void* word, wait_facts& facts) {
  if (!facts.object.empty()) facts.object += ", ";
  if (core == nullptr) {
    facts.object += "nil chan";
    return;
  }
  facts.own_words.push_back(hidden(word));
  const std::uint32_t references = core->references_.load(memory_order_relaxed);
  facts.object += at_address(core->is_timer_ ? "timer" : "chan", core);
  if (core->is_timer_) {
    facts.outside = true;
    return;
  }
  facts.object += " (" + std::to_string(core->size()) + " of " + std::to_string(core->capacity()) +
                  ", " + std::to_string(references) +
                  (references == 1 ? " reference)" : " references)");
  facts.handles.push_back({hidden(core), 1, true, false});
}

// Tasks are the only completions that somebody else has a pointer to: to the block that holds it.
static void tell_queue(const queue_wait& wait, wait_reason reason, wait_facts& facts) {
  facts.outside = wait.timer.fire != nullptr || wait.by_context;
  facts.waiters.push_back(hidden(&wait.w));
  switch (reason) {
    case wait_reason::mutex: {
      const mutex* of = wait_access::mutex_of(wait.queue);
      facts.object = at_address("mutex", of);
      facts.holder = hidden(wait_access::holder(*of));
      facts.outside |= shown(facts.holder) == 0;  // about to be taken
      return;
    }
    case wait_reason::wait_group:
      facts.object = at_address("wait_group", wait_access::group_of(wait.queue));
      break;
    case wait_reason::task:
      if (wait.w.element == wait.lock) {
        constexpr std::size_t before = 8, all = 40;  // task_state: the counter, then the completion
        const char* block = reinterpret_cast<const char*>(wait.lock) - before;
        facts.object = at_address("task", block);
        facts.handles.push_back({hidden(block), all, false, false});
        return;
      }
      facts.object = at_address("tasks of", wait.queue);
      facts.outside = true;
      return;
    default:
      facts.object = at_address(wait_reason_name(reason), wait.queue);
  }
  facts.handles.push_back({hidden(wait.queue), sizeof(wait_queue), false, true});
}

bool tell_queue_wait(const g& gp, wait_facts& facts) {
  if (gp.cancel_wait != &cancel_queue_wait) return false;
  tell_queue(*static_cast<const queue_wait*>(gp.cancel_arg), gp.reason, facts);
  return true;
}

wait_facts facts_of_wait(const g& gp) {
  wait_facts facts;
  if (gp.cancel_wait == &cancel_park_forever) return facts;
  if (!tell_chan_wait(gp, facts) && !tell_select(gp, facts) && !tell_queue_wait(gp, facts))
    facts.outside = true;
  return facts;
}

}  // namespace gmp::detail
