// What waits for descriptors: a small interface with a backend for epoll and one for io_uring.
//
// NP1  It returns whom to wake and schedules nothing.
// NP2  One thread at a time blocks in it; any number may look without blocking. wake() ends the
//      blocking call under way or the next one.
// NP3  Pollers are never destroyed, only used again: a descriptor that is being closed may come to
//      the poller it was in a moment ago. Whether it is still there is decided under the lock.
#pragma once

#include <cstdint>

#include "base/atomic.hpp"
#include "base/clock.hpp"
#include "gmp/detail/spin_lock.hpp"
#include "netpoll/descriptor.hpp"
#include "netpoll/send_batch.hpp"

namespace gmp::detail {

enum class poller_choice : std::uint8_t { automatic, epoll, io_uring };

class poller {
 public:
  // A working one. Null: `error` is the errno. A backend that was asked for by name and is not to
  // be had is replaced by epoll, and stderr says so once per process.
  static poller* make(poller_choice wanted, int& error) noexcept;

  virtual ~poller() = default;  // nobody calls it [NP3]
  virtual const char* name() const noexcept = 0;

  // Registers once for all events. 0, or an errno; nothing is registered then. Idempotent.
  int add(descriptor& d) noexcept;
  // If it is registered here; the file is about to be closed.
  void remove(descriptor& d) noexcept;

  // Appends to `woken` whom the events so far wake; waits for some until `until` (0: not at all)
  // unless there are any. True: a wake-up was met; who did not block calls wake() again if somebody
  // else does, for it was meant for him.
  virtual bool poll(nanos until, woken_list& woken) noexcept = 0;
  virtual void wake() noexcept = 0;  // [NP2]

  // Is it worth while to leave sends to it? poll() takes those that are pending to the kernel, and
  // appends whose they are.
  virtual bool batches_sends() const noexcept { return false; }
  send_batch sends;

  // Is anything registered, and does anybody wait for any of it?
  bool in_use() const noexcept { return count_.load(memory_order_relaxed) != 0; }
  bool has_waiter() noexcept;

  // The runtime has ended: everything is taken out, whoever waits (Gs of other runtimes) is
  // returned and looks again. The poller goes back to the pool.
  io_waiter* retire() noexcept;

 protected:
  poller() noexcept = default;
  virtual int start() noexcept = 0;  // 0, or an errno; may be called again after stop()
  virtual void stop() noexcept = 0;
  virtual int arm(descriptor& d) noexcept = 0;
  virtual void disarm(descriptor& d) noexcept = 0;
  // Before disarm(), when the file is to be closed next, and that is to show at once.
  virtual void before_close(descriptor&) noexcept {}

  // An event on both directions' words.
  static void deliver(descriptor& d, bool in, bool out, bool always_try,
                      woken_list& woken) noexcept;

  // False: it is not in this list any more. [NP3]
  bool unlink(descriptor& d) noexcept;
  // With the list locked, if it is there.
  template <class Use>
  void if_linked(descriptor& d, Use use) noexcept {
    lock_.lock();
    if (d.home.load(memory_order_relaxed) == this) use();
    lock_.unlock();
  }

 private:
  void link(descriptor& d) noexcept;

  spin_lock lock_;  // guards the list
  descriptor* first_ = nullptr;
  atomic<std::uint32_t> count_{0};
};

// A stopped one from the pool, or a new one. Null: out of memory.
poller* epoll_poller_take() noexcept;
#if GMPSCHED_IO_URING
poller* uring_poller_take() noexcept;
#endif

}  // namespace gmp::detail
