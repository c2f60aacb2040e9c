#include "netpoll/poller.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/check.hpp"

namespace gmp::detail {
void poller::deliver(descriptor& d, bool in, bool out, bool always_try,
                     woken_list& woken) noexcept {
  if (always_try)
    d.hung_up.store(true, memory_order_relaxed);  // before the words: who is woken sees it
  if (in) woken.append(d.mark_ready(direction::reading));
  if (out) woken.append(d.mark_ready(direction::writing));
}

void poller::link(descriptor& d) noexcept {
  lock_.lock();
  d.home_prev = nullptr;
  d.home_next = first_;
  if (first_ != nullptr) first_->home_prev = &d;
  first_ = &d;
  count_.fetch_add(1, memory_order_relaxed);
  lock_.unlock();
}

bool poller::unlink(descriptor& d) noexcept {
  lock_.lock();
  const bool here = d.home.load(memory_order_relaxed) == this;
  if (here) {
    (d.home_prev != nullptr ? d.home_prev->home_next : first_) = d.home_next;
    if (d.home_next != nullptr) d.home_next->home_prev = d.home_prev;
    d.home.store(nullptr, memory_order_seq_cst);
    count_.fetch_sub(1, memory_order_relaxed);
  }
  lock_.unlock();
  return here;
}

int poller::add(descriptor& d) noexcept {
  poller* none = nullptr;
  if (!d.home.compare_exchange_strong(none, this, memory_order_seq_cst)) return 0;
  link(d);
  const int error = arm(d);
  if (error != 0) unlink(d);
  return error;
}

void poller::remove(descriptor& d) noexcept {
  if (!unlink(d)) return;
  before_close(d);
  disarm(d);
}

bool poller::has_waiter() noexcept {
  lock_.lock();
  descriptor* found = first_;
  while (found != nullptr && !found->has_waiter()) found = found->home_next;
  if (found != nullptr &&
      found != first_) {  // to the front: it is likely to wait the next time, too
    found->home_prev->home_next = found->home_next;
    if (found->home_next != nullptr) found->home_next->home_prev = found->home_prev;
    found->home_prev = nullptr;
    found->home_next = first_;
    first_->home_prev = found;
    first_ = found;
  }
  lock_.unlock();
  return found != nullptr;
}

io_waiter* poller::retire() noexcept {
  woken_list woken;
  for (;;) {
    lock_.lock();
    descriptor* d = first_;
    lock_.unlock();
    if (d == nullptr) break;
    if (!unlink(*d)) continue;  // closed meanwhile
    disarm(*d);
    // One that has seen this poller as the descriptor's home may be about to wait. [D5]
    d->take_for_good(direction::reading, woken);
    d->take_for_good(direction::writing, woken);
  }
  stop();
  return woken.first();
}

poller* poller::make(poller_choice wanted, int& error) noexcept {
  if (wanted == poller_choice::io_uring) {
#if GMPSCHED_IO_URING
    poller* ring = uring_poller_take();
    error = ring == nullptr ? ENOMEM : ring->start();
    if (error == 0) return ring;
#else
    error = ENOSYS;  // this build has none
#endif
    static atomic<bool> said{false};
    if (!said.exchange(true, memory_order_relaxed))
      std::fprintf(stderr, "gmpsched: io_uring is not to be had (%s): epoll is used instead\n",
                   std::strerror(error));
  }
  poller* plain = epoll_poller_take();
  if (plain == nullptr) {
    error = ENOMEM;
    return nullptr;
  }
  error = plain->start();
  return error == 0 ? plain : nullptr;
}

}  // namespace gmp::detail
