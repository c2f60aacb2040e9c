// A bounded number of Gs that are used again and again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <gmp/context.hpp>
#include <gmp/detail/time.hpp>
#include <gmp/errors.hpp>
#include <gmp/go.hpp>
#include <gmp/task.hpp>

namespace gmp {

struct pool_options {
  // A worker that had nothing to do for so long ends. Positive, else std::invalid_argument; the
  // largest: never.
  std::chrono::nanoseconds idle_after = std::chrono::seconds(10);
  // Called on the worker with what a go() threw; the worker goes on. It must not throw. Empty: the
  // exception leaves the worker's G, which is a panic.
  std::function<void(std::exception_ptr)> on_panic{};
};

struct pool_stats {
  std::size_t size = 0;         // workers there may be
  std::size_t workers = 0;      // that there are
  std::size_t idle = 0;         // of these: without work
  std::size_t waiting = 0;      // callers that wait for a worker
  std::uint64_t submitted = 0;  // pieces of work taken on since the start
  std::uint64_t completed = 0;  // and ended, by return or exception
  std::uint64_t panics = 0;     // exceptions of go()
  std::uint64_t purged = 0;     // workers that ended because there was nothing to do
};

namespace detail {

// One piece of work. Its end tells whoever waits for it, run or not.
struct pool_job {
  pool_job() = default;
  pool_job(const pool_job&) = delete;
  pool_job& operator=(const pool_job&) = delete;
  virtual ~pool_job() = default;
  virtual void run() = 0;
};

template <class F>
struct detached_job final : pool_job {
  F body;
  explicit detached_job(F f) : body(std::move(f)) {}
  void run() override { static_cast<void>(std::invoke(std::move(body))); }
};

template <class R, class F>
struct task_job final : pool_job {
  struct ender {
    task_state<R>* state = new task_state<R>;
    ender() = default;
    ender(const ender&) = delete;
    ender& operator=(const ender&) = delete;
    ~ender() {
      state->done.signal();
      state->drop();
    }
  } end;  // first: what the body captured is gone before anybody is told
  F body;
  explicit task_job(F f) : body(std::move(f)) {}
  void run() override {
    F mine = std::move(body);
    end.state->result.fill(mine);
  }
};

class pool_core;

pool_core* pool_make(std::size_t size, pool_options how);
void pool_close(pool_core& core);
void pool_free(pool_core* core) noexcept;  // closes, waits
// Hands the job to a worker. False: the deadline passed, or `ctx` was cancelled (`why` says how);
// the job is the caller's then.
struct pool_request {
  nanoseconds_count deadline = forever;  // negative: do not wait
  const context* ctx = nullptr;
  std::error_code why{};
};
bool pool_give(pool_core& core, std::unique_ptr<pool_job>& job, pool_request& how);
std::size_t pool_purge(pool_core& core) noexcept;
void pool_resize(pool_core& core, std::size_t size);
pool_stats pool_look(pool_core& core) noexcept;

}  // namespace detail

// Runs what is submitted on at most `size` Gs. There is no line of waiting work: while all workers
// are busy, whoever submits waits (first in, first out), so nothing piles up unseen. A worker is
// made when none is idle, in the runtime of whoever submits, and keeps its stack and its g_locals
// from one piece of work to the next. Members may be called from any G or thread at the same time,
// but for the destructor; not from signal handlers. No Go counterpart in the standard library.
class pool {
 public:
  // Throws std::invalid_argument (size zero, an option), std::bad_alloc.
  explicit pool(std::size_t size, pool_options how = {})
      : core_(detail::pool_make(size, std::move(how))) {}
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  // close().
  ~pool() { detail::pool_free(core_); }

  // Waits for a worker and has it call f(); the task gives the result or the exception. After
  // close(), also when it comes meanwhile: std::system_error (operation_canceled). Otherwise throws
  // what go() throws, and nothing was submitted.
  template <class F>
  auto submit(F&& f) -> task<std::invoke_result_t<std::decay_t<F>>> {
    detail::pool_request how;
    return result_of(submit_how(std::forward<F>(f), how));
  }
  // The same, ended by a context too: std::system_error of ctx.err(); a cancelled one fails at
  // once. The context does not reach f.
  template <class F>
  auto submit(F&& f, const context& ctx) -> task<std::invoke_result_t<std::decay_t<F>>> {
    detail::pool_request how;
    how.ctx = &ctx;
    auto made = submit_how(std::forward<F>(f), how);
    detail::throw_if_told(how.why, "gmp::pool::submit");
    return result_of(std::move(made));
  }
  // Does not wait, or no longer than the duration. Empty: nobody was free; f is gone if it was
  // moved.
  template <class F>
  auto try_submit(F&& f) -> std::optional<task<std::invoke_result_t<std::decay_t<F>>>> {
    detail::pool_request how;
    how.deadline = -1;
    return submit_how(std::forward<F>(f), how);
  }
  template <class F, class Rep, class Period>
  auto try_submit_for(F&& f, std::chrono::duration<Rep, Period> d)
      -> std::optional<task<std::invoke_result_t<std::decay_t<F>>>> {
    detail::pool_request how;
    how.deadline = detail::deadline_after(d);
    return submit_how(std::forward<F>(f), how);
  }

  // As submit(), but nobody waits for the result; exceptions go to on_panic.
  template <class F>
  void go(F&& f) {
    detail::pool_request how;
    std::unique_ptr<detail::pool_job> job(
        new detail::detached_job<std::decay_t<F>>(std::forward<F>(f)));
    detail::pool_give(*core_, job, how);
  }

  // Ends the idle workers now; returns how many.
  std::size_t purge() noexcept { return detail::pool_purge(*core_); }

  // Changes the number of workers there may be. Workers too many end when they have nothing to do.
  // Throws std::invalid_argument: zero.
  void resize(std::size_t size) { detail::pool_resize(*core_, size); }

  // Takes nothing more, lets those who wait go with an error, waits until what was submitted has
  // ended, and ends the workers. Idempotent. Not on one of its own workers.
  void close() { detail::pool_close(*core_); }

  pool_stats stats() const noexcept { return detail::pool_look(*core_); }

 private:
  template <class F, class R = std::invoke_result_t<std::decay_t<F>>>
  std::optional<task<R>> submit_how(F&& f, detail::pool_request& how) {
    auto* made = new detail::task_job<R, std::decay_t<F>>(std::forward<F>(f));
    std::unique_ptr<detail::pool_job> job(made);
    task<R> handle = detail::task_access::adopt(made->end.state);
    if (!detail::pool_give(*core_, job, how)) return std::nullopt;
    return handle;
  }

  // Empty only in a destructor while the runtime stops.
  template <class R>
  static task<R> result_of(std::optional<task<R>> made) {
    return made ? std::move(*made) : task<R>();
  }

  detail::pool_core* core_;
};

}  // namespace gmp
