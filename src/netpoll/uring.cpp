// The io_uring backend: a multishot poll per descriptor, on one ring that all Ms share.
//
// UR1  Everything that is submitted is submitted at once, under lock_: the submission queue is
//      empty whenever the lock is free. Completions are taken under the same lock. Nobody holds it
//      while he waits.
// UR2  A multishot poll reports edges, like the epoll backend. Its user data names the descriptor
//      and its tag, so what is reported after the cancellation is dropped.
// UR3  A poll that ended by itself is armed again only while the descriptor is in this poller's
//      list, with the list locked: disarm() comes after the unlinking, so it cancels that one, too,
//      and no poll is left behind on a number that belongs to somebody else.
// UR4  wake() is a NOP: it completes while it is submitted, and a completion ends the wait.
// UR5  A poll holds its file until the thread that armed it has run the task work of the
// cancellation:
//      what close() does to the peer would be late. So a socket that another thread armed is shut
//      down first. (That reaches processes which share the socket by fork(), unlike a close.)
// UR6  Urgent data is not asked for: the kernel reports what a wake-up may mean, not what is so,
// and
//      any data may mean that.
// UR7  Sends that were left to it complete while they are submitted, or fail with EAGAIN. Their
// user
//      data is the send itself, marked by its top bit. [SB3]
//
// A poll's completion is posted by the thread that armed it, when the kernel has it run its task
// work; a ring whose owner must ask for that (DEFER_TASKRUN) would leave the events of a busy M
// unseen by others. A ring without flags interrupts the owner for each event, which costs two
// thirds of the throughput; with COOP_TASKRUN it is seen when that thread enters the kernel, at the
// latest at its timer tick, also when it blocks there. Each system call that ends with such work to
// do pays for it, though, 0.5 us and more: that is why sends are batched.
#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <new>

#include "netpoll/poller.hpp"

namespace gmp::detail {
namespace {

constexpr unsigned most_entries = 256;
constexpr unsigned least_entries = 8;
constexpr unsigned completions_per_entry = 16;  // every descriptor may report at once
constexpr unsigned batch = 128;
constexpr unsigned most_tries = 1'000;  // of a system call that says "later"
constexpr nanos retry_after = 1'000'000;
constexpr unsigned needed_features = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG |
                                     IORING_FEAT_RSRC_TAGS;  // the last: 5.13, multishot polls

constexpr std::uint64_t wake_data = 0;  // no descriptor lies there
constexpr std::uint64_t cancel_data = 1;
constexpr std::uint64_t send_bit = std::uint64_t{1} << 63;

class uring_poller final : public poller {
 public:
  const char* name() const noexcept override { return "io_uring"; }
  bool poll(nanos until, woken_list& woken) noexcept override;
  void wake() noexcept override;
  bool batches_sends() const noexcept override { return true; }

  uring_poller* free_next = nullptr;

 protected:
  int start() noexcept override;
  void stop() noexcept override;
  int arm(descriptor& d) noexcept override;
  void disarm(descriptor& d) noexcept override;
  void before_close(descriptor& d) noexcept override;

 private:
  template <class Prepare>
  int submit(Prepare prepare) noexcept;
  int submit_prepared() noexcept;
  void submit_sends() noexcept;
  bool empty() const noexcept;          // no completion is there
  bool has_task_work() const noexcept;  // some thread's, which it may run or make the kernel flush
  void block(nanos until) noexcept;
  bool reap(woken_list& woken) noexcept;
  void complete(const io_uring_cqe& done, woken_list& woken) noexcept;

  spin_lock ring_lock_;
  io_uring ring_{};
  atomic<bool> stuck_{false};  // something prepared was not submitted for want of memory
  atomic<bool> wake_pending_{false};
};

constinit spin_lock pool_lock;
constinit uring_poller* pool = nullptr;

void give_back(uring_poller& one) noexcept {
  pool_lock.lock();
  one.free_next = pool;
  pool = &one;
  pool_lock.unlock();
}

int uring_poller::start() noexcept {
  int error = ENOMEM;
  for (unsigned entries = most_entries; entries >= least_entries && error == ENOMEM;
       entries /= 2) {  // the memory counts against RLIMIT_MEMLOCK
    io_uring_params params{};
    params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL |
                   IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    params.cq_entries = entries * completions_per_entry;
    error = -io_uring_queue_init_params(entries, &ring_, &params);
    if (error == 0 && (params.features & needed_features) != needed_features) {
      io_uring_queue_exit(&ring_);
      error = ENOSYS;
    }
  }
  if (error != 0) give_back(*this);
  wake_pending_.store(false, memory_order_relaxed);
  return error;
}

void uring_poller::stop() noexcept {
  io_uring_queue_exit(&ring_);
  give_back(*this);
}

// Under the lock. 0, or an errno.
int uring_poller::submit_prepared() noexcept {
  int n = 0;
  for (unsigned tries = 0; tries < most_tries && io_uring_sq_ready(&ring_) != 0; ++tries) {
    n = io_uring_submit(&ring_);
    if (n == -EBUSY) io_uring_get_events(&ring_);  // completions that found no room go in first
    if (n < 0 && n != -EINTR && n != -EAGAIN && n != -EBUSY) break;
  }
  const bool all = io_uring_sq_ready(&ring_) == 0;
  stuck_.store(!all, memory_order_relaxed);
  if (all) return 0;
  return n < 0 ? -n : EAGAIN;
}

template <class Prepare>
int uring_poller::submit(Prepare prepare) noexcept {
  ring_lock_.lock();
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  int error = ENOMEM;
  if (entry != nullptr) {  // there is one, unless the kernel is out of memory: [UR1]
    prepare(entry);
    error = submit_prepared();
  }
  ring_lock_.unlock();
  return error;
}

void prepare_send(io_uring_sqe* entry, const batched_send& one) noexcept {
  constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  if (one.message != nullptr) {
    io_uring_prep_sendmsg(entry, one.fd, one.message, flags);
  } else {
    io_uring_prep_send(entry, one.fd, one.data, one.bytes, flags);
  }
  entry->user_data = send_bit | reinterpret_cast<std::uint64_t>(&one);
}

// Oldest first.
void uring_poller::submit_sends() noexcept {
  woken_list order;
  batched_send* newest = sends.take();
  if (newest == nullptr) return;
  order.append(&newest->w);
  ring_lock_.lock();
  for (io_waiter* w = order.first(); w != nullptr;) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry != nullptr) {
      prepare_send(entry, reinterpret_cast<batched_send&>(*w));
      w = w->next;
    } else {
      submit_prepared();
    }
  }
  submit_prepared();
  ring_lock_.unlock();
}

// Tells threads apart.
const void* this_thread() noexcept {
  thread_local char here;
  return &here;
}

int uring_poller::arm(descriptor& d) noexcept {
  d.armed_by.store(this_thread(), memory_order_relaxed);
  return submit([&d](io_uring_sqe* entry) {
    io_uring_prep_poll_multishot(entry, d.fd(), POLLIN | POLLOUT | POLLRDHUP);
    entry->user_data = d.event_data();
  });
}

void uring_poller::disarm(descriptor& d) noexcept {
  submit([&d](io_uring_sqe* entry) {
    io_uring_prep_poll_remove(entry, d.event_data());
    entry->user_data = cancel_data;
  });
}

void uring_poller::before_close(descriptor& d) noexcept {
  if (d.armed_by.load(memory_order_relaxed) == this_thread()) return;
  linger how{};
  socklen_t size = sizeof how;
  const bool reset = ::getsockopt(d.fd(), SOL_SOCKET, SO_LINGER, &how, &size) == 0 &&
                     how.l_onoff != 0 && how.l_linger == 0;
  // [UR5] Unless its owner wants a reset instead. What is no socket, or not connected, refuses.
  if (!reset) ::shutdown(d.fd(), SHUT_RDWR);
}

void uring_poller::wake() noexcept {
  if (wake_pending_.exchange(true, memory_order_acq_rel)) return;
  const int error = submit([](io_uring_sqe* entry) {
    io_uring_prep_nop(entry);
    entry->user_data = wake_data;
  });
  // It goes in with the next submission; until then others are to try, too.
  if (error != 0) wake_pending_.store(false, memory_order_release);
}

bool uring_poller::empty() const noexcept {
  // acquire: pairs with the kernel's release of the tail.
  const unsigned tail = __atomic_load_n(ring_.cq.ktail, __ATOMIC_ACQUIRE);
  return tail == __atomic_load_n(ring_.cq.khead, __ATOMIC_RELAXED);
}

bool uring_poller::has_task_work() const noexcept {
  return (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) &
          (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0;
}

void uring_poller::block(nanos until) noexcept {
  __kernel_timespec timeout{};
  if (until != never) {
    const nanos now = clock_now();
    const nanos left = until > now ? until - now : 0;
    timeout.tv_sec = left / 1'000'000'000;
    timeout.tv_nsec = left % 1'000'000'000;
  }
  io_uring_getevents_arg wait{};
  wait.ts = until != never ? reinterpret_cast<std::uint64_t>(&timeout) : 0;
  // Nothing is submitted: other threads may do so meanwhile.
  io_uring_enter2(static_cast<unsigned>(ring_.ring_fd), 0, 1,
                  IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, reinterpret_cast<sigset_t*>(&wait),
                  sizeof wait);
}

void uring_poller::complete(const io_uring_cqe& done, woken_list& woken) noexcept {
  if ((done.user_data & send_bit) != 0) {
    auto& one = *reinterpret_cast<batched_send*>(done.user_data & ~send_bit);
    one.result = done.res;
    one.w.next = nullptr;  // its list went into the ring
    woken.append(&one.w);
    return;
  }
  descriptor* d = descriptor::of_event(done.user_data);
  if (d == nullptr) return;
  const bool more = (done.flags & IORING_CQE_F_MORE) != 0;
  if (done.res < 0) {
    // Not by disarm(): the thread that had armed it has ended, or the kernel gave up. Nothing
    // watches it any more: who waits registers it anew.
    if (unlink(*d)) deliver(*d, true, true, false, woken);
    return;
  }
  const auto what = static_cast<unsigned>(done.res);
  const bool ended = (what & (POLLERR | POLLHUP)) != 0;
  if (!more) if_linked(*d, [this, d] { arm(*d); });  // [UR3]
  deliver(*d, (what & (POLLIN | POLLRDHUP)) != 0 || ended, (what & POLLOUT) != 0 || ended,
          (what & (POLLRDHUP | POLLHUP)) != 0, woken);
}

// Takes what is there. True: a wake-up was met.
bool uring_poller::reap(woken_list& woken) noexcept {
  bool met_wake = false;
  io_uring_cqe copies[batch];
  unsigned n;
  do {
    ring_lock_.lock();
    if (stuck_.load(memory_order_relaxed)) submit_prepared();
    if (has_task_work()) io_uring_get_events(&ring_);
    io_uring_cqe* entries[batch];
    n = io_uring_peek_batch_cqe(&ring_, entries, batch);
    for (unsigned i = 0; i < n; ++i) copies[i] = *entries[i];
    io_uring_cq_advance(&ring_, n);
    ring_lock_.unlock();
    for (unsigned i = 0; i < n; ++i) {
      if (copies[i].user_data == wake_data) {
        // An exchange: reads what wake() stored last, so that what its caller did before is seen.
        wake_pending_.exchange(false, memory_order_acq_rel);
        met_wake = true;
      } else if (copies[i].user_data != cancel_data) {
        complete(copies[i], woken);
      }
    }
  } while (n == batch);
  return met_wake;
}

bool uring_poller::poll(nanos until, woken_list& woken) noexcept {
  if (sends.any()) submit_sends();
  const bool stuck = stuck_.load(memory_order_relaxed);
  // Blocking runs this thread's task work and waits for that of others.
  if (until != 0 && empty())
    block(stuck && until > clock_now() + retry_after ? clock_now() + retry_after : until);
  return (!empty() || has_task_work() || stuck) && reap(woken);
}

}  // namespace

poller* uring_poller_take() noexcept {
  pool_lock.lock();
  uring_poller* one = pool;
  if (one != nullptr) pool = one->free_next;
  pool_lock.unlock();
  return one != nullptr ? one : new (std::nothrow) uring_poller;
}

}  // namespace gmp::detail
