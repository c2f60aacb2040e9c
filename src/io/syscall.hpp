// System calls that a G makes where it is: one instruction, no frame of libc, so that a parked
// reader keeps to its first segment. They return the result or a negative errno.
//
// Sanitizers follow the C library's functions (what was sent happened before it is received), so
// under them, and on other processors, those are called; G stacks are large there.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "context/fiber.hpp"

#if defined(__x86_64__) && !GMPSCHED_ASAN && !GMPSCHED_TSAN
#define GMPSCHED_RAW_SYSCALLS 1
#endif

namespace gmp::detail {

#if GMPSCHED_RAW_SYSCALLS

[[gnu::always_inline]] inline long raw_syscall(long number, long a, long b, long c, long d = 0,
                                               long e = 0, long f = 0) noexcept {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

inline long sys_recv(int fd, void* to, std::size_t n, int flags) noexcept {
  return raw_syscall(SYS_recvfrom, fd, reinterpret_cast<long>(to), static_cast<long>(n), flags);
}
inline long sys_send(int fd, const void* from, std::size_t n, int flags) noexcept {
  return raw_syscall(SYS_sendto, fd, reinterpret_cast<long>(from), static_cast<long>(n), flags);
}
inline long sys_recvmsg(int fd, msghdr* message, int flags) noexcept {
  return raw_syscall(SYS_recvmsg, fd, reinterpret_cast<long>(message), flags);
}
inline long sys_sendmsg(int fd, const msghdr* message, int flags) noexcept {
  return raw_syscall(SYS_sendmsg, fd, reinterpret_cast<long>(message), flags);
}
inline long sys_accept(int fd) noexcept {
  return raw_syscall(SYS_accept4, fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
// Of a regular file, by the page cache alone; offset -1: at its position.
inline long sys_preadv2(int fd, const iovec& to, std::int64_t offset) noexcept {
  return raw_syscall(SYS_preadv2, fd, reinterpret_cast<long>(&to), 1, offset, 0, RWF_NOWAIT);
}
inline long sys_pwritev2(int fd, const iovec& from, std::int64_t offset) noexcept {
  return raw_syscall(SYS_pwritev2, fd, reinterpret_cast<long>(&from), 1, offset, 0, RWF_NOWAIT);
}
inline long sys_read(int fd, void* to, std::size_t n) noexcept {
  return raw_syscall(SYS_read, fd, reinterpret_cast<long>(to), static_cast<long>(n));
}

#else

inline long result_of(long n) noexcept { return n >= 0 ? n : -static_cast<long>(errno); }

inline long sys_recv(int fd, void* to, std::size_t n, int flags) noexcept {
  return result_of(::recv(fd, to, n, flags));
}
inline long sys_send(int fd, const void* from, std::size_t n, int flags) noexcept {
  return result_of(::send(fd, from, n, flags));
}
inline long sys_recvmsg(int fd, msghdr* message, int flags) noexcept {
  return result_of(::recvmsg(fd, message, flags));
}
inline long sys_sendmsg(int fd, const msghdr* message, int flags) noexcept {
  return result_of(::sendmsg(fd, message, flags));
}
inline long sys_accept(int fd) noexcept {
  return result_of(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}
inline long sys_preadv2(int fd, const iovec& to, std::int64_t offset) noexcept {
  return result_of(::preadv2(fd, &to, 1, offset, RWF_NOWAIT));
}
inline long sys_pwritev2(int fd, const iovec& from, std::int64_t offset) noexcept {
  return result_of(::pwritev2(fd, &from, 1, offset, RWF_NOWAIT));
}
inline long sys_read(int fd, void* to, std::size_t n) noexcept {
  return result_of(::read(fd, to, n));
}

#endif

}  // namespace gmp::detail
