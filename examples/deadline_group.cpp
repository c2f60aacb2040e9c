// A task group with a deadline: ask several servers, take what comes in time, stop the others.
#include <gmp/gmp.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

// A server that needs a while. Whoever asks gives up when the context does: every wait of this
// program ends with it.
std::string ask(const gmp::context& ctx, const char* server, std::chrono::milliseconds needs) {
  std::string answer;
  gmp::select(gmp::on_timeout(needs, [&] { answer = std::string("answer of ") + server; }),
              gmp::on_done(ctx, [&](std::error_code why) {
                throw std::system_error(why, std::string("gave up on ") + server);
              }));
  return answer;
}

// All three must answer within 300 ms. The first failure cancels the rest; no G is left behind.
void all_or_nothing(std::chrono::milliseconds slowest) {
  const auto [ctx, cancel] = gmp::with_timeout(gmp::context::background(), 300ms);
  std::vector<std::string> answers(3);
  try {
    gmp::task_group group(ctx);
    group.go([&](const gmp::context& c) { answers[0] = ask(c, "users", 1ms); });
    group.go([&](const gmp::context& c) { answers[1] = ask(c, "prices", 2ms); });
    group.go([&](const gmp::context& c) { answers[2] = ask(c, "stock", slowest); });
    group.wait();
    for (const std::string& text : answers) std::printf("%s\n", text.c_str());
  } catch (const std::system_error& error) {
    std::printf("%s\n", error.what());
  }
}

// A task that fails tells the others why they are to stop.
void a_failure_stops_the_others() {
  gmp::task_group group;
  group.go([](const gmp::context& c) {
    c.done().recv();
    std::printf("stopped: %s\n", c.err().message().c_str());
  });
  group.go([] { throw std::runtime_error("no such price"); });
  try {
    group.wait();
  } catch (const std::runtime_error& error) {
    std::printf("the group failed: %s\n", error.what());
  }
}

// Two at a time, every failure collected.
void every_failure() {
  gmp::task_group group(gmp::collect_all);
  group.set_limit(2);
  for (int i = 0; i < 10; ++i) {
    group.go([i] {
      if (i % 4 == 3) throw std::runtime_error("part " + std::to_string(i));
    });
  }
  try {
    group.wait();
  } catch (const gmp::group_errors& failed) {
    std::printf("%zu of 10 failed\n", failed.errors().size());
  }
}

}  // namespace

int main() {
  gmp::run([] {
    gmp::defer goodbye{[] { std::printf("nothing runs any more\n"); }};
    all_or_nothing(3ms);
    all_or_nothing(1h);
    a_failure_stops_the_others();
    every_failure();
  });
}
