// The questions asked of plain threads, where a million of them is not the question.
#include <pthread.h>
#include <sched.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "../stack_use.hpp"
#include "threads_world.hpp"

void threads_bench::keep_to(unsigned processors) {
  cpu_set_t allowed;
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  bench::require(sched_getaffinity(0, sizeof allowed, &allowed) == 0, "no affinity mask");
  for (int cpu = 0; cpu < CPU_SETSIZE && processors > 0; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) {
      CPU_SET(cpu, &chosen);
      --processors;
    }
  sched_setaffinity(0, sizeof chosen, &chosen);
}

namespace {

using threads_bench::keep_to;

// What one writes for want of a channel.
class bounded_queue {
 public:
  explicit bounded_queue(std::size_t capacity) : capacity_(capacity) {}
  void send(std::int64_t value) {
    std::unique_lock lock(mutex_);
    not_full_.wait(lock, [&] { return values_.size() < capacity_; });
    values_.push_back(value);
    not_empty_.notify_one();
  }
  std::optional<std::int64_t> recv() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return !values_.empty() || closed_; });
    if (values_.empty()) return std::nullopt;
    std::int64_t value = values_.front();
    values_.pop_front();
    not_full_.notify_one();
    return value;
  }
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    not_empty_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable not_full_, not_empty_;
  std::deque<std::int64_t> values_;
  std::size_t capacity_;
  bool closed_ = false;
};

bench::report yield(const bench::request& asked) {
  keep_to(asked.procs);
  auto body = [&] {
    for (std::uint64_t i = 0; i < asked.n / 2; ++i) std::this_thread::yield();
  };
  bench::stopwatch watch;
  std::jthread one(body);
  std::jthread two(body);
  one.join();
  two.join();
  return {{"yield", watch.ns() / static_cast<double>(asked.n), "ns"}};
}

bench::report round_trip(const bench::request& asked) {
  keep_to(asked.procs);
  bounded_queue ping(1);
  bounded_queue pong(1);
  std::jthread echo([&] {
    while (auto v = ping.recv()) pong.send(*v + 1);
  });
  std::int64_t sum = 0;
  auto n = static_cast<std::int64_t>(asked.n);
  bench::stopwatch watch;
  for (std::int64_t i = 0; i < n; ++i) {
    ping.send(i);
    sum += *pong.recv();
  }
  double ns = watch.ns() / static_cast<double>(n);
  ping.close();
  bench::require(sum == n * (n + 1) / 2, "wrong sum");
  return {{"roundtrip", ns, "ns"}};
}

double buffered(const bench::request& asked, std::uint64_t pairs) {
  keep_to(asked.procs);
  bounded_queue queue(128);
  auto each = static_cast<std::int64_t>(asked.n / pairs);
  bench::stopwatch watch;
  std::vector<std::jthread> producers;
  std::vector<std::jthread> consumers;
  for (std::uint64_t p = 0; p < pairs; ++p) {
    producers.emplace_back([&] {
      for (std::int64_t i = 0; i < each; ++i) queue.send(i);
    });
    consumers.emplace_back([&] {
      while (queue.recv()) continue;
    });
  }
  producers.clear();
  queue.close();
  consumers.clear();
  return watch.ns() / static_cast<double>(asked.n);
}

bench::report buffered11(const bench::request& asked) {
  return {{"buffered11", buffered(asked, 1), "ns"}};
}

bench::report buffered44(const bench::request& asked) {
  return {{"buffered44", buffered(asked, 4), "ns"}};
}

bench::report spawn(const bench::request& asked) {
  keep_to(asked.procs);
  bench::stopwatch watch;
  for (std::uint64_t i = 0; i < asked.n; ++i) std::thread([] {}).join();
  return {{"spawn", watch.ns() / static_cast<double>(asked.n), "ns"}};
}

bench::report mutex8(const bench::request& asked) {
  keep_to(asked.procs);
  std::mutex lock;
  std::uint64_t counter = 0;
  std::vector<std::jthread> users;
  bench::stopwatch watch;
  for (int u = 0; u < 8; ++u)
    users.emplace_back([&] {
      for (std::uint64_t i = 0; i < asked.n / 8; ++i) {
        std::lock_guard hold(lock);
        ++counter;
      }
    });
  users.clear();
  double ns = watch.ns() / static_cast<double>(asked.n);
  bench::require(counter == asked.n / 8 * 8, "lost an increment");
  return {{"mutex8", ns, "ns"}};
}

struct dive {
  std::uint64_t (*work)();
  double us = 0;
};

// A new thread for each round, its stack large enough; the time is taken inside it, its creation
// does not count.
bench::report on_fresh_threads(const bench::request& asked, std::uint64_t (*work)(),
                               const char* name, const char* first_name) {
  std::vector<double> times;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::size_t{64} << 20);
  for (std::uint64_t i = 0; i < asked.n; ++i) {
    dive d{work};
    auto body = [](void* arg) -> void* {
      dive& mine = *static_cast<dive*>(arg);
      bench::stopwatch watch;
      mine.work();
      mine.us = watch.us();
      return nullptr;
    };
    pthread_t thread;
    bench::require(pthread_create(&thread, &attributes, body, &d) == 0, "cannot make a thread");
    pthread_join(thread, nullptr);
    times.push_back(d.us);
  }
  pthread_attr_destroy(&attributes);
  double first = times.front();
  return {{name, bench::median(times), "us"}, {first_name, first, "us"}};
}

bench::report deep(const bench::request& asked) {
  return on_fresh_threads(
      asked, [] { return bench::descend(100'000); }, "deep", "deep_first");
}

bench::report stack_64k(const bench::request& asked) {
  auto work = [] { return bench::use_stack(64); };
  return on_fresh_threads(asked, work, "stack_64k", "stack_64k_first");
}

bench::report stack_1m(const bench::request& asked) {
  auto work = [] { return bench::use_stack(1024); };
  return on_fresh_threads(asked, work, "stack_1m", "stack_1m_first");
}

bench::report indirect(const bench::request& asked) {
  keep_to(asked.procs);
  bench::indirect_times times{};
  times.measure(asked.n);
  return times.lines();
}

constexpr bench::question questions[] = {
    {"yield", 200'000, 10'000, yield},
    {"roundtrip", 20'000, 1'000, round_trip},
    {"buffered11", 500'000, 10'000, buffered11},
    {"buffered44", 500'000, 10'000, buffered44},
    {"spawn", 10'000, 500, spawn},
    {"mutex8", 2'000'000, 100'000, mutex8},
    {"shared_mutex1", 4'000'000, 100'000, threads_bench::shared_mutex1},
    {"shared_mutex8", 2'000'000, 100'000, threads_bench::shared_mutex8},
    {"semaphore8", 2'000'000, 100'000, threads_bench::semaphore8},
    {"condition", 20'000, 1'000, threads_bench::condition},
    {"startup", 500, 0, threads_bench::startup},
    {"process", 100, 5, threads_bench::process},
    {"wake_idle", 300, 20, threads_bench::wake_idle},
    {"wake_spinning", 20'000, 1'000, threads_bench::wake_spinning},
    {"deep", 15, 0, deep},
    {"stack_64k", 200, 0, stack_64k},
    {"stack_1m", 100, 0, stack_1m},
    {"indirect", 20'000'000, 10'000, indirect},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
