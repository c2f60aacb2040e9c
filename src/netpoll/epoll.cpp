// The epoll backend: one edge-triggered set, shared by all Ms of a runtime.
//
// EP1  A descriptor is added once, for everything; its user data names it together with its tag.
// EP2  The eventfd is written and never read: each write is an edge. `wake_pending_` is set from
//      the write until its event is met, so that a burst of wake-ups is one write.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <new>

#include "netpoll/poller.hpp"

namespace gmp::detail {
namespace {

constexpr int batch = 128;
constexpr std::uint64_t wake_data = 0;  // no descriptor lies there

class epoll_poller final : public poller {
 public:
  const char* name() const noexcept override { return "epoll"; }
  bool poll(nanos until, woken_list& woken) noexcept override;
  void wake() noexcept override;

  epoll_poller* free_next = nullptr;

 protected:
  int start() noexcept override;
  void stop() noexcept override;
  int arm(descriptor& d) noexcept override;
  void disarm(descriptor& d) noexcept override;

 private:
  int wait(epoll_event* events, nanos until) noexcept;

  int set_ = -1;
  int wake_fd_ = -1;
  bool has_pwait2_ = true;
  atomic<bool> wake_pending_{false};
};

constinit spin_lock pool_lock;
constinit epoll_poller* pool = nullptr;

int epoll_poller::start() noexcept {
  set_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (set_ < 0) return errno;
  wake_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = wake_data;
  if (wake_fd_ < 0 || ::epoll_ctl(set_, EPOLL_CTL_ADD, wake_fd_, &event) != 0) {
    const int error = errno;
    stop();
    return error;
  }
  wake_pending_.store(false, memory_order_relaxed);
  return 0;
}

void epoll_poller::stop() noexcept {
  if (wake_fd_ >= 0) ::close(wake_fd_);
  if (set_ >= 0) ::close(set_);
  set_ = wake_fd_ = -1;
  pool_lock.lock();
  free_next = pool;
  pool = this;
  pool_lock.unlock();
}

int epoll_poller::arm(descriptor& d) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = d.event_data();
  return ::epoll_ctl(set_, EPOLL_CTL_ADD, d.fd(), &event) == 0 ? 0 : errno;
}

void epoll_poller::disarm(descriptor& d) noexcept {
  // Not left to close(): the file lives on where the number was duplicated (a child process).
  epoll_event none{};
  ::epoll_ctl(set_, EPOLL_CTL_DEL, d.fd(), &none);
}

int epoll_poller::wait(epoll_event* events, nanos until) noexcept {
  if (until == 0) return ::epoll_wait(set_, events, batch, 0);
  if (until == never) return ::epoll_wait(set_, events, batch, -1);
  nanos left = until - clock_now();
  if (left < 0) left = 0;
  if (has_pwait2_) {
    const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
    const int n = ::epoll_pwait2(set_, events, batch, &timeout, nullptr);
    if (n >= 0 || errno != ENOSYS) return n;
    has_pwait2_ = false;
  }
  const nanos ms = left / 1'000'000 + (left % 1'000'000 != 0 ? 1 : 0);
  return ::epoll_wait(set_, events, batch,
                      ms > 1'000'000'000 ? 1'000'000'000 : static_cast<int>(ms));
}

bool epoll_poller::poll(nanos until, woken_list& woken) noexcept {
  epoll_event events[batch];
  const int n = wait(events, until);
  bool met_wake = false;
  for (int i = 0; i < n; ++i) {  // n < 0: EINTR; the caller looks again
    const std::uint32_t what = events[i].events;
    if (events[i].data.u64 == wake_data) {
      // An exchange: reads what wake() stored last, so that what its caller did before is seen.
      wake_pending_.exchange(false, memory_order_acq_rel);
      met_wake = true;
      continue;
    }
    descriptor* d = descriptor::of_event(events[i].data.u64);
    if (d == nullptr) continue;
    const bool ended = (what & (EPOLLERR | EPOLLHUP)) != 0;
    deliver(*d, (what & (EPOLLIN | EPOLLRDHUP)) != 0 || ended, (what & EPOLLOUT) != 0 || ended,
            (what & (EPOLLRDHUP | EPOLLHUP | EPOLLPRI)) != 0, woken);
  }
  return met_wake;
}

void epoll_poller::wake() noexcept {
  if (wake_pending_.exchange(true, memory_order_acq_rel)) return;  // [EP2]
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_fd_, &one, sizeof one);
}

}  // namespace

poller* epoll_poller_take() noexcept {
  pool_lock.lock();
  epoll_poller* one = pool;
  if (one != nullptr) pool = one->free_next;
  pool_lock.unlock();
  return one != nullptr ? one : new (std::nothrow) epoll_poller;
}

}  // namespace gmp::detail
