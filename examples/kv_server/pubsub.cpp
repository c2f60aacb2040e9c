#include "pubsub.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace kv {

using namespace std::chrono_literals;

void hub::subscribe(std::string_view channel, const subscriber_ref& who) {
  const std::unique_lock hold(lock_);
  channels_[std::string(channel)].push_back(who);
}

void hub::unsubscribe(std::string_view channel, const subscriber* who) {
  const std::unique_lock hold(lock_);
  const auto at = channels_.find(make_key(channel));
  if (at == channels_.end()) return;
  std::erase_if(at->second, [who](const subscriber_ref& each) { return each.get() == who; });
  if (at->second.empty()) channels_.erase(at);
}

std::size_t hub::publish(std::string_view channel, std::string_view text) {
  constexpr auto patience = 5s;
  std::vector<subscriber_ref> receivers;
  {
    const std::shared_lock hold(lock_);
    const auto at = channels_.find(make_key(channel));
    if (at == channels_.end()) return 0;
    receivers = at->second;
  }
  const auto what =
      std::make_shared<const message>(message{std::string(channel), std::string(text)});
  std::size_t reached = 0;
  for (const subscriber_ref& each : receivers) {  // [H1]
    try {
      if (each->mailbox().try_send(message_ref(what)) ||
          each->mailbox().send_for(message_ref(what), patience))
        ++reached;
      else
        each->cut_off();
    } catch (const gmp::closed_channel&) {  // it left meanwhile
    }
  }
  return reached;
}

std::size_t hub::channels() {
  const std::shared_lock hold(lock_);
  return channels_.size();
}

}  // namespace kv
