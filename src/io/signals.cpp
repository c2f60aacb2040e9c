// Subscriptions to signals.
#include "io/signals.hpp"

#include <utility>

#include "stack/stack.hpp"

namespace gmp::detail {

// Defined in a split file: see home.cpp.
void signals_listen_home(void* request) { signals_listen_at_home(request); }
void signals_leave_home(void* listener) { signals_leave_at_home(listener); }

}  // namespace gmp::detail

namespace gmp::signals {

namespace {
constexpr std::size_t room = 64;  // one of each number, at least
}

subscription notify(std::span<const int> signals) {
  subscription made;
  made.channel_ = make_chan<int>(room);
  detail::listen_request request{signals, made.channel_};
  detail::call_on_home(&detail::signals_listen_home, &request);
  made.listener_ = request.made;
  return made;
}

subscription::subscription(subscription&& other) noexcept
    : channel_(std::move(other.channel_)), listener_(std::exchange(other.listener_, nullptr)) {}

subscription& subscription::operator=(subscription&& other) noexcept {
  if (this != &other) {
    stop();
    channel_ = std::move(other.channel_);
    listener_ = std::exchange(other.listener_, nullptr);
  }
  return *this;
}

void subscription::stop() noexcept {
  if (listener_ == nullptr) return;
  detail::call_on_home(&detail::signals_leave_home, std::exchange(listener_, nullptr));
  channel_.close();  // nobody sends any more
}

}  // namespace gmp::signals
