// Q1  The handler only counts: one atomic and one system call, on whatever stack and thread it
// meets.
//     A thread of its own writes the dump, so that it comes even when every M is stuck.
// Q2  That thread lives as long as the process, and wakes no G (service_threads()).
#include "debug/quit.hpp"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/atomic.hpp"
#include "base/futex.hpp"
#include "debug/report.hpp"

namespace gmp::detail {
namespace {

atomic<std::uint32_t> wanted{0};  // futex: how often the signal came
atomic<std::uint32_t> written{0};

void on_quit(int) {
  const int before = errno;
  wanted.fetch_add(1, memory_order_release);  // pairs with the acquire in serve()
  futex_wake(wanted, 1);
  errno = before;
}

void write_dump() noexcept {
  try {
    survey_result all;
    survey_all(all);
    std::fprintf(stderr, "gmpsched: SIGQUIT: %zu Gs\n", all.gs.size());
    text_request request{&all, 0, {}};
    while (request.next < all.gs.size()) {
      write_some_gs(request);
      std::fwrite(request.text.data(), 1, request.text.size(), stderr);
    }
    std::fflush(stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gmpsched: SIGQUIT: no dump: %s\n", error.what());
  }
}

[[noreturn]] void serve() noexcept {
  for (std::uint32_t done = 0;;) {
    const std::uint32_t now = wanted.load(memory_order_acquire);
    if (now == done) {
      futex_wait(wanted, now, -1);
      continue;
    }
    done = now;  // signals that come together get one dump
    write_dump();
    written.fetch_add(1, memory_order_release);  // pairs with the acquire in quit_dumps()
  }
}

void start() {
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of the user's runs there
  std::exception_ptr failure;
  try {
    std::thread(&serve).detach();
    service_thread_added();
  } catch (...) {
    failure = std::current_exception();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failure != nullptr) std::rethrow_exception(failure);
  struct sigaction action {};
  action.sa_handler = &on_quit;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  if (::sigaction(SIGQUIT, &action, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "gmp::options::dump_on_quit");
}

}  // namespace

void dump_on_quit() {
  static std::mutex lock;
  static bool done = false;
  const std::lock_guard hold(lock);
  if (done) return;
  start();
  done = true;
}

std::uint32_t quit_dumps() noexcept { return written.load(memory_order_acquire); }

}  // namespace gmp::detail
