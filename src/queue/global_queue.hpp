// The queue of Gs that belong to no P: overflow, foreign threads' work, yielded Gs that must not be
// overtaken.
//
// GQ1  A linked list under one lock; size is readable without it (a hint: the fast paths skip an
// empty queue).
#pragma once

#include <cstdint>

#include "base/atomic.hpp"
#include "g/g.hpp"
#include "gmp/detail/spin_lock.hpp"

namespace gmp::detail {

// A chain of Gs linked through g::next.
struct g_list {
  g* head = nullptr;
  g* tail = nullptr;
  std::uint32_t size = 0;

  void push_back(g* gp) noexcept {
    gp->next = nullptr;
    if (tail != nullptr) {
      tail->next = gp;
    } else {
      head = gp;
    }
    tail = gp;
    ++size;
  }

  g* pop_front() noexcept {
    g* gp = head;
    if (gp == nullptr) return nullptr;
    head = gp->next;
    if (head == nullptr) tail = nullptr;
    gp->next = nullptr;
    --size;
    return gp;
  }
};

class global_queue {
 public:
  void push(g* gp) noexcept {
    g_list one;
    one.push_back(gp);
    push_all(one);
  }

  void push_all(g_list& batch) noexcept {
    if (batch.head == nullptr) return;
    lock_.lock();
    if (list_.tail != nullptr) {
      list_.tail->next = batch.head;
    } else {
      list_.head = batch.head;
    }
    list_.tail = batch.tail;
    list_.size += batch.size;
    size_.store(list_.size, memory_order_relaxed);
    lock_.unlock();
    batch = g_list{};
  }

  // Takes min(most, size / sharers + 1), oldest first.
  g_list pop_batch(std::uint32_t most, std::uint32_t sharers) noexcept {
    g_list out;
    if (empty()) return out;
    lock_.lock();
    std::uint32_t n = list_.size / sharers + 1;
    if (n > most) n = most;
    while (out.size < n) {
      g* gp = list_.pop_front();
      if (gp == nullptr) break;
      out.push_back(gp);
    }
    size_.store(list_.size, memory_order_relaxed);
    lock_.unlock();
    return out;
  }

  bool empty() const noexcept { return size_.load(memory_order_relaxed) == 0; }
  std::uint32_t size() const noexcept { return size_.load(memory_order_relaxed); }

 private:
  spin_lock lock_;
  atomic<std::uint32_t> size_{0};
  g_list list_;
};

}  // namespace gmp::detail
