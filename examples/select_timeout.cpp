// select waits for several things and goes on with the first: an answer, a time limit, an order to
// stop.
#include <gmp/gmp.hpp>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

using namespace std::chrono_literals;

namespace {

// A server that needs a while. The channel has room for one answer, so that the G can finish even
// if nobody waits any more; with an unbuffered channel it would be parked for good once the caller
// has given up.
gmp::recv_chan<std::string> ask(const char* server, std::chrono::milliseconds needs) {
  auto answer = gmp::make_chan<std::string>(1);
  gmp::go([=] {
    gmp::this_g::sleep_for(needs);  // parks the G, not the thread
    answer.send(std::string("answer of ") + server);
  });
  return answer;
}

// Go: select { case v := <-ask(...): ... case <-time.After(200 * time.Millisecond): ... }
void with_time_limit(const char* server, std::chrono::milliseconds needs) {
  gmp::select(gmp::on_recv(ask(server, needs),
                           [](const std::optional<std::string>& text) {
                             std::printf("%s\n", text.value().c_str());  // without a value: closed
                           }),
              gmp::on_timeout(200ms, [=] { std::printf("%s took too long\n", server); }));
}

// The first of two answers; select returns the index of the case that went on.
void first_of_two() {
  std::string text;
  auto keep = [&text](const std::optional<std::string>& answer) { text = answer.value(); };
  const std::size_t which = gmp::select(gmp::on_recv(ask("replica A", 2s), keep),
                                        gmp::on_recv(ask("replica B", 5ms), keep));
  std::printf("case %zu was first: %s\n", which, text.c_str());
}

// With otherwise (Go: default) a select does not wait at all.
void without_waiting() {
  auto empty = gmp::make_chan<int>(1);
  gmp::select(gmp::on_recv(empty), gmp::otherwise([] { std::printf("nothing there\n"); }));
  gmp::select(gmp::on_send(empty, 1, [] { std::printf("but there was room to send\n"); }),
              gmp::otherwise([] { std::printf("full\n"); }));
}

// A loop that works until it is told to stop. Closing a channel is the way to tell any number of Gs
// at once: a receive from a closed channel never waits. A channel of void carries no data.
void until_told_to_stop() {
  auto numbers = gmp::make_chan<int>();
  auto stop = gmp::make_chan<void>();
  auto counter = gmp::spawn([=] {
    int next = 0;
    for (bool stopped = false; !stopped;)
      gmp::select(gmp::on_send(numbers, next, [&] { ++next; }),
                  gmp::on_recv(stop, [&](bool) { stopped = true; }));
    return next;
  });
  while (*numbers.recv() < 9) continue;
  stop.close();
  std::printf("%d numbers before the stop\n", counter.get());
}

}  // namespace

int main() {
  gmp::run([] {
    with_time_limit("the quick server", 5ms);
    with_time_limit("the slow server", 2s);
    first_of_two();
    without_waiting();
    until_told_to_stop();
  });
}
