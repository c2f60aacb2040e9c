// Names to addresses: getaddrinfo() may take seconds and cannot be interrupted, so it runs on
// threads made for it. They end when nothing is left to look up: an idle process has none.
//
// RES1  At most most_threads look up at once; others wait in a queue, first in first out.
// RES2  A lookup belongs to two: who waits and who looks up. Who waits may go at any time.
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "io/lookup.hpp"

namespace gmp::detail {
namespace {

constexpr int most_threads = 64;

class resolve_errors final : public std::error_category {
 public:
  const char* name() const noexcept override { return "gmp.resolve"; }
  std::string message(int code) const override { return ::gai_strerror(code); }
  std::error_condition default_error_condition(int code) const noexcept override {
    switch (code) {
      case EAI_NONAME:
        return std::make_error_condition(std::errc::no_such_device_or_address);
      case EAI_AGAIN:
        return std::make_error_condition(std::errc::resource_unavailable_try_again);
      case EAI_MEMORY:
        return std::make_error_condition(std::errc::not_enough_memory);
      default:
        return {code, *this};
    }
  }
};

struct lookup_queue {
  std::mutex lock;
  lookup* first = nullptr;
  lookup** end = &first;
  int threads = 0;
};

// Never destroyed: threads may look up while the process ends.
lookup_queue& the_queue() {
  static lookup_queue* instance = new lookup_queue;
  return *instance;
}

void drop(lookup& done) noexcept {
  if (done.references.fetch_sub(1, memory_order_acq_rel) == 1) delete &done;
}

void copy_addresses(const addrinfo* list, std::vector<net::endpoint>& out) {
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    if (one->ai_addrlen > net::endpoint::capacity) continue;
    net::endpoint e;
    std::memcpy(e.data(), one->ai_addr, one->ai_addrlen);
    e.resize(one->ai_addrlen);
    const auto same = [&e](const net::endpoint& other) {
      return e.size() == other.size() && std::memcmp(e.data(), other.data(), e.size()) == 0;
    };
    if (std::none_of(out.begin(), out.end(), same)) out.push_back(e);
  }
}

struct answer {
  int gai_error = 0;
  int system_error = 0;
  std::vector<net::endpoint> found;
};

answer ask(const lookup& what, int flags) noexcept {
  answer out;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;  // one entry per address
  hints.ai_flags = flags | (what.host.empty() ? AI_PASSIVE : 0);
  addrinfo* list = nullptr;
  const char* host = what.host.empty() ? nullptr : what.host.c_str();
  const char* service = what.service.empty() ? "0" : what.service.c_str();
  out.gai_error = ::getaddrinfo(host, service, &hints, &list);
  if (out.gai_error == EAI_SYSTEM) out.system_error = errno;
  if (out.gai_error != 0) return out;
  try {
    copy_addresses(list, out.found);
  } catch (const std::bad_alloc&) {
    out.gai_error = EAI_MEMORY;
  }
  ::freeaddrinfo(list);
  return out;
}

void finish(lookup& what, answer&& got) noexcept {
  what.lock.lock();
  what.gai_error = got.gai_error;
  what.system_error = got.system_error;
  what.found = std::move(got.found);
  what.done = true;
  g* waiter = std::exchange(what.waiter, nullptr);
  what.lock.unlock();
  if (waiter != nullptr) ready(*waiter);
}

void work() noexcept {
  lookup_queue& queue = the_queue();
  for (;;) {
    lookup* next;
    {
      const std::lock_guard hold(queue.lock);
      next = queue.first;
      if (next == nullptr) {
        --queue.threads;
        return;
      }
      queue.first = next->next;
      if (queue.first == nullptr) queue.end = &queue.first;
    }
    // acquire: pairs with drop(); nobody waits any more if this is the last reference.
    if (next->references.load(memory_order_acquire) > 1) finish(*next, ask(*next, 0));
    drop(*next);
  }
}

// False: no thread is to be had, and none is there.
bool enqueue(lookup& what) {
  lookup_queue& queue = the_queue();
  const std::lock_guard hold(queue.lock);
  lookup** const place = queue.end;
  *place = &what;
  queue.end = &what.next;
  if (queue.threads >= most_threads) return true;
  try {
    std::thread(&work).detach();
    ++queue.threads;
  } catch (const std::exception&) {  // no thread, or no memory for one
    if (queue.threads != 0) return true;
    *place = nullptr;
    queue.end = place;
    return false;
  }
  return true;
}

}  // namespace

void lookup_begin_at_home(void* arg) {
  auto& request = *static_cast<lookup_request*>(arg);
  auto* made = new (std::nothrow) lookup;
  if (made == nullptr) return;
  try {
    made->host = request.host;
    made->service = request.service;
    answer numbers = ask(*made, AI_NUMERICHOST | AI_NUMERICSERV);  // no lookup at all
    if (numbers.gai_error == 0) {
      made->references.store(1, memory_order_relaxed);
      finish(*made, std::move(numbers));
    } else if (!enqueue(*made)) {
      made->references.store(1, memory_order_relaxed);
      finish(*made, {EAI_SYSTEM, EAGAIN, {}});
    }
  } catch (const std::exception&) {  // out of memory: nobody else knows of it
    delete made;
    return;
  }
  request.made = made;
}

void resolve_category_at_home(void* out) {
  static const resolve_errors instance;
  *static_cast<const std::error_category**>(out) = &instance;
}

void lookup_drop_at_home(void* made) { drop(*static_cast<lookup*>(made)); }

}  // namespace gmp::detail
