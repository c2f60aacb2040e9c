#include "queue/timer_heap.hpp"

namespace gmp::detail {
namespace {

constinit spin_lock free_heaps_lock;
constinit timer_heap* free_heaps = nullptr;

}  // namespace

timer_heap& timer_heap::take() {
  free_heaps_lock.lock();
  timer_heap* heap = free_heaps;
  if (heap != nullptr) free_heaps = heap->free_next_;
  free_heaps_lock.unlock();
  return heap != nullptr ? *heap : *new timer_heap;
}

void timer_heap::give(timer_heap& done) noexcept {
  done.lock_.lock();
  done.owner.store(nullptr, memory_order_relaxed);
  for (entry e : done.heap_) {
    e.timer->state.store(timer_node::phase::idle, memory_order_relaxed);
    e.timer->heap.store(nullptr, memory_order_release);  // pairs with the acquire in lock_home()
  }
  done.heap_.clear();
  done.publish();
  done.lock_.unlock();
  free_heaps_lock.lock();
  done.free_next_ = free_heaps;
  free_heaps = &done;
  free_heaps_lock.unlock();
}

void timer_heap::publish() noexcept {
  size_.store(heap_.size(), memory_order_relaxed);
  // release: pairs with next_when() by thieves and by the M that computes how long it may sleep.
  // [TH4]
  next_when_.store(heap_.empty() ? never : heap_.front().when, memory_order_release);
}

void timer_heap::place(std::uint32_t index, entry e) noexcept {
  heap_[index] = e;
  e.timer->index = index;
}

void timer_heap::sift_up(std::uint32_t index) noexcept {
  entry moving = heap_[index];
  while (index > 0) {
    std::uint32_t parent = (index - 1) / 4;
    if (heap_[parent].when <= moving.when) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, moving);
}

void timer_heap::sift_down(std::uint32_t index) noexcept {
  entry moving = heap_[index];
  const auto size = static_cast<std::uint32_t>(heap_.size());
  for (;;) {
    std::uint32_t first = index * 4 + 1;
    if (first >= size) break;
    std::uint32_t least = first;
    for (std::uint32_t child = first + 1; child < size && child < first + 4; ++child) {
      if (heap_[child].when < heap_[least].when) least = child;
    }
    if (heap_[least].when >= moving.when) break;
    place(index, heap_[least]);
    index = least;
  }
  place(index, moving);
}

void timer_heap::insert(timer_node& timer, nanos when) {
  heap_.push_back(entry{when, &timer});
  timer.when = when;
  timer.heap.store(this, memory_order_relaxed);
  timer.state.store(timer_node::phase::armed, memory_order_relaxed);
  sift_up(static_cast<std::uint32_t>(heap_.size() - 1));
  publish();
}

void timer_heap::remove_at(std::uint32_t index) noexcept {
  entry last = heap_.back();
  heap_.pop_back();
  if (index < heap_.size()) {
    place(index, last);
    sift_up(index);
    sift_down(last.timer->index);
  }
  if (heap_.capacity() > 1024 && heap_.size() < heap_.capacity() / 8) heap_.shrink_to_fit();
  publish();
}

bool timer_heap::add(timer_node& timer, nanos when) {
  // acquire: pairs with the last touch in expire(). Who found the timer in no heap may come a few
  // instructions too early.
  while (timer.state.load(memory_order_acquire) != timer_node::phase::idle) cpu_pause();
  lock_.lock();
  try {
    insert(timer, when);
  } catch (...) {
    lock_.unlock();
    throw;
  }
  bool earliest = timer.index == 0;
  lock_.unlock();
  return earliest;
}

nanos timer_heap::expire(nanos now) {
  if (next_when() > now) return next_when();
  lock_.lock();
  while (!heap_.empty() && heap_.front().when <= now) {
    timer_node& timer = *heap_.front().timer;
    const nanos when = timer.when;
    if (when > heap_.front().when) {  // moved since [TH6]
      heap_.front().when = when;
      sift_down(0);
      publish();
      continue;
    }
    timer.state.store(timer_node::phase::firing, memory_order_relaxed);
    remove_at(0);
    lock_.unlock();
    nanos again = timer.fire(timer, when, now);
    lock_.lock();
    switch (timer.state.load(memory_order_relaxed)) {
      case timer_node::phase::firing:
        if (again != never) {
          insert(timer, again);
          continue;
        }
        break;
      case timer_node::phase::firing_rearmed:
        insert(timer, timer.when);
        continue;
      default:
        break;
    }
    timer.heap.store(nullptr, memory_order_relaxed);
    // release: pairs with the acquire in stop_and_wait(); nothing here touches the node afterwards.
    // [TH3]
    timer.state.store(timer_node::phase::idle, memory_order_release);
  }
  lock_.unlock();
  return next_when();
}

void timer_heap::fire_early() noexcept {
  lock_.lock();
  for (std::size_t i = 0; i < heap_.size();) {
    timer_node& timer = *heap_[i].timer;
    if (!timer.may_fire_early) {
      ++i;
      continue;
    }
    const nanos when = timer.when;
    remove_at(static_cast<std::uint32_t>(i));
    do {  // again if it was moved meanwhile: that was into this heap
      timer.state.store(timer_node::phase::firing, memory_order_relaxed);
      lock_.unlock();
      timer.fire(timer, when, never);
      lock_.lock();
    } while (timer.state.load(memory_order_relaxed) == timer_node::phase::firing_rearmed);
    timer.heap.store(nullptr, memory_order_relaxed);
    timer.state.store(timer_node::phase::idle, memory_order_release);  // as in expire()
    i = 0;
  }
  lock_.unlock();
}

void timer_heap::move_all_to(timer_heap& other) {
  lock_.lock();
  other.lock_
      .lock();  // the only place that holds two; the caller sees to it that it runs once at a time
  try {
    other.heap_.reserve(other.heap_.size() + heap_.size());
  } catch (...) {
    other.lock_.unlock();
    lock_.unlock();
    throw;
  }
  for (entry e : heap_) other.insert(*e.timer, e.timer->when);
  heap_.clear();
  publish();
  other.lock_.unlock();
  lock_.unlock();
}

namespace {

// Locks the heap that holds the timer; null: it is in none.
template <class Lock>
timer_heap* lock_home(timer_node& timer, Lock&& lock_of) noexcept {
  for (;;) {
    timer_heap* home = timer.heap.load(memory_order_acquire);
    if (home == nullptr) return nullptr;
    lock_of(*home).lock();
    if (timer.heap.load(memory_order_relaxed) == home) return home;
    lock_of(*home).unlock();
  }
}

}  // namespace

bool timer_heap::stop(timer_node& timer) noexcept {
  timer_heap* home = lock_home(timer, [](timer_heap& h) -> spin_lock& { return h.lock_; });
  if (home == nullptr) return false;
  bool prevented = false;
  switch (timer.state.load(memory_order_relaxed)) {
    case timer_node::phase::armed:
      home->remove_at(timer.index);
      timer.heap.store(nullptr, memory_order_relaxed);
      // release: pairs with the acquire in add() and timer_settle().
      timer.state.store(timer_node::phase::idle, memory_order_release);
      prevented = true;
      break;
    case timer_node::phase::firing_rearmed:
      prevented = true;
      [[fallthrough]];
    case timer_node::phase::firing:
      timer.state.store(timer_node::phase::firing_stopped, memory_order_relaxed);
      break;
    default:
      break;
  }
  home->lock_.unlock();
  return prevented;
}

bool timer_heap::stop_and_wait(timer_node& timer) noexcept {
  bool prevented = stop(timer);
  // acquire: pairs with the release at the end of expire(). The callback is short and never parks.
  // [TH2]
  while (timer.state.load(memory_order_acquire) != timer_node::phase::idle) cpu_pause();
  return prevented;
}

bool timer_heap::rearm(timer_node& timer, nanos when) noexcept {
  timer_heap* home = lock_home(timer, [](timer_heap& h) -> spin_lock& { return h.lock_; });
  if (home == nullptr) return false;
  bool done = true;
  switch (timer.state.load(memory_order_relaxed)) {
    case timer_node::phase::armed:
      timer.when = when;
      if (when >= home->heap_[timer.index].when) break;  // [TH6]
      home->heap_[timer.index].when = when;
      home->sift_up(timer.index);
      home->publish();
      break;
    case timer_node::phase::idle:
      done = false;
      break;
    default:  // firing: expire() puts it back
      timer.when = when;
      timer.state.store(timer_node::phase::firing_rearmed, memory_order_relaxed);
      break;
  }
  home->lock_.unlock();
  return done;
}

}  // namespace gmp::detail
