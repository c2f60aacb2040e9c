// Looks into contexts: what a node still knows of below it, and counters of callbacks.
#pragma once

#include <gmp/context.hpp>

#include "support/waiting.hpp"
#include "sync/context_node.hpp"

namespace gmp_test {

// Everything that is registered with the context: derived ones, after_funcs, waits.
inline std::size_t children_of(const gmp::context& ctx) {
  auto* node = gmp::detail::canceller_of(gmp::detail::context_access::node(ctx));
  std::size_t n = 0;
  if (node == nullptr) return n;
  node->lock.lock();
  for (auto* child = node->first; child != nullptr; child = child->next) ++n;
  node->lock.unlock();
  return n;
}

inline bool is_done(const gmp::context& ctx) {
  auto ch = ctx.done();
  return ch && ch.try_recv() == gmp::chan_status::closed;
}

inline bool alive(const gmp::context& ctx) { return !ctx.err() && !is_done(ctx); }
inline bool canceled(const gmp::context& ctx) {
  return ctx.err() == std::errc::operation_canceled && is_done(ctx);
}
inline bool late(const gmp::context& ctx) {
  return ctx.err() == std::errc::timed_out && is_done(ctx);
}

// what() of an exception pointer.
inline std::string text_of(const std::exception_ptr& error) {
  if (error == nullptr) return "none";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "?";
  }
}

inline std::exception_ptr error(const char* text) {
  return std::make_exception_ptr(std::runtime_error(text));
}

}  // namespace gmp_test
