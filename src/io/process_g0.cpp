// Starting children and asking after them: what runs on a thread's own stack.
#include "io/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#ifndef P_PIDFD
#define P_PIDFD static_cast<idtype_t>(3)
#endif

namespace gmp::detail {
namespace {

constexpr int first_other = 3;  // descriptors below are standard streams

struct stream_ends {
  int child = -1;   // close-on-exec and not a standard stream's number; -1: left alone
  int parent = -1;  // of a pipe
};

void close_if_open(int& fd) noexcept {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// The child's end must not be overwritten while the standard streams are put in place.
long out_of_the_way(int& fd) noexcept {
  if (fd >= first_other) return 0;
  const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, first_other);
  if (moved < 0) return -errno;
  ::close(fd);
  fd = moved;
  return 0;
}

long prepare(const stdio& what, int number, stream_ends& ends) noexcept {
  switch (what.what()) {
    case stdio::kind::inherit:
      return 0;
    case stdio::kind::as_out:
      return number == 2 ? 0 : -EINVAL;
    case stdio::kind::null:
      ends.child = ::open("/dev/null", (number == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
      break;
    case stdio::kind::descriptor:
      ends.child = ::fcntl(what.handle(), F_DUPFD_CLOEXEC, first_other);
      break;
    case stdio::kind::pipe: {
      int both[2];
      if (::pipe2(both, O_CLOEXEC) != 0) return -errno;
      ends.child = both[number == 0 ? 0 : 1];
      ends.parent = both[number == 0 ? 1 : 0];
      break;
    }
  }
  return ends.child >= 0 ? out_of_the_way(ends.child) : -errno;
}

// What posix_spawn() is told; freed at the end.
class plan {
 public:
  plan() noexcept {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  ~plan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  plan(const plan&) = delete;
  plan& operator=(const plan&) = delete;

  int make(const spawn_request& request, const stream_ends (&streams)[3]) noexcept {
    int error = 0;
    for (int i = 0; i < 3 && error == 0; ++i) {
      if (streams[i].child >= 0)
        error = ::posix_spawn_file_actions_adddup2(&actions_, streams[i].child, i);
    }
    if (error == 0 && request.streams[2].what() == stdio::kind::as_out)
      error = ::posix_spawn_file_actions_adddup2(&actions_, 1, 2);
    if (error == 0 && request.directory != nullptr)
      error = ::posix_spawn_file_actions_addchdir_np(&actions_, request.directory);
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return error;
  }
  int run(const spawn_request& request, pid_t& pid) const noexcept {
    return ::posix_spawnp(&pid, request.program, &actions_, &attributes_, request.arguments,
                          request.environment != nullptr ? request.environment : environ);
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// It runs, but nothing can be known of it.
void give_up(pid_t pid) noexcept {
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// Into a descriptor; the file is the descriptor's, or closed.
descriptor* own(int& fd, long& error) noexcept {
  adopt_request request{fd, false};
  fd = -1;
  adopt_at_home(&request);
  if (request.error != 0) error = request.error;
  return request.d;
}

void close_descriptor(descriptor*& d) noexcept {
  if (d == nullptr) return;
  if (d->begin_close() && d->leave()) d->finish_close();
  if (d->drop_handle()) d->give();
  d = nullptr;
}

// The child runs: this process's ends, and its pidfd.
void take_charge(spawn_request& request, stream_ends (&streams)[3], pid_t pid) noexcept {
  int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) {
    request.error = -errno;
  } else {
    request.d = descriptor::make(pidfd);
    if (request.d == nullptr) {
      request.error = -ENOMEM;
      close_if_open(pidfd);
    }
  }
  for (int i = 0; i < 3; ++i) {
    if (streams[i].parent >= 0) request.ends[i] = own(streams[i].parent, request.error);
  }
  if (request.error == 0) {
    request.pid = pid;
    return;
  }
  give_up(pid);
  close_descriptor(request.d);
  for (descriptor*& end : request.ends) close_descriptor(end);
}

long look(const look_request& request) noexcept {
  siginfo_t info{};
  const auto file = static_cast<id_t>(request.fd);
  const int how = WEXITED | WNOWAIT | (request.block ? 0 : WNOHANG);
  while (::waitid(P_PIDFD, file, &info, how) != 0) {
    if (errno == EINTR) continue;
    if (errno != ECHILD) return -errno;
    // acquire: pairs with the store below, which came before the child was reaped. [PR1]
    return request.ended->load(memory_order_acquire) != 0 ? 0 : -ECHILD;
  }
  if (info.si_pid == 0) return -EAGAIN;
  exit_status status;
  (info.si_code == CLD_EXITED ? status.code : status.signal) = info.si_status;
  status.core_dumped = info.si_code == CLD_DUMPED;
  request.ended->store(pack(status), memory_order_release);  // [PR1]
  siginfo_t again{};
  ::waitid(P_PIDFD, file, &again, WEXITED | WNOHANG);
  return 0;
}

}  // namespace

void spawn_at_home(void* arg) {
  auto& request = *static_cast<spawn_request*>(arg);
  stream_ends streams[3];
  for (int i = 0; i < 3 && request.error == 0; ++i)
    request.error = prepare(request.streams[i], i, streams[i]);
  plan how;
  pid_t pid = 0;
  if (request.error == 0) request.error = -how.make(request, streams);
  if (request.error == 0) request.error = -how.run(request, pid);
  if (request.error == 0) take_charge(request, streams, pid);
  for (stream_ends& one : streams) {
    close_if_open(one.child);
    close_if_open(one.parent);
  }
}

void look_at_home(void* arg) {
  auto& request = *static_cast<look_request*>(arg);
  request.result = look(request);
}

void signal_child_at_home(void* arg) {
  auto& request = *static_cast<signal_request*>(arg);
  request.error =
      ::syscall(SYS_pidfd_send_signal, request.fd, request.signal, nullptr, 0) == 0 ? 0 : -errno;
}

void duplicate_at_home(void* arg) {
  auto& request = *static_cast<duplicate_request*>(arg);
  const int fd = ::fcntl(request.fd, F_DUPFD_CLOEXEC, first_other);
  if (fd < 0) {
    request.error = -errno;
    return;
  }
  request.d = descriptor::make(fd);
  if (request.d != nullptr) return;
  ::close(fd);
  request.error = -ENOMEM;
}

void memory_at_home(void* arg) {
  auto& request = *static_cast<memory_request*>(arg);
  request.fd = ::memfd_create("gmpsched", MFD_CLOEXEC);
  if (request.fd < 0) {
    request.error = -errno;
    return;
  }
  const char* from = static_cast<const char*>(request.text);
  for (std::size_t done = 0; done < request.n && request.error == 0;) {
    const ssize_t n = ::pwrite(request.fd, from + done, request.n - done, static_cast<off_t>(done));
    if (n < 0 && errno != EINTR) request.error = -errno;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  if (request.error != 0) close_if_open(request.fd);
}

}  // namespace gmp::detail
