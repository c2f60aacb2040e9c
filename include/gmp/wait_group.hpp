// Waiting for a number of things to be done.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <gmp/detail/context_core.hpp>
#include <gmp/detail/spin_lock.hpp>
#include <gmp/detail/waiter.hpp>
#include <gmp/errors.hpp>
#include <gmp/go.hpp>

namespace gmp {

namespace detail {
struct wait_access;
}

// A counter and those who wait for it to become zero. Gs and threads; works without a runtime (but
// for go()); not for signal handlers. It may be used again once wait() has returned; an add() that
// starts from zero must happen before the wait() that is to see it. What done() was called after is
// seen by whoever returns from wait(). Go: sync.WaitGroup.
class wait_group {
 public:
  constexpr wait_group() noexcept = default;
  wait_group(const wait_group&) = delete;
  wait_group& operator=(const wait_group&) = delete;

  // Adds to the counter, negative numbers too; at zero all who wait go on. Throws std::logic_error
  // when the counter would become negative, and leaves it as it was. Go: Add.
  void add(std::ptrdiff_t n);
  // add(-1). Go: Done.
  void done() { add(-1); }

  // Waits until the counter is zero. Go: Wait.
  void wait();

  // The same, ended by a context too: a cancelled one fails at once. The first throws
  // std::system_error of ctx.err(); the second sets `why` or clears it. The wait group must outlive
  // these calls, not only the last done().
  void wait(const context& ctx);
  void wait(const context& ctx, std::error_code& why);

  // Counts one more, calls f() on a new G, and counts it off when f has returned and what it
  // captured is gone. An exception that leaves f is a panic: the process ends before wait()
  // returns. Throws what gmp::go() throws, not counted then. Go: WaitGroup.Go.
  template <class F>
  void go(F&& f) {
    static_assert(std::is_invocable_v<std::decay_t<F>>,
                  "gmp::wait_group::go: the callable takes no arguments");
    add(1);
    try {
      gmp::go([this, body = std::decay_t<F>(std::forward<F>(f))]() mutable { run(body); });
    } catch (...) {
      done();
      throw;
    }
  }

 private:
  template <class F>
  void run(F& body) {
    try {
      F mine = std::move(body);
      std::invoke(std::move(mine));
    } catch (
        const detail::unwind_exception&) {  // no panic: the runtime stops, threads may wait for us
      done();
      throw;
    }
    done();
  }

  void became_zero() noexcept;
  bool must_wait() noexcept;

  friend struct detail::wait_access;

  // Twice the counter, plus one while somebody waits. [WG1]
  std::atomic<std::int64_t> state_{0};
  detail::spin_lock lock_;
  detail::wait_queue queue_;
};

}  // namespace gmp
