// The bounded buffer of an operating systems course, and producers and consumers that use one.
#pragma once

#include <gmp/gmp.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace examples {

// The buffer as a monitor: one mutex, two conditions, as it stands in the books (there: put and
// get). Written with threads it would be the same, with std:: in place of gmp::. The difference:
// what waits here is a G, and its thread does something else meanwhile. The operations have the
// names of the channel's, so that exchange() below takes either.
template <class T>
class bounded_queue {
 public:
  explicit bounded_queue(std::size_t capacity) : capacity_(capacity) {}

  // Waits while the buffer is full.
  void send(T item) {
    std::unique_lock lock(mutex_);
    not_full_.wait(lock, [this] { return items_.size() < capacity_; });
    items_.push_back(std::move(item));
    not_empty_.notify_one();
  }

  // Waits while the buffer is empty; nullopt: it is closed, and nothing is left.
  std::optional<T> recv() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [this] { return !items_.empty() || closed_; });
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    not_full_.notify_one();
    return item;
  }

  // No more sends will come.
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    not_empty_.notify_all();
  }

 private:
  gmp::mutex mutex_;
  gmp::condition_variable not_full_, not_empty_;
  std::deque<T> items_;
  const std::size_t capacity_;
  bool closed_ = false;
};

struct exchange_plan {
  unsigned producers = 4;
  unsigned consumers = 4;
  std::uint64_t items = 1'000'000;
  std::atomic<std::uint64_t>* consumed = nullptr;  // somebody who watches, or null
};

// Sends the numbers 1 to items through the queue and returns the sum of what the consumers got.
// Queue: a gmp::chan or a bounded_queue of std::uint64_t. Call it from a G.
template <class Queue>
std::uint64_t exchange(Queue& queue, const exchange_plan& plan) {
  gmp::wait_group producing;
  for (unsigned p = 0; p < plan.producers; ++p) {
    producing.go([&queue, &plan, first = p + 1] {
      for (std::uint64_t item = first; item <= plan.items; item += plan.producers) queue.send(item);
    });
  }

  std::vector<gmp::task<std::uint64_t>> consuming;  // tasks, because each has a result
  for (unsigned c = 0; c < plan.consumers; ++c) {
    consuming.push_back(gmp::spawn([&queue, &plan] {
      std::uint64_t sum = 0;
      while (auto item = queue.recv()) {
        sum += *item;
        if (plan.consumed != nullptr) plan.consumed->fetch_add(1, std::memory_order_relaxed);
      }
      return sum;
    }));
  }

  // Only now is it certain that nobody sends any more; closing earlier would be an error.
  producing.wait();
  queue.close();
  std::uint64_t sum = 0;
  for (auto& consumer : consuming) sum += consumer.get();
  return sum;
}

// What it must be.
constexpr std::uint64_t sum_up_to(std::uint64_t n) {
  return n % 2 == 0 ? n / 2 * (n + 1) : (n + 1) / 2 * n;
}

}  // namespace examples
