// Signals of the process as a channel. Go: os/signal.
#pragma once

#include <csignal>
#include <initializer_list>
#include <span>

#include <gmp/chan.hpp>

namespace gmp::detail {
struct signal_listener;
}

namespace gmp::signals {

// Some signals, delivered to a channel for as long as this object lives; while anybody listens to a
// signal it has no other effect on the process. Movable. Every member may be called from Gs and
// plain threads, with or without a runtime; not from signal handlers, and moving and destroying
// need that nobody else uses the object. Go: what signal.Notify begins and signal.Stop ends.
class subscription {
 public:
  subscription() noexcept = default;  // to nothing: a nil channel
  subscription(subscription&& other) noexcept;
  subscription& operator=(subscription&& other) noexcept;
  ~subscription() { stop(); }

  // Receives the number of each signal that arrived since the subscription began, each at least
  // once after its last arrival: like the kernel's, signals of one number may be taken together
  // when the receiver is slow, but no number is lost, and nothing ever waits for the receiver. It
  // is closed by stop().
  recv_chan<int> channel() const noexcept { return channel_; }

  // Ends it: what is in the channel can still be received, then it is closed. When nobody listens
  // to a signal any more, what was set for it before the first listener came is in force again,
  // also for a signal that is still on its way then. Idempotent.
  void stop() noexcept;

 private:
  friend subscription notify(std::span<const int> signals);
  chan<int> channel_;
  detail::signal_listener* listener_ = nullptr;
};

// Listens to these signals from now on, beside all who listen already: each gets every signal.
//   auto stopping = gmp::signals::notify({SIGTERM, SIGINT});
//   stopping.channel().recv();
// The first one starts a thread that hands signals out; it ends with the last. Throws
// std::invalid_argument (no signal at all, or one that cannot be listened to: SIGKILL, SIGSTOP,
// those that report a fault of the program itself), std::system_error (no thread or descriptor to
// be had), std::bad_alloc. Go: signal.Notify.
[[nodiscard]] subscription notify(std::span<const int> signals);
[[nodiscard]] inline subscription notify(std::initializer_list<int> signals) {
  return notify(std::span(signals.begin(), signals.size()));
}

}  // namespace gmp::signals
