// The P pin: user code never touches the P, so while a G runs user code its P may be frozen or
// taken by another thread. Runtime code that needs the P pins it first.
//
// PIN1  The owner uses pp only between pin and unpin; another thread only while it holds
// revoke_lock with revoke == 1
//       and saw pin == 0 after a heavy fence. Never both.
// PIN2  owner: pin = 1; light fence; read revoke.    other: revoke = 1; heavy fence; read pin.
//       By F1 at least one sees the other. The owner that sees revoke backs off (pin = 0) and waits
//       for the lock.
// PIN3  The other never waits for the owner: it gives up when it sees the pin.
// PIN4  pp is written by the owner while pinned, by who gives a P to an M that idles (its pin is
//       set), or by seize() under the rules of PIN1. Without the pin the owner knows of it only
//       what peek_p() says.
//
// A build with GMPSCHED_BENCH_WITHOUT_PIN leaves the owner's side out, to measure what it costs:
// the pin then stays set for ever, and nobody can take a P.
//
// Cost on the owner's side: two plain stores and two loads. g0 keeps the pin while the scheduler
// loop runs; it is handed from stack to stack over a switch, and every runtime call drops it before
// it returns to user code.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/asymmetric_fence.hpp"
#include "base/attributes.hpp"
#include "sched/m.hpp"

namespace gmp::detail {

// For tests, in builds with debug checks: called on the M's own stack between the steps of the pin.
enum class pin_step : std::uint8_t { before, stored, checked, before_unpin, unpinned };
inline constexpr std::size_t pin_steps = 5;
extern void (*pin_seam)(m& self, pin_step where);
#ifdef GMPSCHED_DEBUG_CHECKS
GMPSCHED_HOME void pin_seam_slow(m& self, pin_step where) noexcept;
[[gnu::always_inline]] inline void at_pin_step(m& self, pin_step where) noexcept {
  if (__builtin_expect(pin_seam != nullptr, 0)) pin_seam_slow(self, where);
}
#else
inline void at_pin_step(m&, pin_step) noexcept {}
#endif

// Somebody is at our P: waits until he is done.
[[nodiscard]] bool pin_slow(m& self) noexcept;

// Sets the pin. False: this M has no P. Not to be nested: use is_pinned() first where an outer pin
// may exist.
[[nodiscard, gnu::always_inline]] inline bool pin(m& self) noexcept {
#if !GMPSCHED_BENCH_WITHOUT_PIN
  at_pin_step(self, pin_step::before);
  self.pin.store(1, memory_order_relaxed);
  light_fence();  // pairs with the heavy fence in freeze() [PIN2]
  at_pin_step(self, pin_step::stored);
  // acquire: pairs with the release in freeze(); what was done with the P is seen.
  if (__builtin_expect(self.revoke.load(memory_order_acquire) != 0, 0)) return pin_slow(self);
  at_pin_step(self, pin_step::checked);
#endif
  return self.pp != nullptr;
}

[[nodiscard]] inline bool is_pinned(const m& self) noexcept {
#if GMPSCHED_BENCH_WITHOUT_PIN
  return self.current == nullptr;
#else
  return self.pin.load(memory_order_relaxed) != 0;  // written by this thread alone
#endif
}

// release: what was done with the P happened before whoever freezes it next reads pin == 0.
[[gnu::always_inline]] inline void unpin(m& self) noexcept {
#if GMPSCHED_BENCH_WITHOUT_PIN
  static_cast<void>(self);
#else
  at_pin_step(self, pin_step::before_unpin);
  self.pin.store(0, memory_order_release);
  at_pin_step(self, pin_step::unpinned);
#endif
}

// A hint, for who has no pin: the P may be taken at any moment. Ps live as long as their scheduler.
inline p* peek_p(const m& self) noexcept {
  return std::atomic_ref<p*>(const_cast<p*&>(self.pp)).load(memory_order_relaxed);
}

// Runs `use()` while another M runs user code, and cannot leave it. False: it was pinned.
template <class Use>
bool hold_off(m& other, Use&& use) noexcept {
  other.revoke_lock.lock();
  other.revoke.store(1, memory_order_relaxed);
  heavy_fence();  // pairs with the light fence in pin() [PIN2]
  const bool mine = other.pin.load(memory_order_acquire) == 0;
  if (mine) use();
  other.revoke.store(0, memory_order_release);  // as in freeze()
  other.revoke_lock.unlock();
  return mine;
}

// Runs `use(p&)` on the P of another M while that M runs user code. False: it was pinned, or has no
// P.
template <class Use>
bool freeze(m& other, Use&& use) noexcept {
  other.revoke_lock.lock();
  other.revoke.store(1, memory_order_relaxed);
  heavy_fence();  // pairs with the light fence in pin() [PIN2]
  bool mine = other.pin.load(memory_order_acquire) == 0 && other.pp != nullptr;
  if (mine) use(*other.pp);
  // release: the owner that spins in pin_slow() sees what was done.
  other.revoke.store(0, memory_order_release);
  other.revoke_lock.unlock();
  return mine;
}

// Takes `wanted` from an M that runs user code: its G goes on without a P, and its next pin() says
// so. The caller holds the scheduler's lock. False: it was pinned, or has another P, or none.
inline bool seize(m& other, p& wanted) noexcept {
  bool taken = false;
  freeze(other, [&](p& held) {
    if (&held != &wanted) return;
    std::atomic_ref<p*>(other.pp).store(nullptr, memory_order_relaxed);
    taken = true;
  });
  return taken;
}

}  // namespace gmp::detail
