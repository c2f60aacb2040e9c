// Looks into a channel: tells a test that a partner really stands in its queue, so that no test
// sleeps and hopes.
#pragma once

#include "support/harness.hpp"
#include "sync/chan_core.hpp"

namespace gmp_test {

template <class C>
bool receiver_waits(const C& ch) {
  return !gmp::detail::chan_access::core(ch)->recvq_.empty();
}
template <class C>
bool sender_waits(const C& ch) {
  return !gmp::detail::chan_access::core(ch)->sendq_.empty();
}

inline std::size_t count_waiters(gmp::detail::chan_core& core,
                                 const gmp::detail::wait_queue& queue) {
  std::size_t n = 0;
  core.lock_.lock();
  for (auto* w = queue.front(); w != nullptr; w = w->next) ++n;
  core.lock_.unlock();
  return n;
}
// Waiters in the queue, selects that lost already included.
template <class C>
std::size_t receivers_waiting(const C& ch) {
  auto& core = *gmp::detail::chan_access::core(ch);
  return count_waiters(core, core.recvq_);
}
template <class C>
std::size_t senders_waiting(const C& ch) {
  auto& core = *gmp::detail::chan_access::core(ch);
  return count_waiters(core, core.sendq_);
}

template <class C>
void until_receiver_waits(const C& ch) {
  until([&] { return receiver_waits(ch); });
}
template <class C>
void until_sender_waits(const C& ch) {
  until([&] { return sender_waits(ch); });
}

}  // namespace gmp_test
