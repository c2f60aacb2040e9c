// How a callable gets onto a new G's stack: reserve room, construct in place, start.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include <gmp/detail/clang_varargs.hpp>

namespace gmp {
struct g_options;
namespace detail {

struct g;
class scheduler;

// A G that was made but not started. Owned by whoever made it until start or abandon.
struct unborn {
  g* made;
  void* storage;  // for the closure, on the new G's stack
};

// Closures up to this size and alignment live on the G's own stack, larger ones on the heap.
inline constexpr std::size_t closure_room = 512;
inline constexpr std::size_t closure_align = 64;

// `sched` null: the caller's own runtime. Throws std::system_error when there is no runtime, it has
// stopped, or memory is out.
unborn spawn_begin(scheduler* sched, std::size_t size, std::size_t align);
unborn spawn_begin(scheduler* sched, const g_options& options, std::size_t size, std::size_t align);
void spawn_start(unborn child, void (*run)(void*)) noexcept;
void spawn_abandon(unborn child) noexcept;

template <class F, class... A>
struct closure {
  F function;
  std::tuple<A...> arguments;

  template <class G, class... B>
  explicit closure(G&& f, B&&... args)
      : function(std::forward<G>(f)), arguments(std::forward<B>(args)...) {}

  void call() {
    if constexpr (sizeof...(A) == 0)
      std::invoke(std::move(function));
    else
      std::apply([this](A&... args) { std::invoke(std::move(function), std::move(args)...); },
                 arguments);
  }

  static void run(void* self) {
    struct destroyer {
      closure* made;
      ~destroyer() { made->~closure(); }
    } owner{static_cast<closure*>(self)};
    owner.made->call();
  }
  static void run_boxed(void* self) {
    std::unique_ptr<closure> owner(*static_cast<closure**>(self));
    owner->call();
  }
};

template <class... Begin>
struct spawner {
  template <class F, class... A>
  static void go(Begin... begin, F&& f, A&&... args) {
    using body = closure<std::decay_t<F>, std::decay_t<A>...>;
    static_assert(std::is_invocable_v<std::decay_t<F>, std::decay_t<A>...>,
                  "gmp::go: the callable cannot be called with these arguments");
    if constexpr (sizeof(body) <= closure_room && alignof(body) <= closure_align) {
      unborn child = spawn_begin(begin..., sizeof(body), alignof(body));
      try {
        ::new (child.storage) body(std::forward<F>(f), std::forward<A>(args)...);
      } catch (...) {
        spawn_abandon(child);
        throw;
      }
      spawn_start(child, &body::run);
    } else {
      auto boxed = std::make_unique<body>(std::forward<F>(f), std::forward<A>(args)...);
      unborn child = spawn_begin(begin..., sizeof(body*), alignof(body*));
      ::new (child.storage) body*(boxed.release());
      spawn_start(child, &body::run_boxed);
    }
  }
};

}  // namespace detail
}  // namespace gmp
