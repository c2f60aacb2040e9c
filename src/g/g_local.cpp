// Variables per G: made at first use, ended with the G. Runs on the G's own stack, because the
// values are the user's.
#include "gmp/g_local.hpp"

#include <atomic>
#include <utility>
#include <vector>

#include "g/g.hpp"

namespace gmp::detail {
namespace {

std::atomic<std::size_t> next_local{0};

}  // namespace

std::size_t local_number() noexcept { return next_local.fetch_add(1, std::memory_order_relaxed); }

void* local_get(g& me, std::size_t number, void* (*make)(), void (*destroy)(void*)) {
  if (me.locals == nullptr) me.locals = new std::vector<local_slot>;
  if (me.locals->size() <= number) me.locals->resize(number + 1);
  if ((*me.locals)[number].value == nullptr) {
    void* value = make();  // may use other g_locals: look up again
    (*me.locals)[number] = local_slot{value, destroy};
  }
  return (*me.locals)[number].value;
}

void g_clear(g& dead) noexcept {
  // A destructor may make further variables: until none is left.
  while (dead.locals != nullptr) {
    std::vector<local_slot>* locals = dead.locals;
    dead.locals = nullptr;
    for (std::size_t i = locals->size(); i-- > 0;) {
      local_slot slot = (*locals)[i];
      if (slot.value != nullptr) slot.destroy(slot.value);
    }
    delete locals;
  }
  dead.extra_lock.lock();
  g_extra* extra = std::exchange(dead.extra, nullptr);
  dead.extra_lock.unlock();
  delete extra;
}

}  // namespace gmp::detail
