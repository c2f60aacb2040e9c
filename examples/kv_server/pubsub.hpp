// Subscriptions: who gets what is published. Messages travel through channels of gmp.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <gmp/chan.hpp>
#include <gmp/shared_mutex.hpp>

#include "store.hpp"

namespace kv {

struct message {
  std::string channel;
  std::string text;
};
using message_ref = std::shared_ptr<const message>;

// One that listens; a connection is one.
class subscriber {
 public:
  // Messages that may wait for a client before those who publish wait for it, too.
  static constexpr std::size_t backlog = 1024;

  virtual ~subscriber() = default;
  // Nil before open_mailbox(), which must come before the first hub::subscribe().
  const gmp::chan<message_ref>& mailbox() const { return mailbox_; }
  // It has not emptied its mailbox for a long time, or the server ends: no more for it.
  virtual void cut_off() noexcept = 0;

 protected:
  void open_mailbox() { mailbox_ = gmp::make_chan<message_ref>(backlog); }

 private:
  gmp::chan<message_ref> mailbox_;
};
using subscriber_ref = std::shared_ptr<subscriber>;

// H1  The lock is not held while anybody waits for a mailbox.
// H2  Once unsubscribe() has returned, publish() may still deliver what it began before; the
//     receiver drops what it has no subscription for.
class hub {
 public:
  void subscribe(std::string_view channel, const subscriber_ref& who);
  void unsubscribe(std::string_view channel, const subscriber* who);
  // To how many it was given. A mailbox that is full is waited for, but not long: then its owner is
  // cut off.
  std::size_t publish(std::string_view channel, std::string_view text);
  std::size_t channels();

 private:
  gmp::shared_mutex lock_;
  table<std::vector<subscriber_ref>> channels_;
};

}  // namespace kv
