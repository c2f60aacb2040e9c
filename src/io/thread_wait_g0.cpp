// A plain thread that waits for a descriptor: it blocks in poll(), with an eventfd of its own
// beside the descriptor, through which it is told of a close or a new deadline.
//
// TW1  The waiter stands in the direction's list like a G's. Whoever takes it writes the eventfd
//      first and sets `released` last; the thread does not return before, unless it took the waiter
//      itself.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "base/attributes.hpp"
#include "io/home.hpp"
#include "io/wait.hpp"
#include "sched/netpoll.hpp"
#include "sched/registry.hpp"

namespace gmp::detail {
namespace {

struct own_eventfd {
  int fd = -1;
  int get() noexcept {
    if (fd < 0) fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd;
  }
  ~own_eventfd() {
    if (fd >= 0) ::close(fd);
  }
};

void block(const descriptor& d, direction dir, nanos deadline, int wake_fd) noexcept {
  const short events = dir == direction::reading ? POLLIN | POLLRDHUP : POLLOUT;
  pollfd fds[2] = {{d.fd(), events, 0}, {wake_fd, POLLIN, 0}};
  timespec left{};
  if (deadline != never) {
    const nanos now = clock_now();
    const nanos ns = deadline > now ? deadline - now : 0;
    left = {ns / 1'000'000'000, ns % 1'000'000'000};
  }
  ::ppoll(fds, 2, deadline != never ? &left : nullptr, nullptr);
}

// Out of the list. The others that stood there look again.
void leave(descriptor& d, direction dir, io_waiter& mine) noexcept {
  bool found = false;
  for (io_waiter* w = d.take(dir); w != nullptr;) {
    io_waiter* next = w->next;
    if (w == &mine) {
      found = true;
    } else {
      w->next = nullptr;
      io_wake(w);
    }
    w = next;
  }
  if (found) return;
  // acquire: pairs with release_thread(): it does not touch the waiter any more.
  while (mine.released.load(memory_order_acquire) == 0) cpu_pause();
  std::uint64_t count;
  [[maybe_unused]] const ssize_t n = ::read(mine.wake_fd, &count, sizeof count);
}

}  // namespace

void thread_wait_at_home(void* arg) {
  auto& request = *static_cast<thread_wait_request*>(arg);
  thread_local own_eventfd own;
  io_waiter w;
  w.owner = &thread_g();
  w.wake_fd = own.get();
  if (w.wake_fd < 0) {
    request.result = -errno;
    return;
  }
  descriptor& d = *request.d;
  request.result = 0;
  if (!d.push(request.dir, w)) return;
  if (!d.closing() && d.deadline(request.dir) == request.deadline)  // [D5]
    block(d, request.dir, request.deadline, w.wake_fd);
  leave(d, request.dir, w);
}

void release_thread_at_home(void* arg) { release_thread(*static_cast<io_waiter*>(arg)); }

}  // namespace gmp::detail
