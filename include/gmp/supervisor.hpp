// Gs that are started again when they end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmp/context.hpp>

namespace gmp {

// Whether a child that has ended is started again.
enum class restart {
  permanent,  // always
  transient,  // if it threw
  temporary,  // never
};

// Who is started again with it.
enum class supervision {
  one_for_one,  // nobody
  one_for_all,  // all: the others are cancelled and awaited first; temporary ones do not come back
};

// One child's end, as on_exit is told.
struct child_exit {
  std::string name;
  std::exception_ptr error;  // null: it returned
  bool restarting = false;
  std::chrono::nanoseconds delay{};  // until then
};

struct child_info {
  std::string name;
  bool running = false;
  std::uint64_t restarts = 0;
};

// Durations are positive, else std::invalid_argument.
struct supervisor_options {
  supervision strategy = supervision::one_for_one;
  // More restarts than this within the time: the supervisor gives up.
  unsigned max_restarts = 3;
  std::chrono::nanoseconds within = std::chrono::seconds(5);
  // Before a restart; doubles each time, up to the most, until the child has run for `within`.
  std::chrono::nanoseconds backoff = std::chrono::milliseconds(10);
  std::chrono::nanoseconds max_backoff = std::chrono::seconds(1);
  // Called on a G of the supervisor's, without locks, for every child that ends. It must not throw.
  std::function<void(const child_exit&)> on_exit{};
};

// Too many restarts.
class supervisor_failed : public std::runtime_error {
 public:
  supervisor_failed(const std::string& child, unsigned restarts, std::exception_ptr last);
  ~supervisor_failed() override;
  // The last failure of the child that was restarted too often; null: it returned.
  const std::exception_ptr& cause() const noexcept { return cause_; }

 private:
  std::exception_ptr cause_;
};

namespace detail {
class supervisor_core;
supervisor_core* supervisor_make(supervisor_options how, const context& parent);
void supervisor_free(supervisor_core* core) noexcept;
void supervisor_start(supervisor_core& core, std::string name, restart policy,
                      std::function<void(const context&)> body);
void supervisor_wait(supervisor_core& core);
void supervisor_stop(supervisor_core& core);
std::vector<child_info> supervisor_children(supervisor_core& core);
const context& supervisor_context(const supervisor_core& core) noexcept;
}  // namespace detail

// Keeps its children running: let it crash, and start anew from a known state. Each child runs on a
// G of its own, a fresh one each time; what it throws is no panic. Children are asked to end
// through their context, and no child outlives the supervisor. Members may be called from any G or
// thread at the same time, but for the destructor, and not from a child or on_exit where they wait.
// No Go counterpart; Erlang: supervisor.
class supervisor {
 public:
  // Ends when `parent` is cancelled. Throws std::invalid_argument (an option), std::bad_alloc.
  explicit supervisor(supervisor_options how = {}, const gmp::context& parent = {})
      : core_(detail::supervisor_make(std::move(how), parent)) {}
  supervisor(const supervisor&) = delete;
  supervisor& operator=(const supervisor&) = delete;
  // stop(), also while the runtime stops.
  ~supervisor() { detail::supervisor_free(core_); }

  // Has f(context) or f() called on a new G soon, and again by the policy: a copy that lives as
  // long as the child. Children are (re)started in the order of these calls. Throws
  // std::system_error: no runtime, or the supervisor has ended (operation_canceled).
  template <class F>
  void start(const std::string& name, restart policy, F f) {
    static_assert(std::is_invocable_v<F&, gmp::context> || std::is_invocable_v<F&>,
                  "gmp::supervisor::start: the callable takes nothing or a gmp::context");
    detail::supervisor_start(*core_, name, policy,
                             [body = std::move(f)](const gmp::context& ctx) mutable {
                               if constexpr (std::is_invocable_v<F&, gmp::context>) {
                                 static_cast<void>(std::invoke(body, ctx));
                               } else {
                                 static_cast<void>(ctx);
                                 static_cast<void>(std::invoke(body));
                               }
                             });
  }

  // Waits until there is no child any more. Throws supervisor_failed when it gave up.
  void wait() { detail::supervisor_wait(*core_); }

  // Cancels the children, waits for them. Idempotent; nothing can be started afterwards.
  void stop() { detail::supervisor_stop(*core_); }

  std::vector<child_info> children() const { return detail::supervisor_children(*core_); }

  // Above those of the children; cancelled by stop() and when the supervisor gives up.
  gmp::context context() const noexcept { return detail::supervisor_context(*core_); }

 private:
  detail::supervisor_core* core_;
};

}  // namespace gmp
