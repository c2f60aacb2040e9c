// The lock for many readers or one writer.
//
// SM1  writing_ => reading_ == 0.
// SM2  A writer waits => it is held. A reader waits => a writer holds it or waits.
// SM3  It is handed over: who is taken out of a queue holds the lock already, counted by whoever
// took him out. When a writer
//      leaves, all readers that wait come in; when the last reader leaves, the first writer does.
#include "gmp/shared_mutex.hpp"

#include "base/check.hpp"
#include "sync/wait.hpp"

namespace gmp {

using namespace detail;

void shared_mutex::lock() {
  if (!try_lock()) lock_deadline(never);
}

bool shared_mutex::try_lock() noexcept {
  inner_.lock();
  const bool mine = !writing_ && reading_ == 0;
  if (mine) writing_ = true;
  inner_.unlock();
  return mine;
}

bool shared_mutex::lock_deadline(nanoseconds_count deadline) {
  inner_.lock();
  if (!writing_ && reading_ == 0) {
    writing_ = true;
    inner_.unlock();
    return true;
  }
  const wake_status status = wait_in({writers_, inner_, wait_reason::shared_mutex, deadline});
  return status == wake_status::ok || gave_up(status == wake_status::pending);
}

// A writer left the queue empty-handed: the readers that waited because of it need not any more.
// [SM2]
bool shared_mutex::gave_up(bool stopping) {
  inner_.lock();
  waiter* chain = !writing_ && writers_.empty() ? admit_readers() : nullptr;
  inner_.unlock();
  ready_all(chain);
  if (stopping) unwind(current_g());
  return false;
}

// Under inner_, with no writer in it. [SM3]
waiter* shared_mutex::admit_readers() noexcept {
  waiter* chain = release_all(readers_);
  for (const waiter* w = chain; w != nullptr; w = w->next) ++reading_;
  return chain;
}

namespace {

GMPSCHED_HOME_FUNCTION(fatal_home)(void* what) { fatal(static_cast<const char*>(what)); }

// A destructor that was refused the lock while its runtime stops gives back what it never had.
__attribute__((noinline, cold)) void misuse(const char* what) noexcept {
  if (!must_unwind(current_g())) call_on_home(&fatal_home, const_cast<char*>(what));
}

}  // namespace

void shared_mutex::unlock() noexcept {
  inner_.lock();
  if (__builtin_expect(!writing_, 0)) {
    inner_.unlock();
    misuse("gmp::shared_mutex::unlock of a shared_mutex not locked for writing");
    return;
  }
  writing_ = false;
  waiter* chain = admit_readers();
  g* writer = nullptr;
  if (chain == nullptr) {
    writer = release_first(writers_);
    writing_ = writer != nullptr;
  }
  inner_.unlock();
  if (writer != nullptr) ready(*writer);
  ready_all(chain);
}

void shared_mutex::lock_shared() {
  if (!try_lock_shared()) lock_shared_deadline(never);
}

bool shared_mutex::try_lock_shared() noexcept {
  inner_.lock();
  const bool mine = !writing_ && writers_.empty();
  if (mine) ++reading_;
  inner_.unlock();
  return mine;
}

bool shared_mutex::lock_shared_deadline(nanoseconds_count deadline) {
  inner_.lock();
  if (!writing_ && writers_.empty()) {
    ++reading_;
    inner_.unlock();
    return true;
  }
  const wake_status status = wait_in({readers_, inner_, wait_reason::shared_mutex, deadline});
  if (status == wake_status::pending) unwind(current_g());
  return status == wake_status::ok;
}

void shared_mutex::unlock_shared() noexcept {
  inner_.lock();
  if (__builtin_expect(reading_ == 0, 0)) {
    inner_.unlock();
    misuse("gmp::shared_mutex::unlock_shared of a shared_mutex not locked for reading");
    return;
  }
  g* writer = nullptr;
  if (--reading_ == 0) {
    writer = release_first(writers_);
    writing_ = writer != nullptr;
  }
  inner_.unlock();
  if (writer != nullptr) ready(*writer);
}

}  // namespace gmp
