// Starting Gs.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmp/detail/blocking.hpp>
#include <gmp/detail/spawn.hpp>
#include <gmp/task.hpp>

namespace gmp {

// What an exception that leaves a G ends: the process, or that G alone.
enum class panic_class { critical, isolated };

struct g_options {
  std::string name{};          // for reports
  std::size_t stack_size = 0;  // bytes of the first segment; 0: the runtime's
  panic_class panic = panic_class::critical;
  std::vector<std::pair<std::string, std::string>>
      facts{};  // for reports: user id, peer address, request ...
};

namespace detail {
template <class T>
inline constexpr bool is_g_options = std::is_same_v<std::decay_t<T>, g_options>;
}

// Starts f(args...) on a new G of the caller's runtime and goes on; no result, nobody waits.
// Arguments are copied or moved as std::thread does; use std::ref for references. From a G or a
// thread (there: the runtime it used last, or the only one). Throws std::system_error: no runtime,
// runtime stopped, out of memory. An exception that leaves f is a panic. Go: go f().
template <class F, class... A>
requires(!detail::is_g_options<F>) void go(F&& f, A&&... args) {
  detail::spawner<detail::scheduler*>::go(nullptr, std::forward<F>(f), std::forward<A>(args)...);
}

// The same with a name, stack size, panic class and facts.
template <class F, class... A>
void go(g_options how, F&& f, A&&... args) {
  detail::spawner<detail::scheduler*, const g_options&>::go(nullptr, how, std::forward<F>(f),
                                                            std::forward<A>(args)...);
}

// Starts f(args...) on a new G; task::get() waits and gives its result or exception.
template <class F, class... A>
auto spawn(F&& f, A&&... args) -> task<std::invoke_result_t<std::decay_t<F>, std::decay_t<A>...>> {
  return detail::make_task(nullptr, std::forward<F>(f), std::forward<A>(args)...);
}

// Runs f here, on the calling thread, and returns what it returns; an exception of f leaves it. For
// calls that block the thread: the P is handed to another thread at once, so that other Gs run; f
// may take as long as it likes. Calls that are not announced have the same effect later, see
// options::handoff_after. Afterwards the G waits for a P and may go on on another thread. With
// max_threads in use the P stays and f is simply called. On a plain thread: just f(). f must not
// expect to be alone: it may use this library. Go: what a system call does by itself.
template <class F>
decltype(auto) blocking(F&& f) {
  const detail::blocking_stretch announced;
  return std::invoke(std::forward<F>(f));
}

}  // namespace gmp
