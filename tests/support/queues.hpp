// Looks into the queues of locks: tells a test that somebody really stands there, so that no test
// sleeps and hopes.
#pragma once

#include "support/harness.hpp"

#include <gmp/condition_variable.hpp>
#include <gmp/mutex.hpp>
#include <gmp/once.hpp>
#include <gmp/semaphore.hpp>
#include <gmp/shared_mutex.hpp>
#include <gmp/wait_group.hpp>

namespace gmp_test {

// An explicit instantiation may name private members.
template <class Tag, auto Queue, auto Lock>
struct opener {
  friend std::size_t count_in(typename Tag::owner& object, Tag) {
    (object.*Lock).lock();
    std::size_t n = 0;
    for (auto* w = (object.*Queue).front(); w != nullptr; w = w->next) ++n;
    (object.*Lock).unlock();
    return n;
  }
};

#define GMPSCHED_TEST_OPEN(tag, type, queue, lock)   \
  struct tag {                                       \
    using owner = type;                              \
    friend std::size_t count_in(owner& object, tag); \
  };                                                 \
  template struct opener<tag, &type::queue, &type::lock>

GMPSCHED_TEST_OPEN(mutex_queue, gmp::mutex, queue_, inner_);
GMPSCHED_TEST_OPEN(readers_queue, gmp::shared_mutex, readers_, inner_);
GMPSCHED_TEST_OPEN(writers_queue, gmp::shared_mutex, writers_, inner_);
GMPSCHED_TEST_OPEN(condition_queue, gmp::condition_variable, queue_, lock_);
GMPSCHED_TEST_OPEN(group_queue, gmp::wait_group, queue_, lock_);
GMPSCHED_TEST_OPEN(once_queue, gmp::once, queue_, lock_);
GMPSCHED_TEST_OPEN(semaphore_queue, gmp::semaphore, queue_, lock_);

template <class Tag>
void until_waiting(typename Tag::owner& object, std::size_t n) {
  until([&] { return count_in(object, Tag{}) == n; });
}

}  // namespace gmp_test
