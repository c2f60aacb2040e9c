// Last words, the signal stack, and the handler that turns a guard-page hit into a report.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stack/stack.hpp"
#include "stack/system.hpp"

namespace gmp::detail {
namespace {

// Enough for a signal frame with AVX-512 and AMX state (about 11 KB) and for the report itself.
constexpr std::size_t signal_stack_bytes = 128 * 1024;
constexpr std::size_t signal_stack_least = 32 * 1024;

// A line of text in a fixed buffer: nothing here may allocate.
class line {
 public:
  void add(const char* text) noexcept {
    while (*text != '\0' && used_ < sizeof(buffer_)) buffer_[used_++] = *text++;
  }
  void add(std::size_t number) noexcept {
    char digits[24];
    char* p = digits + sizeof(digits) - 1;
    *p = '\0';
    do *--p = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    add(p);
  }
  void write_out() noexcept {
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, buffer_, used_);
  }

 private:
  char buffer_[512];
  std::size_t used_ = 0;
};

struct sigaction former_segv;
struct sigaction former_bus;

void chain(const struct sigaction& former, int signal, siginfo_t* info, void* context) noexcept {
  if ((former.sa_flags & SA_SIGINFO) != 0 && former.sa_sigaction != nullptr) {
    former.sa_sigaction(signal, info, context);
  } else if (former.sa_handler != SIG_DFL && former.sa_handler != SIG_IGN) {
    former.sa_handler(signal);
  } else {
    // Back to the default action; returning repeats the access, which now ends the process with a
    // core that shows the right place.
    struct sigaction plain = {};
    plain.sa_handler = SIG_DFL;
    ::sigaction(signal, &plain, nullptr);
    if (info->si_code <= 0) ::raise(signal);  // sent by kill(): nothing would repeat it
  }
}

void on_fault(int signal, siginfo_t* info, void* context) {
  // Only the kernel's own faults (si_code > 0) carry an address.
  const fault_place place = info->si_code > 0 ? classify_fault(info->si_addr) : fault_place{};
  switch (place.kind) {
    case fault_kind::not_ours:
      break;
    case fault_kind::first_guard:
      stack_overflow_hook(place.first_top, place.used, place.max);
      die("stack_overflow_hook returned");
    case fault_kind::big_guard:
      die("stack overflow in code that was not built with -fsplit-stack: it used more than the ",
          place.max, " bytes of stack it was lent (the G holds ", place.used, " bytes in all)");
  }
  chain(signal == SIGBUS ? former_bus : former_segv, signal, info, context);
}

void install_fault_handler() noexcept {
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGSEGV, &action, &former_segv);
  ::sigaction(SIGBUS, &action, &former_bus);
}

}  // namespace

void die(const char* text) noexcept {
  line message;
  message.add("gmpsched: ");
  message.add(text);
  message.add("\n");
  message.write_out();
  ::abort();
}

void die(const char* text, std::size_t a, const char* between, std::size_t b,
         const char* after) noexcept {
  line message;
  message.add("gmpsched: ");
  message.add(text);
  message.add(a);
  message.add(between);
  message.add(b);
  message.add(after);
  message.add("\n");
  message.write_out();
  ::abort();
}

void report_stack_overflow(void*, std::size_t used, std::size_t max) noexcept {
  die("stack overflow: a G needs more than its max_stack (it holds ", used, " bytes, the limit is ",
      max, ")");
}

void (*stack_overflow_hook)(void*, std::size_t, std::size_t) noexcept = &report_stack_overflow;

void enter_signal_stack(signal_stack& own) noexcept {
  static const bool once = (install_fault_handler(), true);
  static_cast<void>(once);
  stack_t current = {};
  ::sigaltstack(nullptr, &current);
  own = signal_stack{};
  if ((current.ss_flags & SS_DISABLE) == 0 && current.ss_size >= signal_stack_least) return;
  void* const base = map_pages(signal_stack_bytes);
  if (base == nullptr) die("out of memory for the signal stack of a thread");
  own.base = base;
  own.bytes = signal_stack_bytes;
  own.old_base = current.ss_sp;
  own.old_bytes = current.ss_size;
  own.old_flags = current.ss_flags;
  stack_t next = {};
  next.ss_sp = base;
  next.ss_size = signal_stack_bytes;
  own.installed = ::sigaltstack(&next, nullptr) == 0;
}

void leave_signal_stack(signal_stack& own) noexcept {
  if (own.base == nullptr) return;
  stack_t old = {};
  old.ss_sp = own.old_base;
  old.ss_size = own.old_bytes;
  old.ss_flags = own.old_flags;
  if (own.installed) ::sigaltstack(&old, nullptr);
  unmap_pages(own.base, own.bytes);
  own = signal_stack{};
}

}  // namespace gmp::detail
