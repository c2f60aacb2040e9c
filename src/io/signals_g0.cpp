// From the signal handler to channels: the handler notes the signal and writes to an eventfd; one
// thread, which lives while anybody listens, reads it and sends.
//
// SIG1  The handler notes first (arrived, release) and writes then; the thread reads the eventfd
//       first and takes what arrived then: no signal stays unseen. The eventfd is made once and
//       never closed, so a late handler finds it.
// SIG2  The thread sends without waiting, under the lock; what finds no room stays owed and is
//       tried again. A listener that has left under the lock is never sent to again.
// SIG3  Lock order: lifecycle, then lock. The thread takes only the latter, so whoever holds
//       lifecycle may join it; there is at most one.
// SIG4  What was noted before a listener came is none of his: it is taken and handed to the others
// under
//       the lock under which he joins them, and by nobody outside of it. So is what is noted when
//       the last listener has left, whoever joins next.
#include "io/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/atomic.hpp"
#include "io/socket.hpp"
#include "io/syscall.hpp"

namespace gmp::detail {
namespace {

constexpr int signal_count = 64;
constexpr int retry_ms = 5;  // while something is owed

constinit atomic<std::uint64_t> arrived{0};
constinit atomic<int> wake_fd{-1};

constexpr std::uint64_t bit_of(int signal) noexcept { return std::uint64_t{1} << (signal - 1); }

// Safe in a handler: errno is kept, and no thunk of the C library's functions is passed.
void write_wake_fd() noexcept {
  const std::uint64_t one = 1;
  const int fd = wake_fd.load(memory_order_acquire);  // pairs with the release in start_worker()
#if GMPSCHED_RAW_SYSCALLS
  raw_syscall(SYS_write, fd, reinterpret_cast<long>(&one), sizeof one);
#else
  const int saved = errno;
  [[maybe_unused]] const ssize_t n = ::write(fd, &one, sizeof one);
  errno = saved;
#endif
}

void on_signal(int signal) {
  arrived.fetch_or(bit_of(signal), memory_order_release);  // [SIG1]
  write_wake_fd();
}

struct hub {
  std::mutex lifecycle;
  std::mutex lock;
  signal_listener* first = nullptr;  // lock
  unsigned listeners[signal_count + 1] = {};
  struct sigaction before[signal_count + 1] = {};
  std::optional<std::thread> worker;
  bool stop = false;  // lock
};

// Never destroyed: the thread may run while the process ends.
hub& the_hub() {
  static hub* instance = new hub;
  return *instance;
}

// True: something is still owed.
bool deliver(hub& all, std::uint64_t got) {
  bool owed = false;
  for (signal_listener* one = all.first; one != nullptr; one = one->next) {
    one->owed |= got & one->wanted;
    while (one->owed != 0) {
      int signal = __builtin_ctzll(one->owed) + 1;
      if (!one->channel.try_send(signal)) break;  // [SIG2]
      one->owed &= one->owed - 1;
    }
    owed |= one->owed != 0;
  }
  return owed;
}

void work(hub& all) {
  const int fd = wake_fd.load(memory_order_relaxed);
  bool owed = false;
  for (;;) {
    pollfd wait{fd, POLLIN, 0};
    ::poll(&wait, 1, owed ? retry_ms : -1);
    std::uint64_t count;
    [[maybe_unused]] const ssize_t n = ::read(fd, &count, sizeof count);
    const std::lock_guard hold(all.lock);
    if (all.stop) return;
    owed = deliver(all, arrived.exchange(0, memory_order_acquire));  // [SIG1, SIG4]
  }
}

// The thread blocks all signals: they interrupt others.
void start_worker(hub& all) {
  if (all.worker) return;
  if (wake_fd.load(memory_order_relaxed) < 0) {
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) throw_errno(-errno, "gmp::signals::notify");
    wake_fd.store(fd, memory_order_release);  // pairs with the acquire of handlers
  }
  sigset_t blocked, old;
  ::sigfillset(&blocked);
  ::pthread_sigmask(SIG_SETMASK, &blocked, &old);
  all.stop = false;
  try {
    all.worker.emplace([&all] { work(all); });
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
    throw;
  }
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

void stop_worker(hub& all) {
  {
    const std::lock_guard hold(all.lock);
    all.stop = true;
  }
  write_wake_fd();
  all.worker->join();
  all.worker.reset();
}

bool can_be_listened_to(int signal) noexcept {
  switch (signal) {
    case SIGKILL:
    case SIGSTOP:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
      return false;
    default:  // those between are the C library's own
      return signal > 0 && (signal < 32 || (signal >= SIGRTMIN && signal <= SIGRTMAX));
  }
}

std::uint64_t checked_set(std::span<const int> signals) {
  std::uint64_t wanted = 0;
  for (const int signal : signals) {
    if (!can_be_listened_to(signal))
      throw std::invalid_argument("gmp::signals::notify: signal " + std::to_string(signal) +
                                  " cannot be listened to");
    wanted |= bit_of(signal);
  }
  if (wanted == 0) throw std::invalid_argument("gmp::signals::notify: no signal");
  return wanted;
}

template <class F>
void for_each_signal(std::uint64_t set, F f) {
  for (; set != 0; set &= set - 1) f(__builtin_ctzll(set) + 1);
}

void catch_signal(hub& all, int signal) noexcept {
  if (all.listeners[signal]++ != 0) return;
  struct sigaction now {};
  now.sa_handler = &on_signal;
  now.sa_flags = SA_RESTART | SA_ONSTACK;  // on a G's stack there is no room for a frame
  ::sigfillset(&now.sa_mask);
  ::sigaction(signal, &now, &all.before[signal]);
}

void release_signal(hub& all, int signal) noexcept {
  if (--all.listeners[signal] == 0) ::sigaction(signal, &all.before[signal], nullptr);
}

}  // namespace

void signals_listen_at_home(void* arg) {
  auto& request = *static_cast<listen_request*>(arg);
  const std::uint64_t wanted = checked_set(request.signals);
  auto made = std::make_unique<signal_listener>();
  made->channel = request.channel;
  made->wanted = wanted;
  hub& all = the_hub();
  const std::lock_guard alone(all.lifecycle);
  start_worker(all);
  {
    const std::lock_guard hold(all.lock);
    // The thread tries again what finds no room.
    if (deliver(all, arrived.exchange(0, memory_order_acquire))) write_wake_fd();  // [SIG4]
    made->next = all.first;
    all.first = made.get();
  }
  for_each_signal(wanted, [&all](int signal) { catch_signal(all, signal); });
  request.made = made.release();
}

void signals_leave_at_home(void* arg) {
  auto* leaving = static_cast<signal_listener*>(arg);
  hub& all = the_hub();
  const std::lock_guard alone(all.lifecycle);
  for_each_signal(leaving->wanted, [&all](int signal) { release_signal(all, signal); });
  {
    const std::lock_guard hold(all.lock);
    signal_listener** at = &all.first;
    while (*at != leaving) at = &(*at)->next;
    *at = leaving->next;
  }
  delete leaving;
  if (all.first == nullptr) stop_worker(all);
}

}  // namespace gmp::detail
