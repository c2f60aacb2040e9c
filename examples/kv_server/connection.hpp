// One client: reads commands, answers them, delivers what it has subscribed to.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include <gmp/mutex.hpp>
#include <gmp/net.hpp>

#include "buffer.hpp"
#include "commands.hpp"
#include "pubsub.hpp"
#include "resp.hpp"

namespace kv {

struct settings {
  std::chrono::milliseconds write{10'000};  // a client that takes nothing for so long is cut off
  std::chrono::milliseconds idle{0};        // one that sends nothing; 0: never
  std::chrono::milliseconds grace{500};  // in which clients may still send, once the server stops
  std::chrono::milliseconds drain{10'000};  // after which it cuts off who has not finished
};

// A G runs serve(); from the first subscription on another one runs deliver().
//
// C1  writing_ is held by whoever answers or delivers, if there are two: an answer to SUBSCRIBE
//     comes before the first message of that channel, none comes after the one to UNSUBSCRIBE.
// C2  While a G waits for its client it stands in serve() or deliver(), which need little stack.
//     What needs more (answer, collect) has returned by then: ten thousand idle clients are cheap.
class connection final : public subscriber,
                         public session,
                         public std::enable_shared_from_this<connection> {
 public:
  connection(gmp::net::tcp_stream stream, world& all, std::uint64_t number, const settings& how);

  // Until the client leaves, breaks the protocol or is cut off, or the end of what had arrived
  // before finish().
  void serve();
  // From any G: read what has arrived, answer it, end.
  void finish() noexcept;

  void cut_off() noexcept override;
  void subscribe(std::string_view channel) override;
  void unsubscribe(std::string_view channel) override;

 private:
  enum class next { read, flush, close };

  bool read();
  next answer();
  bool answer_and_flush();
  bool flush(reply& what);
  void complain(std::string_view why);
  void deliver();
  void collect(message_ref first);
  void leave();
  void discard_input();

  gmp::net::tcp_stream stream_;
  world& all_;
  settings how_;
  buffer in_;
  reply out_;
  resp_parser parser_;

  gmp::mutex writing_;     // [C1]
  bool listened_ = false;  // deliver() runs, or has run
  reply messages_;         // belongs to deliver()
};

}  // namespace kv
