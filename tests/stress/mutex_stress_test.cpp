// Mutexes that are destroyed by whoever finds himself the last to use them.
#include <cstring>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include <gmp/mutex.hpp>

#include "support/lengthen.hpp"

namespace {

using namespace gmp_test;

class mutex_stress : public stress_test {};

constexpr int users = 6;

// What a use may look like: short; with the lock held over other Gs' turns, so that a queue forms;
// with a time limit.
enum class manner { brief, crowded, timed };

void take(gmp::mutex& m, manner how, int turn) {
  if (how == manner::timed && turn % 3 == 0) {
    while (!m.try_lock_for(std::chrono::microseconds(1 + turn % 40))) {
    }
    return;
  }
  m.lock();
}

// True: this was the last use, and nobody else will touch the mutex.
bool use(gmp::mutex& m, int& uses_left, manner how, int turn) {
  take(m, how, turn);
  const bool last = --uses_left == 0;
  if (how != manner::brief && turn % 4 == 0) gmp::this_g::yield();
  m.unlock();
  return last;
}

// All users walk along one row of objects and meet at each. `walk` is called as a G or a thread.
template <class Walk>
void all_walk(int threads, Walk walk) {
  std::vector<std::thread> outside;
  crowd inside;
  for (int u = 0; u < users; ++u) {
    if (u < threads) {
      outside.emplace_back(walk);
    } else {
      inside.go(walk);
    }
  }
  inside.wait();
  for (auto& t : outside) t.join();
}

// Freed at once: a sanitizer sees every late access.
struct on_heap {
  gmp::mutex m;
  int uses_left = users;
};

void free_at_once(manner how, int threads) {
  std::vector<std::unique_ptr<on_heap>> owners;
  std::vector<on_heap*> row;
  for (int i = 0; i < stressed(2'000); ++i) {
    owners.push_back(std::make_unique<on_heap>());
    row.push_back(owners.back().get());
  }
  std::atomic<int> freed = 0;
  all_walk(threads, [&row, &owners, &freed, how] {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (!use(row[i]->m, row[i]->uses_left, how, static_cast<int>(i))) continue;
      owners[i].reset();
      ++freed;
    }
  });
  EXPECT_EQ(freed, static_cast<int>(row.size()));
}

// Overwritten at once: a late store shows in any build.
struct in_place {
  static constexpr unsigned char gone = 0xa5;
  alignas(gmp::mutex) unsigned char storage[sizeof(gmp::mutex)];
  gmp::mutex* m = ::new (storage) gmp::mutex;
  int uses_left = users;

  void end() {
    m->~mutex();
    std::memset(storage, gone, sizeof storage);
  }
  bool untouched() const {
    for (unsigned char byte : storage)
      if (byte != gone) return false;
    return true;
  }
};

void overwrite_at_once(manner how, int threads) {
  std::vector<in_place> row(static_cast<std::size_t>(stressed(2'000)));
  all_walk(threads, [&row, how] {
    int turn = 0;
    for (auto& object : row)
      if (use(*object.m, object.uses_left, how, turn++)) object.end();
  });
  for (const auto& object : row) ASSERT_TRUE(object.untouched());
}

TEST_F(mutex_stress, freed_by_the_last_user) {
  run_each([] {
    for (int threads : {0, 2})
      for (manner how : {manner::brief, manner::crowded, manner::timed}) free_at_once(how, threads);
  });
}

TEST_F(mutex_stress, overwritten_by_the_last_user) {
  run_each([] {
    for (int threads : {0, 2})
      for (manner how : {manner::brief, manner::crowded, manner::timed})
        overwrite_at_once(how, threads);
  });
}

}  // namespace
